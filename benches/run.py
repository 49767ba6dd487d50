"""Runs the measurements side by side and writes them to RESULTS.md beside this file: `make bench`.

Ratios within one run are what counts: absolute times depend on the machine and on what else it does.
"""

import datetime
import os
import pathlib
import subprocess
from typing import List

import loop_latency

HERE = pathlib.Path(__file__).parent
SUITES = [loop_latency]


def main() -> None:
    """Measure everything and write the results."""
    sections: List[str] = []
    for suite in SUITES:
        print(f"measuring: {suite.TITLE}", flush=True)
        sections.append(f"## {suite.TITLE}\n\n{suite.measure().strip()}\n")
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
    (HERE / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
