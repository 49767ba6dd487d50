"""Gives every file a tag as long as it is: the streams that it has, and its name."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from contract import done, paths, tag  # noqa: E402

for path in paths():
    entries = "format=duration:stream=codec_type"
    ffprobe = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "default=nokey=1:noprint_wrappers=1", path]
    *streams, duration = subprocess.run(ffprobe, check=True, capture_output=True, text=True).stdout.split()
    tag(path, " ".join([*streams, os.path.basename(path)]), 0, round(1000 * float(duration)))
    done(path)
