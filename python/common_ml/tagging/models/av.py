"""Models that look at whole audio or video files."""

from abc import ABC, abstractmethod
from typing import Dict as Dict
from typing import Iterator, List

from common_ml.tagging import _frames
from common_ml.tagging.models.tag_types import Tag


class AVModel(ABC):
    """A model that looks at whole files."""

    @abstractmethod
    def tag(self, fpath: str) -> List[Tag]:
        """Tags one file; times are in ms from its start.

        A generator will do: each tag is written as it comes. A tag without `source_media` is this file's. Whatever is
        raised fails the file with that text.
        """

    @staticmethod
    def from_frame_model(frame_model: _frames.AnyFrameModel, fps: float, allow_single_frame: bool) -> "AVModel":
        """Shows `fps` frames of each second to a frame model: a tag for each it returns, then the time ranges.

        `allow_single_frame`: whether a text seen on one sampled frame only makes a time range.
        """
        return _FrameByFrame(_frames.FrameTagging(frame_model, fps, allow_single_frame))


class _FrameByFrame(AVModel):
    def __init__(self, tagging: _frames.FrameTagging):
        self._tagging = tagging

    def tag(self, fpath: str) -> List[Tag]:
        return list(self._stream_tags(fpath))

    def _stream_tags(self, fpath: str) -> Iterator[Tag]:
        return self._tagging.tags(fpath)
