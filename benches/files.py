"""Many small files in one batch, and what the package adds to the start of a program."""

import pathlib
import sys
import tempfile
from typing import List

from clips import Clips
from trial import Program, in_turns, middle, table

TITLE = "Small files and start"

MODEL = """
from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class Trivial(FrameModel):
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        return [FrameTag(tag="seen")]
"""

# The same by hand: no checks, one file at a time, the reader that most models use.
BY_HAND = """
import json, sys

import cv2

out = open(sys.argv[sys.argv.index("--output-path") + 1], "a")
for line in sys.stdin:
    source = line.strip()
    image = cv2.cvtColor(cv2.imread(source), cv2.COLOR_BGR2RGB)
    assert image.ndim == 3
    frame = {"frame_idx": 0, "box": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}
    data = {"start_time": 0, "end_time": 0, "tag": "seen", "source_media": source, "frame_info": frame}
    for message in ({"type": "tag", "data": data}, {"type": "progress", "data": {"source_media": source}}):
        out.write(json.dumps(message) + "\\n")
        out.flush()
"""

IMPORTS = {
    "numpy alone": "pass",
    "`common_ml`'s frame models and loop on top": (
        "import common_ml.tagging.models.frame_based, common_ml.tagging.run_helpers"
    ),
    "`common_ml.video_processing` on top": "import common_ml.video_processing",
    "PyAV on top": "import av",
    "OpenCV on top": "import cv2",
}
IMPORT = """
import time, json
begun = time.perf_counter()
import numpy
after_numpy = time.perf_counter()
IMPORTED
done = time.perf_counter()
print(json.dumps({"seconds": done - ("IMPORTED" == "pass" and begun or after_numpy)}))
"""


def measure(quick: bool) -> str:
    """Two tables."""
    return "\n\n".join([many(quick), starting(3 if quick else 15)])


def many(quick: bool) -> str:
    """Files a second, the start of the program left out."""
    count, rounds = (1000, 1) if quick else (4000, 3)
    stills = Clips(quick).stills(count)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "trivial.py").write_text(MODEL)
        (folder / "by_hand.py").write_text(BY_HAND)
        commands = {
            "`common_ml`": [sys.executable, "-m", "common_ml.runner", str(folder / "trivial.py")],
            "by hand with OpenCV": [sys.executable, str(folder / "by_hand.py")],
        }
        programs = {}
        for what, command in commands.items():
            for files in (count, 1):
                output = folder / f"{len(programs)}.jsonl"
                programs[f"{what} {files}"] = reading(command, stills[:files], output)
        runs = in_turns(programs, rounds)
        for number, (what, each) in enumerate(runs.items()):
            answered = (folder / f"{number}.jsonl").read_text().count('"progress"')
            if answered != len(each) * int(what.split()[-1]):
                raise RuntimeError(f"{what}: {answered} files were answered")
    rows, rates = [], []
    for what in commands:
        all_s, one_s = (middle(runs[f"{what} {files}"], lambda run: run.wall_s) for files in (count, 1))
        rates.append((count - 1) / (all_s - one_s))
        rows.append([what, f"{rates[-1]:.0f}", f"{rates[-1] / rates[0]:.2f}", f"{one_s:.2f}"])
    note = f"A trivial frame model over {count} JPEG files of 320x180 in one batch, n = {rounds}, in turns."
    return f"{note}\n\n{table(['program', 'files a second', '× `common_ml`', 'start and one file, s'], rows)}"


def reading(command: List[str], stills: List[pathlib.Path], output: pathlib.Path) -> Program:
    """A program that is given all paths at once."""
    return Program([*command, "--output-path", str(output)], says="", stdin="".join(f"{still}\n" for still in stills))


def starting(rounds: int) -> str:
    """Import times in fresh processes."""
    programs = {
        what: Program([sys.executable, "-c", IMPORT.replace("IMPORTED", code)]) for what, code in IMPORTS.items()
    }
    runs = in_turns(programs, rounds)
    rows = [[what, f"{middle(each, lambda run: run.inner_s) * 1000:.1f}"] for what, each in runs.items()]
    return f"Import times, n = {rounds}, in turns.\n\n{table(['import', 'ms'], rows)}"
