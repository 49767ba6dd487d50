"""Microseconds until a frame that is decoded already is a numpy array: `hand_over.py CLIP`."""

import json
import statistics
import sys
import time

from common_ml import _native

WAITING = 3  # fewer than the queue holds
TIMES = 15


def main() -> None:
    """Take frames from a full queue, and beside that the time of a plain copy."""
    frames = iter(_native.Frames(sys.argv[1], 25.0))
    moved, copied = [], []
    for _ in range(TIMES):
        time.sleep(0.25)  # until the queue is full and the decoder rests
        for _ in range(WAITING):
            begun = time.perf_counter()
            _, image = next(frames)
            taken = time.perf_counter()
            copy = image.copy()
            copied.append(time.perf_counter() - taken)
            moved.append(taken - begun)
            del copy
    medians = {"moved_us": statistics.median(moved) * 1e6, "copied_us": statistics.median(copied) * 1e6}
    print(json.dumps({"seconds": sum(moved), **medians}))


if __name__ == "__main__":
    main()
