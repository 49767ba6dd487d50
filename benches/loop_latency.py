"""How long a path on standard input takes to become a tag, once the program is started."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import List

TITLE = "From the input line to the first tag"

ROUNDS = 100

MODEL = """
from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class Trivial(FrameModel):
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        return [FrameTag(tag="seen")]
"""

# The least that any program under the contract can do: no decoding, no checks.
BARE = """
import json, sys

out = open(sys.argv[sys.argv.index("--output-path") + 1], "a")
for line in sys.stdin:
    data = {"start_time": 0, "end_time": 0, "tag": "seen", "source_media": line.strip()}
    for message in ({"type": "tag", "data": data}, {"type": "progress", "data": {"source_media": line.strip()}}):
        out.write(json.dumps(message) + "\\n")
        out.flush()
"""


def measure(quick: bool) -> str:
    """Time a trivial frame model on a small still, and the barest program beside it."""
    rounds = 20 if quick else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        still = folder / "still.png"
        source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:duration=1", "-frames:v", "1"]
        subprocess.run(["ffmpeg", "-v", "error", *source, str(still)], check=True)
        (folder / "trivial.py").write_text(MODEL)
        (folder / "bare.py").write_text(BARE)
        ours = latencies(
            [sys.executable, "-m", "common_ml.runner", str(folder / "trivial.py")], still, folder / "ours.jsonl", rounds
        )
        bare = latencies([sys.executable, str(folder / "bare.py")], still, folder / "bare.jsonl", rounds)
    rows = ["| program | median ms | 95th percentile ms | × bare |", "| --- | --- | --- | --- |"]
    base = statistics.median(bare)
    for what, seconds in (("frame model on a 320x180 still, `common_ml`", ours), ("bare loop, nothing decoded", bare)):
        middle = statistics.median(seconds)
        tail = statistics.quantiles(seconds, n=20)[-1]
        rows.append(f"| {what} | {middle * 1000:.2f} | {tail * 1000:.2f} | {middle / base:.1f} |")
    note = f"{rounds} lines, each sent after the last one's progress; the target is a first tag within 20 ms."
    return "\n".join([*rows, "", note])


def latencies(command: List[str], still: pathlib.Path, output: pathlib.Path, rounds: int) -> List[float]:
    """Seconds from each line sent to the first tag in the output file."""
    program = subprocess.Popen(
        [*command, "--output-path", str(output)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert program.stdin is not None
    times = []
    seen = 0
    for _ in range(rounds + 5):
        begun = time.perf_counter()
        program.stdin.write(f"{still}\n")
        program.stdin.flush()
        while not has_grown(output, seen, program):
            pass
        times.append(time.perf_counter() - begun)
        while not output.read_bytes()[seen:].count(b'"progress"'):
            pass
        seen = output.stat().st_size
    program.stdin.close()
    program.wait(timeout=30)
    return times[5:]  # the first ones wait for the program to start


def has_grown(output: pathlib.Path, seen: int, program: "subprocess.Popen[str]") -> bool:
    """Whether a line has been added. Watched without rest: a pause would be measured too."""
    if program.poll() is not None:
        raise RuntimeError(f"{program.args} ended with status {program.returncode}")
    try:
        return output.stat().st_size > seen
    except FileNotFoundError:
        return False
