"""Frames stream: few of them are in memory, and the next ones are decoded while the model works."""

import json
import sys
import threading
import time

import pytest

from common_ml import _native
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.models.frame_based import FrameModel

PATIENCE_SECONDS = 60
MIB = 1 << 20
FRAME_BYTES = 160 * 120 * 3


@pytest.mark.parametrize("batches", [False, True], ids=["one by one", "in batches"])
def test_32_minutes_take_no_more_memory_than_4(run, media, batches):
    def told(clip):
        ended = run("programs/peak.py", [media / clip], params={"fps": 10, "batches": batches})
        assert ended.status == 0, ended.stderr
        return json.loads(ended.stderr)

    short, long = told("4_minutes.mp4"), told("32_minutes.mp4")
    assert (short["frames"], long["frames"]) == (1200, 9600)
    # All frames of the long clip are 553 MB. What allocators keep differs from run to run.
    assert long["peak_bytes"] - short["peak_bytes"] < 16 * MIB
    for clip in (short, long):
        assert 32 * MIB - FRAME_BYTES < clip["most_bytes_ahead"] <= 32 * MIB + FRAME_BYTES


def test_the_next_frames_are_decoded_while_the_model_works(media, monkeypatch):
    readers = []
    opened = _native.Frames
    monkeypatch.setattr(_native, "Frames", lambda path, fps: readers.append(opened(path, fps)) or readers[-1])

    class Waiting(FrameModel):
        seen = 0

        def tag_frame(self, img):
            """Returns only when the three frames after this one are there, or all that are left."""
            self.seen += 1
            wanted = min(3, 63 - self.seen) * img.nbytes
            deadline = time.monotonic() + PATIENCE_SECONDS
            while readers[-1].bytes_ahead < wanted:
                assert time.monotonic() < deadline, f"nothing was decoded while frame {self.seen} was looked at"
            return []

    model = Waiting()
    FileTagger.from_frame_model(model, fps=100).tag(str(media / "flashes.mp4"))
    assert model.seen == 63


@pytest.fixture
def threads_switch_only_when_the_lock_is_released():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_switch_only_when_the_lock_is_released")
def test_other_threads_run_while_frames_are_waited_for(media):
    turns = 0
    ended = False

    def take_turns():
        nonlocal turns
        while not ended:
            turns += 1
            time.sleep(0)  # releases the lock, and waits for it again

    other = threading.Thread(target=take_turns)
    other.start()
    try:
        before = turns
        for _ in _native.Frames(media / "4_minutes.mp4", 5):
            if turns > before:
                break
        seen = turns
    finally:
        ended = True
        other.join()
    assert seen > before
