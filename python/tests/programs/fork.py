"""Decodes, forks, and lets the child speak the contract; the parent answers for the child's status."""

import os
import sys

from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.run_helpers import run_default
from common_ml.video_processing import get_frames


class Forking(FrameModel):
    def tag_frame(self, img):
        # A worker that ends in the middle of a file must not wait for the parent's decoder.
        worker = os.fork()
        if worker == 0:
            sys.exit(0)
        os.waitpid(worker, 0)
        return [FrameTag("seen")]


get_frames(sys.argv[1], 1)
child = os.fork()
if child == 0:
    run_default(Forking())
    sys.exit(0)
_, status = os.waitpid(child, 0)
sys.exit(1 if status else 0)
