from common_ml.tagging.models.av import *
from common_ml.tagging.models.tag_types import FrameInfo
from common_ml.tagging.run_helpers import run_default


class Odd(AVModel):
    def tag(self, fpath: str) -> List[Tag]:
        outside = FrameInfo(0, {"x1": -0.5, "y1": 0, "x2": 1.5, "y2": 1})
        return [
            Tag(-5, 10, "early", fpath),
            Tag(-6, 10, "early too", fpath),
            Tag(10, 5, "reversed", fpath),
            Tag(10, 4, "reversed too", fpath),
            Tag(0, 0, "outside", fpath, frame_info=outside),
            Tag(0, 0, "outside too", fpath, frame_info=outside),
        ]


run_default(Odd)
