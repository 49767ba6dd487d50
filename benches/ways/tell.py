"""What every way to sample does with its frames, each in a process of its own: `by_….py CLIP RATE|key`."""

import json
import sys
import time
from typing import Callable, Iterator, Tuple

import numpy as np

Frames = Iterator[Tuple[int, np.ndarray]]


def tell(sample: Callable[[str, str], Frames]) -> None:
    """Take the frames one at a time and let them go; print the seconds without the imports, and the indices."""
    clip, rate = sys.argv[1:3]
    indices = []
    begun = time.perf_counter()
    for index, image in sample(clip, rate):
        assert image.ndim == 3
        assert image.dtype == np.uint8
        indices.append(index)
    print(json.dumps({"seconds": time.perf_counter() - begun, "indices": indices}))
