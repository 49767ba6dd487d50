"""Frames as a model gets them: what the hand-over takes, whether decoding hides behind the model, what length costs."""

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Dict, List

from clips import Clips
from sampling import EXAMPLE, WAYS, build_example
from trial import CORES, Program, Run, in_turns, middle, run, table

TITLE = "From decoder to model"

# A frame model that takes its time: parameters `seconds` a frame, asleep (as one that waits for a device) or at work.
MODEL = """
import time
from typing import List

import numpy as np
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag


class Slow(FrameModel):
    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        SPEND
        return [FrameTag(tag="seen")]
"""
SPEND = {
    "asleep": "time.sleep(0.02)",
    "busy in Python": "end = time.perf_counter() + 0.02\n        while time.perf_counter() < end: pass",
    "none": "pass",
}
MODEL_S = 0.02


def measure(quick: bool) -> str:
    """Four tables."""
    build_example()
    clips = Clips(quick)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        models = {}
        for number, (kind, spend) in enumerate(SPEND.items()):
            models[kind] = folder / f"slow_{number}.py"
            models[kind].write_text(MODEL.replace("SPEND", spend))
        return "\n\n".join(
            [
                handing_over(clips),
                overlapping(clips, models, folder, 1 if quick else 3),
                leaving(clips),
                remembering(clips, models["none"], folder, quick),
            ]
        )


def handing_over(clips: Clips) -> str:
    """A 1080p frame from the native queue to numpy."""
    clip = clips.path(clips.named("1080p H.264, GOP 250"))
    said = subprocess.run(
        [sys.executable, str(WAYS / "hand_over.py"), str(clip)], capture_output=True, text=True, check=True
    )
    told = json.loads(said.stdout)
    rows = [
        ["moved (`next()` on the native iterator)", f"{told['moved_us']:.0f}"],
        ["letting go of it (`del image`)", f"{told['let_go_us']:.0f}"],
        ["a copy on top (`image.copy()`)", f"{told['copied_us']:.0f}"],
    ]
    return "A decoded 1080p frame becomes a numpy array; medians of 45. The target is 50 µs.\n\n" + table(
        ["hand-over", "µs"], rows
    )


def leaving(clips: Clips) -> str:
    """A reader that is dropped while it decodes."""
    rows = []
    for start in ("480p", "1080p H.264, GOP 250", "2160p"):
        clip = clips.named(start)
        command = [sys.executable, str(WAYS / "cancel.py"), str(clips.path(clip))]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rows.append([clip.name, f"{told['median_ms']:.1f}", f"{told['longest_ms']:.1f}"])
    note = "A reader that decodes every frame is dropped: until it is gone with all its threads, n = 20."
    return f"{note}\n\n{table(['clip', 'median ms', 'longest ms'], rows)}"


def overlapping(clips: Clips, models: Dict[str, pathlib.Path], folder: pathlib.Path, rounds: int) -> str:
    """A model that takes 20 ms a frame, over decoding alone."""
    clip = clips.named("1080p H.264, GOP 50")
    path = clips.path(clip)
    rows = []
    for rate in (1, 5):
        print(f"  a model of 20 ms at {rate} fps", flush=True)
        programs = {kind: tagging(model, path, rate, folder / f"{kind}.jsonl") for kind, model in models.items()}
        runs = in_turns(programs, rounds)
        count = tags(folder / "none.jsonl")
        decode_s, decode_cpu_s = middle(runs["none"], wall), middle(runs["none"], lambda one: one.cpu_s)
        for kind in ("asleep", "busy in Python"):
            total_s, model_s = middle(runs[kind], wall), count * MODEL_S
            longer_s = max(decode_s, model_s)
            work_s = decode_cpu_s + (0 if kind == "asleep" else model_s)
            least_s = max(longer_s, work_s / CORES)
            rows.append(
                [
                    f"{rate} fps, {count} frames",
                    kind,
                    f"{decode_s:.2f}",
                    f"{model_s:.2f}",
                    f"{total_s:.2f}",
                    f"**{total_s / longer_s:.2f}**",
                    f"{least_s / longer_s:.2f}",
                    f"{(decode_s + model_s) / longer_s:.2f}",
                ]
            )
    head = ["rate", "model", "decode alone s", "model alone s", "both s"]
    head += ["both ÷ the longer", "at the least", "were it one by one"]
    note = (
        f"A `FrameModel` that takes 20 ms a frame over {clip.told()}, run by `common_ml.runner`; "
        f"start of the program included, n = {rounds}, in turns. A busy model takes a core from the decoder: at the "
        f"least both take the CPU time of both, divided by the {CORES} cores."
    )
    return f"{note}\n\n{table(head, rows)}"


def remembering(clips: Clips, model: pathlib.Path, folder: pathlib.Path, quick: bool) -> str:
    """Peak memory over a short and a long file."""
    lengths = [60, 300] if quick else [180, 3 * 3600]
    runs: Dict[str, List[Run]] = {"`frames`": [], "`FrameModel`": []}
    for seconds in lengths:
        print(f"  memory over {seconds} s", flush=True)
        path = clips.plain(seconds)
        runs["`frames`"].append(run(Program([str(EXAMPLE), str(path), "0.11"], says="indices")))
        runs["`FrameModel`"].append(run(tagging(model, path, 0.11, folder / f"{seconds}.jsonl")))
    head = ["program", *(f"{seconds // 60} min, MB" for seconds in lengths), "×", f"{lengths[1] // 60} min took s"]
    rows = []
    for name, (short, long) in runs.items():
        peaks = [f"{each.peak_bytes / 1e6:.0f}" for each in (short, long)]
        rows.append([name, *peaks, f"**{long.peak_bytes / short.peak_bytes:.2f}**", f"{long.wall_s:.1f}"])
    note = (
        "Peak memory over a short and a long 1080p file at 0.11 fps. It grows by what libav makes of an MP4's tables, "
        "73 bytes a packet while it is opened, of which 32 are kept (by valgrind's massif, 20 MB of three hours); and "
        "the index, by 20 bytes a packet."
    )
    return f"{note}\n\n{table(head, rows)}"


def tagging(model: pathlib.Path, clip: pathlib.Path, rate: float, output: pathlib.Path) -> Program:
    """A model over one file, as the contract starts it."""
    output.unlink(missing_ok=True)
    parameters = json.dumps({"fps": rate, "allow_single_frame": True})
    command = [sys.executable, "-m", "common_ml.runner", str(model), "--output-path", str(output)]
    return Program([*command, "--params", parameters], says="", stdin=f"{clip}\n")


def tags(output: pathlib.Path) -> int:
    """How many frames the last run over this file tagged."""
    lines = output.read_text().splitlines()
    last = max((number for number, line in enumerate(lines[:-1]) if '"progress"' in line), default=-1)
    return sum('"frame_idx"' in line for line in lines[last + 1 :])


def wall(one: Run) -> float:
    """The whole process."""
    return one.wall_s
