"""A folder in which a document's snippets are tried, one after the other, as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

from documents import ROOT

PATIENCE_SECONDS = 120

# What differs from machine to machine and run to run, and is not what a document is about.
FILTERS = [
    (re.compile(r"\bin \d+\.\d s\b"), "in N s"),
    # The last digits depend on the version of FFmpeg that scaled the pictures.
    (re.compile(r'(score"?"?[ :])\d\.\d+'), r"\1N"),
]


class Workshop:
    """Runs commands in a folder of its own; the folder one has changed to and the last exit status stay."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._here = folder
        self._status = 0
        clip = Path(os.environ.get("TAGGER_SAMPLE_MEDIA", ROOT / "target/sample-media")) / "bikes.mp4"
        assert clip.exists(), f"{clip} is missing: `make sample-media` fetches it"
        for name in ("clip.mp4", "bikes.mp4"):
            (folder / name).symlink_to(clip)
        tools = [ROOT / "target/release", ROOT / ".venv/bin"]
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
            "TAGGER_PYTHON": str(ROOT / ".venv/bin/python"),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name in ("VIRTUAL_ENV", "TAGGER_MODELS", "MAKEFLAGS", "MAKELEVEL"):
            self._environment.pop(name, None)

    def has_checkout(self) -> None:
        """Puts what lies in the checkout here too, for documents that speak from its folder."""
        for entry in ROOT.iterdir():
            if entry.name not in ("out", ".git") and not (self.folder / entry.name).exists():
                (self.folder / entry.name).symlink_to(entry)

    def write(self, name: str, text: str) -> None:
        """Writes a file of the document."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_text(text, encoding="utf-8")

    def run(self, command: str, patience_seconds: float = PATIENCE_SECONDS) -> Tuple[str, int]:
        """Runs one command; gives what it prints, on both streams, and its exit status."""
        note = self.folder / ".here"
        script = f"(exit {self._status})\n{command}\nstatus=$?\npwd >'{note}'\nexit $status\n"
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self._here,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience_seconds,
            check=False,
        )
        self._here, self._status = Path(note.read_text().strip()), ended.returncode
        return ended.stdout, ended.returncode

    def python(self, text: str) -> Tuple[str, int]:
        """Runs a Python script."""
        self.write(".snippet.py", text)
        return self.run(f"{sys.executable} .snippet.py")


def comparable(text: str) -> List[str]:
    """The lines of an output, without what differs from run to run."""
    for pattern, replacement in FILTERS:
        text = pattern.sub(replacement, text)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def agrees(shown: List[str], came: str) -> bool:
    """Whether a document shows what came. `…` stands for anything: on a line of its own for any lines."""
    pattern = ""
    for line in comparable("\n".join(shown)):
        pattern += "(?:.*\n)*" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in comparable(came))) is not None
