"""Runs models of bad habits over many stills for a given time, and checks after each run that nothing is lost.

Every file must come out with exactly its two tags or with one error that names it; no process, no temporary folder may
be left; memory must not grow from run to run: `make soak SECONDS=600`.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAGGER = ROOT / "target/release/tagger"
MODEL = ROOT / "scripts/chaos_model.py"
FILES = 300
MEMORY_LIMIT_MB = 200


def main() -> None:
    """Run until the time is over; any fault ends it with the seed that brings it back."""
    ends = time.monotonic() + float(sys.argv[1])
    runs = failed = peak_mb = 0
    with tempfile.TemporaryDirectory(prefix="tagger-soak-") as name:
        folder = pathlib.Path(name)
        make_stills(folder / "media")
        while time.monotonic() < ends:
            seed = random.randrange(1 << 32)
            errors, memory_mb = run_once(folder, seed)
            runs, failed, peak_mb = runs + 1, failed + errors, max(peak_mb, memory_mb)
    print(f"{runs} runs, {runs * FILES} files, {failed} of them failed as told; peak memory {peak_mb} MB")
    print(f"{runs} passed, 0 failed")


def make_stills(folder: pathlib.Path) -> None:
    """Make small stills, some of the same base name in different folders."""
    folder.mkdir()
    still = folder / "0000.png"
    source = ["-f", "lavfi", "-i", "testsrc2=size=32x32:duration=1", "-frames:v", "1"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(still)], check=True)
    for number in range(1, FILES):
        copy = folder / f"{number % 7}" / f"{number % 50:04}-{number // 50}.png"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(still.read_bytes())


def run_once(folder: pathlib.Path, seed: int) -> "tuple[int, int]":
    """Tag all stills once. Return how many failed, and the peak memory in MB."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    output = folder / "tags.jsonl"
    output.unlink(missing_ok=True)
    marker = f"SOAK_{seed}"
    program = subprocess.Popen(
        [TAGGER, "run", "-q", "-m", MODEL, "-p", f"seed={seed}", "-o", output, "media"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "TAGGER_PYTHON": sys.executable, marker: "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr is not None
    told = program.stderr.read()
    _, status, usage = os.wait4(program.pid, 0)
    check(os.waitstatus_to_exitcode(status) in (0, 1), seed, f"exit status {status}: {told}")

    tags: dict[str, list[str]] = {}
    if output.exists():
        for line in output.read_text().splitlines():
            row = json.loads(line)
            tags.setdefault(row["content"], []).append(row["tag"])
    failed = sum(
        num_failed(line) for line in re.findall(r"^error: model `chaos_model` failed on (.*)", told, re.MULTILINE)
    )
    check(all(both == ["first", "second"] for both in tags.values()), seed, f"tags lost or doubled: {tags}")
    check(len(tags) + failed == FILES, seed, f"{len(tags)} files tagged, {failed} failed, of {FILES}: {told}")
    check(not list(temporary.iterdir()), seed, f"left behind: {list(temporary.iterdir())}")
    check(not alive(marker), seed, "a process is left")
    memory_mb = usage.ru_maxrss // 1024
    check(memory_mb < MEMORY_LIMIT_MB, seed, f"{memory_mb} MB of memory")
    return FILES - len(tags), memory_mb


def num_failed(line: str) -> int:
    """How many files an error line is about: it names a few, and counts the rest."""
    files = re.match(r"`[^`]+`(?:, `[^`]+`)*(?: and `[^`]+`)?(?: and (\d+) more)?", line)
    return 0 if files is None else len(re.findall(r"`[^`]+`", files[0])) + int(files[1] or 0)


def alive(marker: str) -> bool:
    """Whether any process carries the marker in its environment."""
    for environ in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in environ.read_bytes():
                return True
        except OSError:
            continue
    return False


def check(holds: bool, seed: int, fault: str) -> None:
    """End the soak with the seed if something does not hold."""
    if not holds:
        raise SystemExit(f"seed {seed}: {fault}\n0 passed, 1 failed")


if __name__ == "__main__":
    main()
