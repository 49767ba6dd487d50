"""Microseconds until a frame that is decoded already is a numpy array: `hand_over.py CLIP`."""

import json
import statistics
import sys
import time

from common_ml import _native

WAITING = 3  # fewer than the queue holds
TIMES = 15


def main() -> None:
    """Take frames from a full queue and drop them, and beside that the time of a plain copy."""
    frames = iter(_native.Frames(sys.argv[1], 25.0))
    moved, copied, let_go = [], [], []
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
            begun = time.perf_counter()
            del image
            let_go.append(time.perf_counter() - begun)
    taken_us = {"moved_us": moved, "let_go_us": let_go, "copied_us": copied}
    medians = {name: statistics.median(times) * 1e6 for name, times in taken_us.items()}
    print(json.dumps({"seconds": sum(moved), **medians}))


if __name__ == "__main__":
    main()
