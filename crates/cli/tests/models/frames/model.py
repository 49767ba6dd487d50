"""Gives every frame of a file a tag: its time, its number and a digest of its pixels, as ffmpeg decodes it."""

import os
import subprocess
import sys
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from contract import done, paths, tag  # noqa: E402

for path in paths():
    ffmpeg = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    lines = subprocess.run(ffmpeg, check=True, capture_output=True, text=True).stdout.splitlines()
    unit = next(Fraction(line.split()[2]) for line in lines if line.startswith("#tb 0:"))
    frames = [line.split(",") for line in lines if not line.startswith("#")]
    for number, fields in enumerate(frames):
        at = round(1000 * unit * int(fields[2]))
        tag(path, fields[5].strip(), at, at, frame_info={"frame_idx": number})
    done(path)
