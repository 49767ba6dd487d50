from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag

class MyFrameModel(FrameModel):
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        """
        Parameters
        ----------
        img : np.ndarray, shape (H, W, 3), dtype uint8
            RGB image.
        """
        return [
            FrameTag(tag="replace with your models output", box={"x1": 0.05, "y1": 0.05, "x2": 0.95, "y2": 0.95}),
            FrameTag(tag="another tag", box={"x1": 0.05, "y1": 0.05, "x2": 0.95, "y2": 0.95})
        ]
