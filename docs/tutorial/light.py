"""Tells how light each frame is, and where its brightest spot lies."""

from typing import Dict, List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class Light(FrameModel):
    """Tags each sampled frame as dark, medium or bright."""

    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        """Tag one picture: shape (height, width, 3), RGB, 0 to 255."""
        luma = img.mean(axis=2)
        mean = luma.mean()
        word = "dark" if mean < 90 else "bright" if mean > 120 else "medium"
        return [FrameTag(tag=word, box=brightest_field(luma))]


def brightest_field(luma: np.ndarray) -> Dict[str, float]:
    """Find the brightest of 4 x 4 fields of the picture, in fractions of its width and height."""
    height, width = luma.shape
    fields = luma[: height // 4 * 4, : width // 4 * 4].reshape(4, height // 4, 4, width // 4).mean(axis=(1, 3))
    row, column = np.unravel_index(fields.argmax(), fields.shape)
    return {"x1": column / 4, "y1": row / 4, "x2": (column + 1) / 4, "y2": (row + 1) / 4}
