"""Makes a slip that authors make early: the one that the parameter tells."""

import numpy as np

from common_ml.tagging.models.av import *
from common_ml.tagging.models.frame_based import *
from common_ml.tagging.models.tag_types import Tag
from common_ml.tagging.run_helpers import get_params, run_default

slip = get_params()["slip"]
good = Tag(0, 1, "good", "")


class Whole(AVModel):
    def tag(self, fpath):
        return {
            "none": None,
            "pair": ("dog", 0.5),
            "text": "dog",
            "dictionary": [{"tag": "dog"}],
            "track": [good, Tag(0, 1, "dog", fpath, track=7)],
            "no text": [Tag(0, 1, None, fpath)],
            "info": [Tag(0, 1, "dog", fpath, "", {"scores": np.array([0.5, np.nan])})],
            "box": [Tag(0, 1, "dog", fpath, frame_info={"frame_idx": 0, "box": {"left": 0, "width": 1}})],
        }[slip]


class Pictures(FrameModel):
    def tag_frame(self, img):
        if slip == "frame raises":
            raise ZeroDivisionError("no pixels")
        return {
            "frame none": None,
            "frame pair": ("dog", 0.5),
            "frame box": [FrameTag("dog", {"x": 0, "y": 0, "w": 1, "h": 1})],
            "frame no text": [FrameTag(None)],
            "frame info": [FrameTag("dog", additional_info={"model": object})],
        }[slip]


run_default(Pictures() if slip.startswith("frame") else Whole())
