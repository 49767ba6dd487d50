"""Runs the measurements side by side and writes them to RESULTS.md beside this file: `make bench`.

Each suite has its section there, with the command, the commit and the day. Arguments choose suites by the name of their
module; the other sections stay as they are. With `--quick` short clips and few rounds show that everything runs; that
is printed only.

Ratios within one run are what counts: absolute times depend on the machine and on what else it does.
"""

import argparse
import datetime
import os
import pathlib
import re
import subprocess

import containers
import files
import loop_latency
import sampling
import serve
import store
import streaming

HERE = pathlib.Path(__file__).parent
SUITES = [sampling, streaming, loop_latency, files, store, serve, containers]


HEAD = """# Measurements

Written by `make bench`. Ratios hold within one run; times are medians unless said otherwise.
"""


def main() -> None:
    """Measure, and write each suite's results when it is done."""
    names = [suite.__name__ for suite in SUITES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short clips, few rounds, nothing written")
    parser.add_argument("--rounds", type=int, default=sampling.rounds, help="rounds of the long suite, sampling [3]")
    parser.add_argument("suite", nargs="*", help=f"only these of {', '.join(names)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.suite) - set(names):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    sampling.rounds = 1 if chosen.quick else chosen.rounds
    for suite in SUITES:
        if not chosen.suite or suite.__name__ in chosen.suite:
            print(f"measuring: {suite.TITLE}", flush=True)
            section = f"{where(suite.__name__)}\n\n{suite.measure(chosen.quick).strip()}"
            print(section)
            if not chosen.quick:
                keep(suite.TITLE, section)


def where(suite: str) -> str:
    """The command, the commit, the day and the machine."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.strip()
    return f"`benches/run.py {suite}`, commit {commit}, {datetime.date.today().isoformat()}, {os.cpu_count()} cores."


def keep(title: str, section: str) -> None:
    """Put a suite's results in place of its former ones."""
    results = HERE / "RESULTS.md"
    parts = re.split(r"^## (.*)$", results.read_text(), flags=re.MULTILINE)[1:] if results.exists() else []
    sections = dict(zip(parts[::2], (text.strip() for text in parts[1::2])))
    sections[title] = section
    order = [suite.TITLE for suite in SUITES]
    told = [f"## {title}\n\n{sections[title]}\n" for title in order if title in sections]
    results.write_text("\n".join([HEAD, *told]))


if __name__ == "__main__":
    main()
