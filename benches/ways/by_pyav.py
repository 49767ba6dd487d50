"""The naive way: PyAV decodes every frame, with frame threads, and what is nearest to the grid is converted."""

from typing import Iterator, Tuple

import av
from av.video.frame import PictureType
from tell import Frames, tell

Decoded = Iterator[Tuple[int, av.VideoFrame]]


def frames(clip: str, rate: str) -> Frames:
    """Only what is wanted is converted, and nothing is kept."""
    with av.open(clip) as container:
        container.streams.video[0].thread_type = "AUTO"
        decoded = enumerate(container.decode(video=0))
        for index, frame in intra(decoded) if rate == "key" else nearest(decoded, 1 / float(rate)):
            yield index, frame.to_ndarray(format="rgb24")


def intra(decoded: Decoded) -> Decoded:
    """The frames that were coded without reference to others."""
    return (one for one in decoded if one[1].pict_type == PictureType.I)


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
    tell(frames)
