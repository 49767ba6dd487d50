"""Frames at a rate out of whole clips: ours, a naive full decode, FFmpeg's command, and torchcodec, in turns."""

import statistics
import subprocess
import sys
from typing import Dict, List, Tuple

import rivals
from clips import ROOT, Clips
from trial import Program, Run, in_turns, middle, table

TITLE = "Sampling frames"

WAYS = ROOT / "benches/ways"
EXAMPLE = ROOT / "target/release/examples/frames"

OURS = "`frames`"
OURS_PYTHON = "`common_ml`"
NAIVE = "naive (PyAV)"
FFMPEG = "`ffmpeg`"
TORCHCODEC = "torchcodec"

# Clip and rates. 0.21 and 0.11 hit no key frame but the first, as most rates do.
CASES = [
    ("1080p H.264, GOP 50", ["2", "1", "0.5", "0.21", "0.2", "0.11", "0.1"]),
    ("1080p H.264, GOP 250", ["1", "0.21"]),
    ("480p", ["1"]),
    ("2160p", ["1"]),
    ("1080p HEVC", ["1"]),
    ("1080p AV1", ["1"]),
]
QUICK_CASES = [("1080p H.264, GOP 50", ["1", "0.21"]), ("480p", ["1"])]
KEY_FRAMES_SECONDS = 180


def measure(quick: bool) -> str:
    """The tables: how much faster, what it cost, and whether the frames were the same."""
    build_example()
    missing = rivals.install()
    clips = Clips(quick)
    rounds = 1 if quick else 3
    results = []
    for start, rates in QUICK_CASES if quick else CASES:
        clip = clips.named(start)
        path = clips.path(clip)
        for rate in rates:
            print(f"  {clip.told()}, {rate} fps", flush=True)
            results.append((clip.told(), f"{rate} fps", in_turns(programs(str(path), rate, not missing), rounds)))
    clip, seconds = clips.named("1080p H.264, GOP 50"), KEY_FRAMES_SECONDS // (5 if quick else 1)
    path = clips.repeated(clip, seconds)
    print("  key frames", flush=True)
    results.append((f"{clip.name}, {seconds} s", "key frames", in_turns(programs(str(path), "key", False), rounds)))
    return told(results, rounds, missing)


def build_example() -> None:
    """The program over the Rust library that prints the chosen frames."""
    command = ["cargo", "build", "--release", "--locked", "--quiet", "-p", "tagger-media", "--example", "frames"]
    subprocess.run(command, cwd=ROOT, check=True)


def programs(clip: str, rate: str, with_torchcodec: bool) -> Dict[str, Program]:
    """Who takes part. FFmpeg's command decodes key frames only, where those are wanted."""
    raw = ["-an", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null"]
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error"]
    if rate == "key":
        ffmpeg += ["-skip_frame", "nokey", "-i", clip, "-vsync", "passthrough", *raw]
    else:
        ffmpeg += ["-i", clip, "-vf", f"fps={rate}", *raw]
    found = {
        OURS: Program([str(EXAMPLE), clip, rate], says="indices"),
        OURS_PYTHON: Program([sys.executable, str(WAYS / "by_common_ml.py"), clip, rate]),
        NAIVE: Program([sys.executable, str(WAYS / "by_pyav.py"), clip, rate]),
        FFMPEG: Program(ffmpeg, says=""),
    }
    if with_torchcodec:
        found[TORCHCODEC] = rivals.torchcodec([str(WAYS / "by_torchcodec.py"), clip, rate])
    return found


Result = Tuple[str, str, Dict[str, List[Run]]]


def told(results: List[Result], rounds: int, missing: str) -> str:
    """Everything in words and tables. Raises `RuntimeError` if ours and naive gave different frames."""
    for clip, rate, runs in results:
        expected = runs[NAIVE][0].indices
        for name in (OURS, OURS_PYTHON):
            if any(run.indices != expected for run in runs[name]):
                raise RuntimeError(f"{name} gives other frames of {clip} at {rate} than the naive decode")
    notes = [
        f"Each program is a process of its own and makes RGB of the chosen frames; n = {rounds}, in turns. Seconds are "
        "those of the process, in Python without its start and imports. Ratios compare programs with programs "
        f"({FFMPEG} ÷ {OURS}) and Python with Python (naive and torchcodec ÷ {OURS_PYTHON}). "
        "The naive way decodes every frame with frame threads and converts only what is nearest to the grid.",
        f"In all {len(results)} cases {OURS}, {OURS_PYTHON} and naive gave the same indices{beside(results)}.",
    ]
    if missing:
        notes.append(missing[0].upper() + missing[1:] + ".")
    return "\n\n".join(
        [
            *notes,
            ratios(results),
            "The whole process, imports included: wall seconds, CPU seconds, peak memory (the largest of all runs):",
            costs(results),
        ]
    )


def beside(results: List[Result]) -> str:
    """In how many cases torchcodec gave the same frames as well."""
    taking = [runs for _, _, runs in results if TORCHCODEC in runs]
    same = sum(runs[TORCHCODEC][0].indices == runs[NAIVE][0].indices for runs in taking)
    return f"; torchcodec in {same} of its {len(taking)}" if taking else ""


def ratios(results: List[Result]) -> str:
    """Seconds, and how many times as long the others take."""
    names = [OURS, OURS_PYTHON, NAIVE, FFMPEG, TORCHCODEC]
    head = ["clip", "frames", *(f"{name} s" for name in names), "× naive", "× ffmpeg", "× torchcodec", "others' load"]
    rows = []
    for clip, rate, runs in results:
        seconds = {name: middle(each, lambda run: run.inner_s) for name, each in runs.items()}
        pairs = [(NAIVE, OURS_PYTHON), (FFMPEG, OURS), (TORCHCODEC, OURS_PYTHON)]
        rows.append(
            [
                clip,
                f"{rate}, {len(runs[NAIVE][0].indices or [])}",
                *(f"{seconds[name]:.2f}" if name in seconds else "–" for name in names),
                *(f"**{seconds[they] / seconds[we]:.2f}**" if they in seconds else "–" for they, we in pairs),
                f"{statistics.median(run.foreign for each in runs.values() for run in each):.0%}",
            ]
        )
    return table(head, rows)


def costs(results: List[Result]) -> str:
    """What the whole processes cost."""
    names = [OURS, OURS_PYTHON, NAIVE, FFMPEG, TORCHCODEC]
    rows = []
    for clip, rate, runs in results:
        cells = []
        for name in names:
            if name in runs:
                cpu_s = middle(runs[name], lambda run: run.cpu_s)
                peak = max(run.peak_bytes for run in runs[name]) / 1e6
                wall_s = middle(runs[name], lambda run: run.wall_s)
                cells.append(f"{wall_s:.2f} · {cpu_s:.2f} · {peak:.0f}")
            else:
                cells.append("–")
        rows.append([clip, rate, *cells])
    return table(["clip", "frames", *(f"{name} wall s · CPU s · MB" for name in names)], rows)
