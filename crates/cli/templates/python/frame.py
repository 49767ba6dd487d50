"""{{description}}"""

from typing import Any, Dict, List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class {{class}}(FrameModel):
    """Tags each sampled frame as bright or dark."""

    def __init__(self, params: Dict[str, Any]):
        self.bright_above = params.get("bright_above", 128)

    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        """Tag one picture: shape (height, width, 3), RGB, 0 to 255."""
        mean = img.mean()
        return [FrameTag("bright" if mean > self.bright_above else "dark", additional_info={"mean": round(mean)})]
