"""How soon a program in a container says something and its end is known, and how large a Python model's image is."""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from typing import Dict, List

from clips import ROOT, SAMPLES
from trial import table

TITLE = "Containers"

TAGGER = ROOT / "target/release/tagger"
EXAMPLE = ROOT / "target/release/examples/container-speed"
PROGRAM = ROOT / "crates/runtime/tests/programs/contained/program.rs"
STATIC = "localhost/tagger-bench-static:1"
PYTHON = "localhost/tagger-bench-python:1"
BASE = "localhost/tagger-base:1"


def measure(quick: bool) -> str:
    """A static image against bare calls, and a Python model's image."""
    if shutil.which("podman") is None:
        return "Not measured: Podman is not installed."
    cargo = ["cargo", "build", "--quiet", "--release", "--locked"]
    subprocess.run([*cargo, "-p", "tagger", "-p", "tagger-models", "--bins"], cwd=ROOT, check=True)
    subprocess.run([*cargo, "-p", "tagger-runtime", "--example", "container-speed"], cwd=ROOT, check=True)
    subprocess.run(["make", "--no-print-directory", "wheel", "base-image"], cwd=ROOT, check=True)
    rounds = 5 if quick else 30
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        try:
            static = of_static_image(place, rounds)
            python = of_python_image(place, rounds // 5)
        finally:
            subprocess.run(["podman", "image", "rm", "--force", STATIC, PYTHON], capture_output=True, check=False)
    return "\n\n".join([static, python])


def of_static_image(place: pathlib.Path, rounds: int) -> str:
    """From the wish to the first line, and from the end of input to the end being known."""
    model = place / "static"
    model.mkdir()
    rustc = ["rustc", "--edition", "2024", "-C", "target-feature=+crt-static", "-C", "panic=abort"]
    subprocess.run([*rustc, "-o", str(model / "program"), str(PROGRAM)], check=True)
    (model / "Containerfile").write_text('FROM scratch\nCOPY program /program\nENTRYPOINT ["/program"]\n')
    (model / "tagger.toml").write_text('name = "static"\nkind = "video"\ncommand = ["/program"]\n')
    build(model, STATIC)
    file = place / "file.mp4"
    file.write_bytes(b"nobody looks inside")
    said = subprocess.run([str(EXAMPLE), STATIC, str(file), str(rounds)], stdout=subprocess.PIPE, check=True).stdout
    runs: List[Dict[str, float]] = [json.loads(line) for line in said.splitlines()]

    def median_ms(name: str) -> float:
        return 1000 * statistics.median(run[name] for run in runs)

    rows = [
        [told, f"{median_ms(name):.0f} ms", f"{median_ms('bare_' + name):.0f} ms", f"{ratio:.2f}"]
        for told, name in [("create to first line of output", "first_s"), ("end of input to end known", "end_s")]
        for ratio in [median_ms(name) / median_ms("bare_" + name)]
    ]
    return (
        f"An image of one static program, {rounds} times in turns; medians. The bare calls create, attach, start, "
        "write and wait, with the same mounts and nothing else.\n\n"
        + table(["", "through the runtime", "bare calls of the engine", "ratio"], rows)
    )


def of_python_image(place: pathlib.Path, rounds: int) -> str:
    """A model of frames without heavy dependencies."""
    subprocess.run([str(TAGGER), "init", "light"], cwd=place, stdout=subprocess.DEVNULL, check=True)
    size = build(place / "light", PYTHON)
    base = read(BASE)["size_bytes"]
    wheels = installed_bytes(place)
    clip = SAMPLES / "bikes.mp4"
    seconds = []
    for _ in range(max(rounds, 3)):
        begun = time.perf_counter()
        run = [str(TAGGER), "run", "--quiet", "-m", f"oci:{PYTHON}", str(clip), "--format", "jsonl"]
        subprocess.run(run, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - begun)
    return (
        "A fresh model of frames in Python: `tagger run` over a clip of 10 s takes "
        f"{statistics.median(seconds):.2f} s from start to end, with looking up the image, starting an engine "
        f"and all tags. Its image has {size / 1e6:.0f} MB: {size / (base + wheels):.2f} times the base "
        f"({base / 1e6:.0f} MB) and what is in the wheels ({wheels / 1e6:.0f} MB)."
    )


def build(model: pathlib.Path, image: str) -> int:
    """Build an image. Returns its bytes."""
    command = [str(TAGGER), "build", str(model), "-t", image, "--wheels", str(ROOT / "target/wheels"), "--json"]
    said = subprocess.run([*command, "--python", sys.executable], stdout=subprocess.PIPE, check=True).stdout
    return int(json.loads(said)["size_bytes"])


def read(image: str) -> Dict[str, int]:
    """What an image says of itself."""
    command = [str(TAGGER), "inspect", f"oci:{image}", "--json"]
    said: Dict[str, int] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return said


def installed_bytes(place: pathlib.Path) -> int:
    """What is in the wheels that a fresh model needs."""
    wheels = place / "wheels"
    own = next((ROOT / "target/wheels").glob("common_ml-*.whl"))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(wheels), str(own), "numpy"], check=True)
    return sum(entry.file_size for wheel in wheels.glob("*.whl") for entry in zipfile.ZipFile(wheel).infolist())
