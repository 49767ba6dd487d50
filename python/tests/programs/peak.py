"""Looks at all frames once as many wait as may, and tells how much memory that took."""

import json
import os
import sys

from common_ml import _native
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.run_helpers import get_params, run_default

MAX_BYTES_AHEAD = 32 << 20

readers = []
open_frames = _native.Frames


def remember(path, fps):
    readers.append(open_frames(path, fps))
    return readers[-1]


_native.Frames = remember


class Told:
    def __init__(self):
        self.frames = 0
        self.most_bytes_ahead = 0

    def look(self, images):
        """Waits at the first call until the next frame would be too much: then nothing more is read ahead."""
        frame_bytes = images[0].nbytes
        while self.frames == 0 and readers[-1].bytes_ahead + frame_bytes <= MAX_BYTES_AHEAD:
            os.sched_yield()
        self.frames += len(images)
        self.most_bytes_ahead = max(self.most_bytes_ahead, readers[-1].bytes_ahead)


class OneByOne(Told, FrameModel):
    def tag_frame(self, img):
        self.look([img])
        return []


class InBatches(Told, BatchFrameModel):
    def tag_frames(self, imgs):
        self.look(imgs)
        return [[] for _ in imgs]


model = InBatches() if get_params()["batches"] else OneByOne()
run_default(model)
with open("/proc/self/status") as status:
    peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
told = {"frames": model.frames, "most_bytes_ahead": model.most_bytes_ahead, "peak_bytes": peak_kib << 10}
print(json.dumps(told), file=sys.stderr)
