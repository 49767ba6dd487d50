"""{{description}}"""

from typing import Any, Dict, List

import numpy as np
from common_ml.tagging.models.frame_based import BatchFrameModel
from common_ml.tagging.models.tag_types import FrameTag


class {{class}}(BatchFrameModel):
    """Tags each sampled frame as bright or dark, several at once."""

    batch_size = 8

    def __init__(self, params: Dict[str, Any]):
        self.bright_above = params.get("bright_above", 128)

    def tag_frames(self, imgs: np.ndarray) -> List[List[FrameTag]]:
        """Tag pictures of one file: shape (pictures, height, width, 3), RGB, 0 to 255; a list of tags for each."""
        means = imgs.mean(axis=(1, 2, 3))
        return [[FrameTag("bright" if mean > self.bright_above else "dark")] for mean in means]
