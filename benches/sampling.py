"""Frames at a rate out of whole clips: ours, a naive full decode, FFmpeg's command, and torchcodec, in turns."""

import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import rivals
from clips import ROOT, Clips
from trial import CORES, Program, Run, in_turns, middle, run, table

TITLE = "Sampling frames"

# Each program runs so often.
rounds = 3

WAYS = ROOT / "benches/ways"
EXAMPLE = ROOT / "target/release/examples/frames"

OURS = "`frames`"
OURS_PYTHON = "`common_ml`"
NAIVE = "naive (PyAV)"
FFMPEG = "`ffmpeg`"
LEAN = "lean (PyAV)"
TORCHCODEC = "torchcodec"

# Clip, whether it is repeated to be long, and rates. 0.21 and 0.11 hit no key frame but the first, as most rates do; so
# few frames are wanted at them that only a long clip shows what they take.
CASES = [
    ("1080p H.264, GOP 50", False, ["2", "1", "0.5", "0.2", "0.1"]),
    ("1080p H.264, GOP 50", True, ["0.21", "0.11", "key"]),
    ("1080p H.264, GOP 250", False, ["1", "0.21"]),
    ("1080p H.264, uncut", False, ["1"]),
    ("480p", False, ["1"]),
    ("2160p", False, ["1"]),
    ("1080p HEVC", False, ["1"]),
    ("1080p AV1", False, ["1"]),
]
QUICK_CASES = [("1080p H.264, GOP 50", True, ["0.21", "key"]), ("480p", False, ["1"])]
LONG_SECONDS = 180

# How many times as long the others shall take: what was reached before and has to be held, and what is aimed at. The
# naive way, FFmpeg's command, torchcodec.
Target = Optional[Tuple[Optional[float], float]]
TARGETS: Dict[Tuple[str, str], Tuple[Target, Target, Target]] = {
    ("1080p H.264, GOP 50", "2"): ((1.8, 2.2), None, None),
    ("1080p H.264, GOP 50", "1"): ((2.43, 3.0), (2.25, 2.6), (1.62, 2.0)),
    ("1080p H.264, GOP 50", "0.21"): ((7.2, 9.0), None, None),
    ("1080p H.264, GOP 50", "0.11"): ((9.9, 12.0), None, (None, 1.5)),
    ("1080p H.264, GOP 50", "key"): ((43.2, 50.0), None, None),
    ("1080p H.264, GOP 250", "1"): ((1.8, 2.2), (1.71, 2.0), (1.53, 1.8)),
    ("480p H.264, GOP 50", "1"): ((3.69, 4.5), (None, 3.5), (None, 1.6)),
    ("2160p H.264, GOP 50", "1"): ((2.61, 3.2), (None, 3.5), (None, 1.6)),
    ("1080p HEVC, GOP 50", "1"): ((3.6, 4.5), (None, 3.5), (None, 1.6)),
}


@dataclass
class Case:
    """What was measured of one clip at one rate."""

    clip: str
    seconds: int
    rate: str
    runs: Dict[str, List[Run]]
    bound_s: float
    """CPU seconds of the whole work in one thread, divided by the cores: nobody who decodes that much is faster."""

    def frames(self) -> str:
        """Which frames, in a table."""
        return "key frames" if self.rate == "key" else f"{self.rate} fps"

    def told(self) -> str:
        """The clip, in a table."""
        return f"{self.clip}, {self.seconds} s"

    def inner_s(self, name: str) -> float:
        """The median."""
        return middle(self.runs[name], lambda one: one.inner_s)


def measure(quick: bool) -> str:
    """The tables: how much faster, what it cost, and whether the frames were the same."""
    build_example()
    missing = rivals.install()
    clips = Clips(quick)
    results = []
    for start, is_long, rates in QUICK_CASES if quick else CASES:
        clip = clips.named(start)
        seconds = LONG_SECONDS // (5 if quick else 1) if is_long else clip.seconds
        path = str(clips.repeated(clip, seconds) if is_long else clips.path(clip))
        for rate in rates:
            print(f"  {clip.name}, {seconds} s, {rate}", flush=True)
            alone = run(Program([str(EXAMPLE), path, rate, "alone"], says="indices"))
            runs = in_turns(programs(path, rate, not missing), rounds)
            results.append(Case(clip.name, seconds, rate, runs, alone.cpu_s / CORES))
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
    if rate == "key":
        found[LEAN] = Program([*found[NAIVE].command, "lean"])
    elif with_torchcodec:
        found[TORCHCODEC] = rivals.torchcodec([str(WAYS / "by_torchcodec.py"), clip, rate])
    return found


def told(results: List[Case], rounds: int, missing: str) -> str:
    """Everything in words and tables. Raises `RuntimeError` if ours and naive gave different frames."""
    for case in results:
        expected = case.runs[NAIVE][0].indices
        for name in (OURS, OURS_PYTHON, LEAN):
            if any(one.indices != expected for one in case.runs.get(name, [])):
                raise RuntimeError(f"{name} gives other frames of {case.told()} at {case.rate} than the naive decode")
    notes = [
        f"Each program is a process of its own and makes RGB of the chosen frames; n = {rounds}, in turns. Seconds are "
        "those of the process, in Python without its start and imports. Ratios compare programs with programs "
        f"({FFMPEG} ÷ {OURS}) and Python with Python (naive and torchcodec ÷ {OURS_PYTHON}). "
        "The naive way decodes every frame with frame threads, converts what is nearest to the grid and gives it as "
        "one array; of key frames it learns the type after it has converted them, as is usual. Where those are wanted, "
        "`lean` is beside it, which converts only them and keeps nothing: it shows what decoding alone takes.",
        f"The least is the CPU time of {OURS} with one thread, divided by the {CORES} cores: what is decoded cannot be "
        "decoded faster.",
        f"In all {len(results)} cases {OURS}, {OURS_PYTHON} and naive gave the same indices{beside(results)}.",
    ]
    if missing:
        notes.append(missing[0].upper() + missing[1:] + ".")
    return "\n\n".join(
        [
            *notes,
            ratios(results),
            "What was aimed at, what was reached, and what would be if it took the least:",
            verdicts(results),
            "The whole process, imports included: wall seconds, CPU seconds, peak memory (the largest of all runs):",
            costs(results),
        ]
    )


def beside(results: List[Case]) -> str:
    """In how many cases torchcodec gave the same frames as well."""
    taking = [case.runs for case in results if TORCHCODEC in case.runs]
    same = sum(runs[TORCHCODEC][0].indices == runs[NAIVE][0].indices for runs in taking)
    return f"; torchcodec in {same} of its {len(taking)}" if taking else ""


def ratios(results: List[Case]) -> str:
    """Seconds, and how many times as long the others take."""
    names = [OURS, OURS_PYTHON, NAIVE, LEAN, FFMPEG, TORCHCODEC]
    pairs = [(NAIVE, OURS_PYTHON), (FFMPEG, OURS), (TORCHCODEC, OURS_PYTHON)]
    head = ["clip", "frames", "the least s", *(f"{name} s" for name in names)]
    rows = []
    for case in results:
        rows.append(
            [
                case.told(),
                f"{case.frames()}, {len(case.runs[NAIVE][0].indices or [])}",
                f"{case.bound_s:.2f}",
                *(f"{case.inner_s(name):.2f}" if name in case.runs else "–" for name in names),
                *(
                    f"**{case.inner_s(they) / case.inner_s(we):.2f}**" if they in case.runs else "–"
                    for they, we in pairs
                ),
                f"{statistics.median(one.foreign for each in case.runs.values() for one in each):.0%}",
            ]
        )
    return table([*head, "× naive", "× ffmpeg", "× torchcodec", "others' load"], rows)


def verdicts(results: List[Case]) -> str:
    """The targets, met or missed."""
    rows = []
    for case in results:
        targets = TARGETS.get((case.clip, case.rate), (None, None, None))
        for (they, we), target in zip([(NAIVE, OURS_PYTHON), (FFMPEG, OURS), (TORCHCODEC, OURS_PYTHON)], targets):
            if target is None or they not in case.runs:
                continue
            least, goal = target
            reached, at_best = case.inner_s(they) / case.inner_s(we), case.inner_s(they) / case.bound_s
            verdict = "goal" if reached >= goal else "held" if least is not None and reached >= least else "missed"
            if verdict == "missed" and at_best < (least or goal):
                verdict = "out of reach"
            row = [f"{least:.2f}" if least else "–", f"{goal:.1f}", f"{reached:.2f}", f"{at_best:.2f}", verdict]
            rows.append([case.told(), case.frames(), they, *row])
    return table(["clip", "frames", "×", "to hold", "aimed at", "reached", "at the least", ""], rows)


def costs(results: List[Case]) -> str:
    """What the whole processes cost."""
    names = [OURS, OURS_PYTHON, NAIVE, LEAN, FFMPEG, TORCHCODEC]
    rows = []
    for case in results:
        cells = []
        for name in names:
            if name in case.runs:
                cpu_s = middle(case.runs[name], lambda one: one.cpu_s)
                peak = max(one.peak_bytes for one in case.runs[name]) / 1e6
                wall_s = middle(case.runs[name], lambda one: one.wall_s)
                cells.append(f"{wall_s:.2f} · {cpu_s:.2f} · {peak:.0f}")
            else:
                cells.append("–")
        rows.append([case.told(), case.frames(), *cells])
    return table(["clip", "frames", *(f"{name} wall s · CPU s · MB" for name in names)], rows)
