"""Makes a frame model tag files: stills as they are, video frame by frame.

Frames stream: however long a video is, only a few of its frames are in memory. Tags leave as they are found; the time
ranges come last.
"""

import operator
import sys
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy as np

from common_ml import _native
from common_ml.tagging import _wire
from common_ml.tagging._returned import listed, shown
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag

AnyFrameModel = Union[FrameModel, BatchFrameModel]

DEFAULT_BATCH_SIZE = 16


class FrameTagging:
    """A frame model, and how video is shown to it.

    - `fps`: frames sampled per second of video.
    - `allow_single_frame`: whether a text seen on one sampled frame only makes a time range.
    - `batch_size`: frames handed over at once; 0 is the whole file. Default: the model's own attribute, else 16.
    """

    def __init__(self, model: AnyFrameModel, fps: float, allow_single_frame: bool, batch_size: Optional[int] = None):
        self._model: Any = model
        self._fps = fps
        self._allow_single_frame = allow_single_frame
        self._batch_size = batch_size
        derived = isinstance(model, (FrameModel, BatchFrameModel))
        self._in_batches = isinstance(model, BatchFrameModel) if derived else hasattr(model, "tag_frames")

    def tags(self, file: str) -> Iterator[Tag]:
        """The tags of one file, as they are found. Raises `ValueError` for what is neither image nor video."""
        kind = _native.file_kind(file)
        if kind == "image":
            yield from self._still(file)
        elif kind == "video":
            yield from self._video(file)
        else:
            raise ValueError(f"a frame model takes images and video, not `{file}` ({kind} by its extension)")

    def _still(self, file: str) -> Iterator[Tag]:
        image = _native.read_still(file)
        (seen,) = self._look(file, [0], image[np.newaxis]) if self._in_batches else [self._look_at_one(file, 0, image)]
        for tag in seen:
            yield _on_frame(file, 0, 0, tag)

    def _video(self, file: str) -> Iterator[Tag]:
        frames = _native.Frames(file, self._fps)
        ranges = _native.RangeBuilder(self._allow_single_frame)
        for (index, _, time_ms, duration_ms), seen in self._seen(file, frames):
            ranges.add(time_ms, duration_ms, [_wire.writable(tag.tag) for tag in seen])
            for tag in seen:
                yield _on_frame(file, index, time_ms, tag)
        for start_ms, end_ms, text in ranges.finish():
            yield Tag(start_ms, end_ms, text, file)
        if frames.skipped:
            print(f"warning: `{file}`: {frames.skipped}", file=sys.stderr)

    def _seen(self, file: str, frames: _native.Frames) -> Iterator[Tuple[Tuple[int, float, int, int], List[FrameTag]]]:
        if not self._in_batches:
            for place, image in frames:
                yield place, self._look_at_one(file, place[0], image)
            return
        size = self._size()
        batch = frames.read(size)
        while batch is not None:
            places, images = batch
            yield from zip(places, self._look(file, [place[0] for place in places], images))
            del batch, images  # before the next batch is made
            batch = frames.read(size)

    def _size(self) -> int:
        size = self._batch_size if self._batch_size is not None else getattr(self._model, "batch_size", None)
        if size is None:
            return DEFAULT_BATCH_SIZE
        try:
            size = operator.index(size)
        except TypeError:
            raise TypeError(f"batch_size is {shown(size)}; a whole number from 0 is expected") from None
        if size < 0:
            raise ValueError(f"batch_size is {size}; a whole number from 0 is expected (0: the whole file at once)")
        return size

    def _look_at_one(self, file: str, index: int, image: np.ndarray) -> List[FrameTag]:
        return _checked(self._model.tag_frame(image), f"tag_frame on frame {index} of `{file}`")

    def _look(self, file: str, indices: List[int], images: np.ndarray) -> List[List[FrameTag]]:
        call = f"tag_frames on frames {indices[0]} to {indices[-1]} of `{file}`"
        tagged = listed(self._model.tag_frames(images), call, "a list of FrameTag for each frame")
        if len(tagged) != len(indices):
            raise ValueError(f"{call} returned {len(tagged)} lists of tags for {len(indices)} frames")
        return [_checked(seen, f"tag_frames on frame {index} of `{file}`") for index, seen in zip(indices, tagged)]


def _checked(returned: object, call: str) -> List[FrameTag]:
    tags = listed(returned, call, "FrameTag")
    for tag in tags:
        if not hasattr(tag, "tag"):
            raise TypeError(
                f"{call} returned {shown(tag)} in its list; FrameTag(tag, box, additional_info) is expected"
            )
        if not isinstance(tag.tag, str):
            raise TypeError(f"{call} returned a tag whose text is {shown(tag.tag)}; a string is expected")
    return tags


def _on_frame(file: str, index: int, time_ms: int, tag: FrameTag) -> Tag:
    frame_info = FrameInfo(index, getattr(tag, "box", None))
    return Tag(
        time_ms, time_ms, tag.tag, file, additional_info=getattr(tag, "additional_info", None), frame_info=frame_info
    )
