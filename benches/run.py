"""Runs the measurements side by side and writes them to RESULTS.md beside this file: `make bench`.

With `--quick` short clips and few rounds show that everything runs; that is printed only. Other arguments choose suites
by the name of their module, which is printed only as well.

Ratios within one run are what counts: absolute times depend on the machine and on what else it does.
"""

import argparse
import datetime
import os
import pathlib
import subprocess
from typing import List

import files
import loop_latency
import sampling
import streaming

HERE = pathlib.Path(__file__).parent
SUITES = [sampling, streaming, loop_latency, files]


def main() -> None:
    """Measure everything and write the results."""
    names = [suite.__name__ for suite in SUITES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short clips, few rounds, nothing written")
    parser.add_argument("suite", nargs="*", help=f"only these of {', '.join(names)}, nothing written")
    chosen = parser.parse_args()
    if unknown := set(chosen.suite) - set(names):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    sections: List[str] = []
    for suite in SUITES:
        if not chosen.suite or suite.__name__ in chosen.suite:
            print(f"measuring: {suite.TITLE}", flush=True)
            sections.append(f"## {suite.TITLE}\n\n{suite.measure(chosen.quick).strip()}\n")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    )
    head = (
        "# Measurements\n\n"
        f"`make bench`, commit {commit.stdout.strip()} and its uncommitted changes if any, "
        f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores.\n"
        "Ratios hold within one run; times are medians unless said otherwise.\n"
    )
    text = "\n".join([head, *sections])
    if not chosen.quick and not chosen.suite:
        (HERE / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
