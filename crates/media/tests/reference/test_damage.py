"""Damaged files at every door of the crate: no crash, no hang, no memory without bound."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

DOORS = ROOT / "target/release/examples/doors"
KINDS = ["cut", "head_lost", "hole", "zeros", "flipped", "lying_head", "lying_tail", "doubled"]
# A file of each kind from each clip; more of them when TAGGER_EVERY_CLIP is 1.
COUNT = "4" if os.environ.get("TAGGER_EVERY_CLIP") == "1" else "1"
# Far more than the doors take of small clips, far less than a lying size asks for.
MAX_MEMORY_BYTES = 4 << 30
# Each file takes a fraction of a second: whoever needs so long for all of them hangs.
HANGS_AFTER_SECONDS = 600


@pytest.fixture(scope="session")
def damaged(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of damaged files."""
    folder = tmp_path_factory.mktemp("damaged")
    subprocess.run([sys.executable, ROOT / "fixtures/make-damage.py", clips, folder, COUNT], check=True)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_no_door_falls_to_a_damaged_file(damaged: Path, tmp_path: Path, kind: str) -> None:
    files = sorted(damaged.glob(f"{kind}[0-9]*"))
    assert len(files) > 20
    done = subprocess.run(
        [DOORS, *files],
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_SECONDS,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES)),
        check=False,
    )
    tried = done.stdout.splitlines()
    assert done.returncode == 0, f"behind {tried[-1] if tried else 'nothing'}: {done.stderr[-2000:]}"
    assert len(tried) == len(files)
    # Some doors stay open, or nothing was tried.
    assert any("refused" not in line.split(", ", 1)[0] for line in tried)
