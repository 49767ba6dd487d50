"""Where the program under test and the clips are."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = Path(os.environ.get("TAGGER_FRAMES", ROOT / "target/release/examples/frames"))
CLIPS = Path(os.environ.get("TAGGER_CLIPS", ROOT / "target/test-media"))


@dataclass
class Given:
    """A frame as the program gives it."""

    index: int
    pts: str
    time_ms: int
    duration_ms: int
    pixels: np.ndarray


@dataclass
class Program:
    """Runs the example `frames`."""

    raw: Path

    def run(self, *arguments: str) -> tuple[list[str], bytes]:
        if not PROGRAM.exists():
            pytest.fail(f"{PROGRAM} is missing: cargo build --release -p tagger-media --examples")
        command = [str(PROGRAM), *arguments, "-o", str(self.raw)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), self.raw.read_bytes()

    def frames(self, path: Path, rate: str, *more: str) -> list[Given]:
        lines, data = self.run(str(path), rate, *more)
        given, offset = [], 0
        for line in lines:
            index, ticks, base, time, duration, width, height = line.split()
            columns, rows = int(width), int(height)
            if "yuv" in more:  # planes one behind the other
                shape = (columns * rows + 2 * -(-columns // 2) * -(-rows // 2),)
            else:
                shape = (rows, columns) if "gray" in more else (rows, columns, 3)
            size = int(np.prod(shape))
            pixels = np.frombuffer(data, np.uint8, size, offset).reshape(shape)
            given.append(Given(int(index), f"{ticks}*{base}", int(time), int(duration), pixels))
            offset += size
        assert offset == len(data)
        return given

    def still(self, path: Path) -> np.ndarray:
        (line,), data = self.run(str(path), "still")
        width, height = map(int, line.split())
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "raw")


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of the clips, made by commands unless it is there."""
    subprocess.run([ROOT / "fixtures/make-clips.sh", CLIPS], check=True, capture_output=True, timeout=300)
    return CLIPS
