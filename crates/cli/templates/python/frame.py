"""{{description}}"""

from dataclasses import dataclass, field
from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


@dataclass
class Params:
    """What the user may choose."""

    bright_above: float = field(default=128.0, metadata={"ge": 0, "le": 255})
    """A frame whose mean is above this is bright."""


class {{class}}(FrameModel):
    """Tags each sampled frame as bright or dark."""

    def __init__(self, params: Params):
        self.params = params

    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        """Tag one picture: shape (height, width, 3), RGB, 0 to 255."""
        mean = img.mean()
        return [FrameTag("bright" if mean > self.params.bright_above else "dark", additional_info={"mean": round(mean)})]
