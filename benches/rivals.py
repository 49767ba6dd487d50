"""Torchcodec in a virtual environment of its own, without the 2.4 GB of CUDA libraries that its torch wants.

PyPI has torch for Linux with CUDA only, and it does not start without those libraries, though it calls none of them
where there is no CUDA device. Empty libraries that define the wanted names stand in for the large ones.
"""

import pathlib
import re
import subprocess
import sys
from typing import Dict, List, Set

from clips import ROOT
from trial import Program

FOLDER = ROOT / "target/bench-torchcodec"
PACKAGES = [
    "torch==2.15.0",
    "torchcodec==0.17.0",
    "nvidia-cuda-runtime==13.2.86",
    "nvidia-cuda-cupti==13.2.86",
    "nvidia-cuda-nvrtc==13.2.86",
    "numpy==2.4.6",
    "typing-extensions==4.16.0",
    "filelock",
    "fsspec",
    "jinja2",
    "markupsafe",
    "mpmath",
    "networkx",
    "sympy",
]
SMALL = ("libcudart", "libcupti", "libnvrtc")  # these are installed
BARE_NAMES = r"UND ((?:cusparseLt|nccl|cuFile|cu[A-Z])\w*)$"


def install() -> str:
    """Make sure of it, about 600 MB to fetch. Returns what is wrong, or nothing."""
    recipe = FOLDER / "packages.txt"
    if recipe.exists() and recipe.read_text() == "\n".join(PACKAGES):
        return ""
    print("fetching torch and torchcodec (600 MB)", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(FOLDER / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, *PACKAGES], check=True)
        make_stand_ins()
        subprocess.run(started("import torchcodec.decoders"), env=environment(), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"torchcodec could not be installed: {error}"
    recipe.write_text("\n".join(PACKAGES))
    return ""


def torchcodec(arguments: List[str]) -> Program:
    """The program that samples with torchcodec."""
    return Program([str(FOLDER / "bin/python"), *arguments], environment())


def started(code: str) -> List[str]:
    """The command that runs some Python there."""
    return [str(FOLDER / "bin/python"), "-c", code]


def environment() -> Dict[str, str]:
    """Where the dynamic linker finds what torch wants."""
    (installed,) = FOLDER.glob("lib/python*/site-packages/nvidia/cu13/lib")
    return {"LD_LIBRARY_PATH": f"{FOLDER / 'stand-ins'}:{installed}"}


def make_stand_ins() -> None:
    """Libraries with the names and versions that torch's libraries are linked against, and nothing behind them."""
    wanted: Dict[str, Set[str]] = {}  # library: symbol versions
    names: Dict[str, Set[str]] = {}  # symbol version, or nothing: symbols
    for library in FOLDER.glob("lib/python*/site-packages/torch/lib/*.so"):
        told = read_elf(library, "-V", "-d")
        for soname in re.findall(r"Shared library: \[(lib(?:cu|nccl|nv)[^\]]*)\]", told):
            wanted.setdefault(soname, set())
        file = ""
        for line in told.splitlines():
            if found := re.search(r"Version: \d+\s+File: (\S+)", line):
                file = found[1]
            elif (found := re.search(r"Name: (\S+)\s+Flags", line)) and file in wanted:
                wanted[file].add(found[1])
        symbols = read_elf(library, "--dyn-syms")
        for name, version in re.findall(r"UND (\w+)@(\S+)", symbols):
            names.setdefault(version, set()).add(name)
        names.setdefault("", set()).update(re.findall(BARE_NAMES, symbols, re.MULTILINE))
    folder = FOLDER / "stand-ins"
    folder.mkdir(exist_ok=True)
    for soname, versions in wanted.items():
        if not soname.startswith(SMALL):
            # Symbols without a version are found wherever they are: one library has them all.
            bare = names[""] if soname.startswith("libcufile") else set()
            make_stand_in(folder / soname, {version: names.get(version, set()) for version in versions}, bare)


def make_stand_in(path: pathlib.Path, versioned: Dict[str, Set[str]], bare: Set[str]) -> None:
    """One such library."""
    script = path.with_suffix(".map")
    blocks = [f"{version} {{ {' '.join(f'{name};' for name in names)} }};" for version, names in versioned.items()]
    script.write_text("\n".join(blocks) or "ANY { *; };")
    code = "\n".join(f"int {name}(void) {{ return 1; }}" for name in bare.union(*versioned.values()))
    options = ["-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{path.name}", f"-Wl,--version-script={script}"]
    subprocess.run(["cc", *options, "-x", "c", "-", "-o", str(path)], input=code, text=True, check=True)


def read_elf(library: pathlib.Path, *options: str) -> str:
    """What `readelf` tells."""
    return subprocess.run(["readelf", "-W", *options, str(library)], capture_output=True, text=True, check=True).stdout
