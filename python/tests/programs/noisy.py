"""Prints megabytes where nobody expects a message, and leaves the work to processes made by `fork`."""

import multiprocessing
import sys

from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.run_helpers import run_default

LINES = 75_000


def brightness(image):
    print("a word of a worker")
    return "bright" if image.mean() > 127 else "dark"


class Noisy(FrameModel):
    def tag_frame(self, img):
        for stream in (sys.stdout, sys.stderr):
            stream.write("a word or two\n" * LINES)
        with multiprocessing.get_context("fork").Pool(2) as workers:
            return [FrameTag(text) for text in workers.map(brightness, [img])]


run_default(Noisy())
