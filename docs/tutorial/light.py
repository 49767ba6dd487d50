"""Tells how light each frame is, and where its brightest spot lies."""

from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class Light(FrameModel):
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        luma = img.mean(axis=2)
        word = "dark" if luma.mean() < 70 else "bright" if luma.mean() > 150 else "medium light"
        return [FrameTag(tag=word, box=brightest_region(luma))]


def brightest_region(luma: np.ndarray) -> dict:
    """The brightest of 4 x 4 fields of the picture, in fractions of its width and height."""
    height, width = luma.shape
    fields = luma[: height // 4 * 4, : width // 4 * 4].reshape(4, height // 4, 4, width // 4).mean(axis=(1, 3))
    row, column = np.unravel_index(fields.argmax(), fields.shape)
    return {"x1": column / 4, "y1": row / 4, "x2": (column + 1) / 4, "y2": (row + 1) / 4}
