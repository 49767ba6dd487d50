"""Runs programs one at a time and tells what each took; several of them in turns, so that all see the same machine.

This process stays small: what it holds when it starts a program counts as the program's peak memory.
"""

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

CORES = os.cpu_count() or 1


@dataclass
class Program:
    """A command. It says JSON (`seconds`, `indices`), or lines that begin with `indices`, or nothing of interest."""

    command: List[str]
    env: Dict[str, str] = field(default_factory=dict)
    says: str = "json"
    stdin: str = ""


@dataclass
class Run:
    """What one run took: seconds, bytes, and the share of the machine that others used meanwhile."""

    wall_s: float
    inner_s: float
    cpu_s: float
    peak_bytes: int
    foreign: float
    indices: Optional[List[int]]


def run(program: Program) -> Run:
    """Run to the end. Raises `RuntimeError` if the program fails."""
    with contextlib.ExitStack() as files:
        given, out, err = (files.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3))
        given.write(program.stdin)
        given.seek(0)
        busy, begun = machine_busy_s(), time.perf_counter()
        process = subprocess.Popen(
            program.command, stdin=given, stdout=out, stderr=err, env={**os.environ, **program.env}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        busy = machine_busy_s() - busy
        out.seek(0)
        err.seek(0)
        said, complaint = out.read(), err.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(program.command)} ended with status {process.returncode}:\n{complaint[-2000:]}")
    cpu_s = usage.ru_utime + usage.ru_stime
    foreign = max(0.0, busy - cpu_s) / (wall_s * CORES)
    inner_s, indices = wall_s, None
    if program.says == "json":
        told = json.loads(said)
        inner_s, indices = told["seconds"], told.get("indices")
    elif program.says == "indices":
        indices = [int(line.split()[0]) for line in said.splitlines()]
    return Run(wall_s, inner_s, cpu_s, usage.ru_maxrss * 1024, foreign, indices)


def machine_busy_s() -> float:
    """Seconds that all cores together have worked since the machine started."""
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _wait, irq, softirq, *_ = map(int, stat.readline().split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def in_turns(programs: Dict[str, Program], rounds: int) -> Dict[str, List[Run]]:
    """Each program `rounds` times, in turns; who begins changes from round to round."""
    names = list(programs)
    runs: Dict[str, List[Run]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            runs[name].append(run(programs[name]))
    return runs


def middle(runs: List[Run], value: Callable[[Run], float]) -> float:
    """The median of something the runs tell."""
    return statistics.median(map(value, runs))


def table(head: List[str], rows: List[List[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
