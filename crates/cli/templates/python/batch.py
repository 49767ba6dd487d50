"""{{description}}"""

from dataclasses import dataclass, field
from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import BatchFrameModel
from common_ml.tagging.models.tag_types import FrameTag


@dataclass
class Params:
    """What the user may choose."""

    bright_above: float = field(default=128.0, metadata={"ge": 0, "le": 255})
    """A frame whose mean is above this is bright."""


class {{class}}(BatchFrameModel):
    """Tags each sampled frame as bright or dark, several at once."""

    batch_size = 8

    def __init__(self, params: Params):
        self.params = params

    def tag_frames(self, imgs: np.ndarray) -> List[List[FrameTag]]:
        """Tag pictures of one file: shape (pictures, height, width, 3), RGB, 0 to 255; a list of tags for each."""
        means = imgs.mean(axis=(1, 2, 3))
        return [[FrameTag("bright" if mean > self.params.bright_above else "dark")] for mean in means]
