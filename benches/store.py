"""How fast parts are committed to a store, and how long questions about it take."""

import json
import pathlib
import subprocess
import tempfile

from trial import table

TITLE = "The store"
ROOT = pathlib.Path(__file__).parent.parent


def measure(quick: bool) -> str:
    """Run the measuring program over ten million tags, or over few."""
    build = ["cargo", "build", "--quiet", "--release", "-p", "tagger-store", "--example", "store-speed"]
    subprocess.run(build, cwd=ROOT, check=True)
    program = ROOT / "target/release/examples/store-speed"
    tags = 200_000 if quick else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run([program, folder, str(tags)], capture_output=True, text=True, check=True).stdout
        size = (pathlib.Path(folder) / "tagger.db").stat().st_size
    return told_in_words(json.loads(told), size)


def told_in_words(seen: dict, size_bytes: int) -> str:
    """The results as tables, with what they stand for."""
    committed, bare = seen["committed_per_s"], seen["bare_per_s"]
    small, large, jobs = seen["windows"]["small"], seen["windows"]["large"], seen["jobs"]
    writing = [
        ["commits of parts, eight side by side", f"{committed:,.0f}", f"{committed / bare:.2f}"],
        ["bare inserts of the same rows, in batches as large", f"{bare:,.0f}", "1"],
        [f"commits, on the way to {large['tags']:,} tags", f"{large['filled_per_s']:,.0f}", ""],
    ]
    asking = [
        row(f"a window of 10 s on a track of {small['tags']:,} tags", small, small),
        row(f"the same of {large['tags']:,} tags", large, small),
        row(f"a page of 100 in a list of {jobs['jobs']:,} jobs", jobs, None),
    ]
    tags = seen["written"]
    return "\n\n".join(
        [
            table(["writing", "tags a second", "of bare"], writing),
            "A part is 30 s with 900 tags on one track; two texts in a hundred are new. Both ways write to the disk"
            " before they say that they have, into tables of the same form. Medians of ten rounds in turns.",
            table(["asking", "median", "99th percentile", "of the small track's"], asking),
            f"Through the store's own door, with the change of thread. {tags:,} tags take {size_bytes / tags:.0f} bytes"
            " each, indices and texts included.",
        ]
    )


def row(name: str, asked: dict, beside: "dict | None") -> list:
    """A question's line."""
    ratio = f"{asked['p99_ms'] / beside['p99_ms']:.2f}" if beside else ""
    return [name, f"{asked['p50_ms']:.2f} ms", f"{asked['p99_ms']:.2f} ms", ratio]
