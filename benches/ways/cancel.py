"""Milliseconds until a reader that is dropped in the middle of its work is gone, threads and all: `cancel.py CLIP`."""

import json
import pathlib
import statistics
import sys
import time
from typing import List

from common_ml import _native

TIMES = 20


def main() -> None:
    """Drop readers that decode at full rate, a little later each time."""
    took = []
    for number in range(TIMES):
        frames = iter(_native.Frames(sys.argv[1], 25.0))
        for _ in range(1 + number % 5):
            next(frames)
        time.sleep(0.003 * number)
        begun = time.perf_counter()
        del frames
        took.append(time.perf_counter() - begun)
    time.sleep(0.1)  # a thread that was joined is listed a moment longer
    left = [name for name in names_of_threads() if name.startswith("tagger")]
    assert not left, left
    milliseconds = {"median_ms": statistics.median(took) * 1e3, "longest_ms": max(took) * 1e3}
    print(json.dumps({"seconds": sum(took), **milliseconds}))


def names_of_threads() -> List[str]:
    """Of this process."""
    return [file.read_text() for file in pathlib.Path("/proc/self/task").glob("*/comm")]


if __name__ == "__main__":
    main()
