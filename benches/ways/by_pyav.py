"""The naive way with PyAV: `by_pyav.py CLIP RATE|key [lean]`. Every frame is decoded, with frame threads.

As is usual, it gives all chosen frames as one array, and for key frames it makes an array of every frame before it
looks at its type. `lean` converts only what is chosen and keeps nothing, so that decoding is all that is left.
"""

import sys
from typing import Iterator, Tuple

import av
import numpy as np
from av.video.frame import PictureType
from tell import Frames, tell

Decoded = Iterator[Tuple[int, av.VideoFrame]]


def frames(clip: str, rate: str) -> Frames:
    """All of them are in memory, twice, before the first one is given."""
    with av.open(clip) as container:
        container.streams.video[0].thread_type = "AUTO"
        decoded = enumerate(container.decode(video=0))
        if rate == "key":
            arrays = ((index, frame.pict_type, pixels(frame)) for index, frame in decoded)
            chosen = [(index, image) for index, kind, image in arrays if kind == PictureType.I]
        else:
            chosen = [(index, pixels(frame)) for index, frame in nearest(decoded, 1 / float(rate))]
    yield from zip([index for index, _ in chosen], np.stack([image for _, image in chosen]))


def lean_frames(clip: str, rate: str) -> Frames:
    """One at a time."""
    with av.open(clip) as container:
        container.streams.video[0].thread_type = "AUTO"
        decoded = enumerate(container.decode(video=0))
        intra = (one for one in decoded if one[1].pict_type == PictureType.I)
        for index, frame in intra if rate == "key" else nearest(decoded, 1 / float(rate)):
            yield index, pixels(frame)


def pixels(frame: av.VideoFrame) -> np.ndarray:
    """RGB."""
    return frame.to_ndarray(format="rgb24")


def nearest(decoded: Decoded, step: float) -> Decoded:
    """For each point of the grid the frame nearest in time, the earlier one on a tie, each frame once."""
    earlier = next(decoded)
    yield earlier
    given, point = earlier[0], earlier[1].time + step
    for this in decoded:
        while point <= this[1].time:
            near = this if this[1].time - point < point - earlier[1].time else earlier
            if near[0] != given:
                yield near
                given = near[0]
            point += step
        earlier = this


if __name__ == "__main__":
    tell(lean_frames if "lean" in sys.argv[3:] else frames)
