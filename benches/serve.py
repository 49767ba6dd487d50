"""How soon a tag can be read over HTTP, how long a page of jobs takes, and how much memory the server holds."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from typing import Dict, Iterator, List

from trial import table

TITLE = "The server"
ROOT = pathlib.Path(__file__).parent.parent
TAGGER = ROOT / "target/release/tagger"

# A program under the contract: so many tags a file, then the progress line, whose time it notes; then it rests.
MODEL = """
import json, sys, time
argument = lambda name: sys.argv[sys.argv.index(name) + 1]
params, out = json.loads(argument("--params")), open(argument("--output-path"), "a")
for path in map(str.strip, sys.stdin):
    time.sleep(params["rest"])
    for nth in range(params["tags"]):
        data = {"start_time": nth * 1000, "end_time": nth * 1000 + 900, "tag": f"word {nth % 50}", "source_media": path}
        out.write(json.dumps({"type": "tag", "data": data}) + "\\n")
    line = json.dumps({"type": "progress", "data": {"source_media": path}}) + "\\n"
    if "noted" in params:
        with open(params["noted"], "a") as noted:
            print(time.time_ns(), file=noted)
    out.write(line)
    out.flush()
"""


def measure(quick: bool) -> str:
    """All of it, each in a server of its own; few of each for a quick look."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "tagger", "--bin", "tagger"], cwd=ROOT, check=True)
    rounds, jobs, hours = (10, 500, 3) if quick else (100, 20_000, 100)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "model.py").write_text(MODEL)
        delays = latency(place, rounds)
        pages = listing(place, jobs)
        tags, peak = memory(place, hours)
    rows = [
        [f"progress line to tags readable, {rounds} parts while idle", told(delays)],
        [f"a page of 100 in a list of {jobs:,} finished jobs", told(pages)],
    ]
    return "\n\n".join(
        [
            table(["over HTTP", "median", "99th percentile"], [[name, *times] for name, times in rows]),
            f"The server's memory reached {peak / 1e6:.0f} MB while {hours} hours of content with {tags:,} tags were"
            " written and all of them read.",
        ]
    )


class Server:
    """A running server and one connection to it."""

    def __init__(self, place: pathlib.Path) -> None:
        command = [str(TAGGER), "serve", "--listen", "127.0.0.1:0", "--data", "data", "--python", sys.executable]
        self.process = subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        address = self.process.stderr.readline().split("http://")[1].split(",")[0]
        self.connection = http.client.HTTPConnection(address)

    def ask(self, path: str, method: str = "GET", body: "Dict[str, object] | None" = None) -> bytes:
        """An answer's body."""
        headers = {"content-type": "application/json"} if body is not None else {}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(text.decode())
        return text

    def submit(self, place: pathlib.Path, album: pathlib.Path, **params: object) -> str:
        """A job over an album, by its id."""
        body = {"model": str(place / "model.py"), "source": str(album), "content": album.name, "params": params}
        return str(json.loads(self.ask("/v1/jobs", "POST", body))["id"])

    def ended(self, job: str) -> Dict[str, object]:
        """A job once it has ended well."""
        while True:
            row = json.loads(self.ask(f"/v1/jobs/{job}"))
            if row["state"] not in ("queued", "running"):
                assert row["state"] == "succeeded", row
                return dict(row)
            time.sleep(0.05)


@contextlib.contextmanager
def serving(place: pathlib.Path) -> Iterator[Server]:
    """A server, ended in order."""
    server = Server(place)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()


def album(place: pathlib.Path, name: str, stills: int) -> pathlib.Path:
    """A folder of small stills, each of which is a part."""
    folder = place / name
    folder.mkdir()
    source = ["-f", "lavfi", "-i", "color=red:size=32x32", "-frames:v", "1", str(folder / "0000.png")]
    subprocess.run(["ffmpeg", "-loglevel", "error", *source], check=True)
    for nth in range(1, stills):
        os.link(folder / "0000.png", folder / f"{nth:04}.png")
    return folder


def latency(place: pathlib.Path, rounds: int) -> List[float]:
    """Seconds from writing a part's progress line to reading its tags, of an otherwise idle server."""
    noted = place / "noted"
    with serving(place) as server:
        job = server.submit(place, album(place, "slow", rounds), rest=0.1, tags=3, noted=str(noted))
        seen: List[int] = []
        while len(seen) < rounds:
            # What is stored is asked for all the time, so that no pause of ours counts. Only the last tags are sent.
            found = json.loads(server.ask(f"/v1/tags?job={job}&limit=10000"))["items"]
            seen += [time.time_ns()] * (len(found) // 3 - len(seen))
        server.ended(job)
    written = [int(line) for line in noted.read_text().split()]
    return [(read - wrote) / 1e9 for wrote, read in zip(written, seen)]


def listing(place: pathlib.Path, jobs: int) -> List[float]:
    """Seconds that a page of jobs takes, where there are many: all copies of one that has ended."""
    with sqlite3.connect(place / "data/tagger.db") as store:
        columns = [row[1] for row in store.execute("PRAGMA table_info(jobs)") if row[1] not in ("key", "id")]
        names = ", ".join(columns)
        store.execute(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?)"
            f" INSERT INTO jobs (id, {names}) SELECT 'copy-' || x, {names} FROM n, (SELECT * FROM jobs LIMIT 1)",
            (jobs,),
        )
    store.close()
    seconds = []
    with serving(place) as server:
        cursor = ""
        for _ in range(jobs // 100):
            begun = time.perf_counter()
            page = json.loads(server.ask(f"/v1/jobs?limit=100{cursor}"))
            seconds.append(time.perf_counter() - begun)
            assert len(page["items"]) == 100
            cursor = "&cursor=" + urllib.parse.quote(page["next"]) if page["next"] else ""
    return seconds


def memory(place: pathlib.Path, hours: int) -> "tuple[int, int]":
    """How many tags were written and read, and the most memory that the server held meanwhile, in bytes."""
    stills = album(place, "hour", 120)
    tags = 0
    with serving(place) as server:
        for nth in range(hours):
            link = place / f"hour-{nth}"
            link.symlink_to(stills)
            # A tag a second, in parts of half a minute.
            tags += int(str(server.ended(server.submit(place, link, rest=0, tags=30))["tags"]))
        for nth in range(hours):
            lines = server.ask(f"/v1/export?content=hour-{nth}").count(b"\n")
            assert lines * hours == tags, (lines, tags)
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return tags, int(peak.split()[1]) * 1024


def told(seconds: List[float]) -> List[str]:
    """Median and 99th percentile in milliseconds."""
    in_order = sorted(seconds)
    last = in_order[min(len(in_order) - 1, int(len(in_order) * 0.99))]
    return [f"{statistics.median(in_order) * 1000:.1f} ms", f"{last * 1000:.1f} ms"]
