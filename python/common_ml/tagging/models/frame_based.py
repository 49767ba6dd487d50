"""Models that look at single pictures: a still, or frames sampled from video."""

from abc import ABC, abstractmethod
from typing import List

import numpy as np

from common_ml.tagging.models.tag_types import FrameTag


class FrameModel(ABC):
    """A model that looks at one picture at a time."""

    @abstractmethod
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        """Tags one picture.

        `img` is upright RGB: shape (height, width, 3), `uint8`, C-contiguous, the model's own to write to.
        Nothing found is an empty list. Whatever is raised fails the file with that text.
        """


class BatchFrameModel(ABC):
    """A model that looks at several pictures of one file at once.

    An attribute `batch_size` says how many (default 16, up to 128 MiB at once); 0 asks for the whole file.
    """

    @abstractmethod
    def tag_frames(self, imgs: np.ndarray) -> List[List[FrameTag]]:
        """Tags pictures of equal size: one list of tags for each picture, in their order.

        `imgs` is upright RGB: shape (pictures, height, width, 3), `uint8`, C-contiguous, the model's own to write to.
        Whatever is raised fails the file with that text.
        """

    @staticmethod
    def from_frame_model(model: FrameModel) -> "BatchFrameModel":
        """Shows each picture of a batch to `model`."""
        return _OneByOne(model)


class _OneByOne(BatchFrameModel):
    def __init__(self, model: FrameModel):
        self._model = model

    def tag_frames(self, imgs: np.ndarray) -> List[List[FrameTag]]:
        return [self._model.tag_frame(img) for img in imgs]
