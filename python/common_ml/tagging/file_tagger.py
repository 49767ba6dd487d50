"""What every model of single files becomes: a path in, tags out."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Iterator, List, Optional
from typing import Union as Union

import numpy as np  # noqa: F401 (models import it from here)

from common_ml.tagging import _frames, _returned
from common_ml.tagging.models.av import AVModel as AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel as BatchFrameModel
from common_ml.tagging.models.frame_based import FrameModel as FrameModel
from common_ml.tagging.models.tag_types import Tag


class FileTagger(ABC):
    """Turns one file into tags."""

    @abstractmethod
    def tag(self, file: str) -> List[Tag]:
        """The tags of one file. Whatever is raised fails the file with that text."""

    @staticmethod
    def from_video_model(model: AVModel) -> "FileTagger":
        """Tags files with a model that looks at whole files."""
        return _WholeFile(model)

    @staticmethod
    def from_frame_model(
        model: _frames.AnyFrameModel,
        fps: float = 1.0,
        allow_single_frame: bool = False,
        batch_size: Optional[int] = None,
    ) -> "FileTagger":
        """Tags stills and video with a model that looks at pictures.

        - `fps`: frames sampled per second of video.
        - `allow_single_frame`: whether a text seen on one sampled frame only makes a time range.
        - `batch_size`: frames handed over at once; 0 is the whole file. Default: the model's own, else 16.
        """
        return _Frames(_frames.FrameTagging(model, fps, allow_single_frame, batch_size))


class _WholeFile(FileTagger):
    def __init__(self, model: AVModel):
        self._model = model

    def tag(self, file: str) -> List[Tag]:
        return list(self._stream_tags(file))

    def _stream_tags(self, file: str) -> Iterator[Tag]:
        for tag in _returned.stream_tags(self._model, file):
            nameless = isinstance(tag, Tag) and not tag.source_media
            yield replace(tag, source_media=file) if nameless else tag


class _Frames(FileTagger):
    def __init__(self, tagging: _frames.FrameTagging):
        self._tagging = tagging

    def tag(self, file: str) -> List[Tag]:
        return list(self._stream_tags(file))

    def _stream_tags(self, file: str) -> Iterator[Tag]:
        return self._tagging.tags(file)
