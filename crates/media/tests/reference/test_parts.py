"""Parts of every clip, against a naive decode of the whole: joined, they hold the same frames at the same times."""

from __future__ import annotations

import json
import os
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

import naive
from conftest import ROOT

PROGRAM = Path(os.environ.get("TAGGER_CUT", ROOT / "target/release/examples/cut"))

# How many parts of about a second each clip gives. What cannot be cut stays one part, the file itself.
CLIPS = {
    "h264.mp4": 3,
    "h264_8bframes.mp4": 3,
    "h264_opengop.mp4": 1,
    "h264_intra_refresh.mp4": 1,
    "h264_interlaced.mp4": 2,
    "h264_interlaced.ts": 2,
    "h264.mkv": 3,
    "h264.ts": 3,
    "h264.flv": 3,
    "h264.mov": 3,
    "fragmented.mp4": 3,
    "raw.h264": 1,
    "hevc.mp4": 4,
    "hevc.ts": 4,
    "hevc_opengop.mp4": 1,
    "hevc_opengop.ts": 1,
    "vp8.webm": 2,
    "vp9.webm": 2,
    "vp9.mp4": 2,
    "av1.mp4": 2,
    "av1.webm": 2,
    "mpeg2.ts": 1,
    "mpeg2_closed.ts": 4,
    "mpeg4.mp4": 1,
    "mpeg4.avi": 1,
    "mpeg4_simple.avi": 4,
    "mjpeg.avi": 2,
    "prores.mov": 2,
    "ffv1.avi": 1,
    "ffv1.mkv": 3,
    "ntsc.mp4": 5,
    "ntsc.mkv": 5,
    "vfr.mp4": 3,
    "vfr.mkv": 3,
    "edit_list.mp4": 3,
    "edit_list_opengop.mp4": 1,
    "delayed.mp4": 3,
    "late_video.mkv": 3,
    "sound.mp4": 2,
    "sound.mkv": 2,
    "sound_first.mkv": 2,
    "rotated_90.mp4": 3,
    "rotated_180.mp4": 3,
    "rotated_270.mp4": 3,
    "begins_inside.ts": 2,
    "resized.ts": 1,
    "cut.mkv": 2,
    "one_frame.mp4": 1,
    "slow.mp4": 1,
}


def cut(path: Path, folder: Path, *where: str) -> list[dict]:
    command = [str(PROGRAM), str(path), str(folder), *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def exact(time: dict) -> Fraction:
    return time["ticks"] * Fraction(time["base"])


def start(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        starts = [s.start_time * s.time_base for s in container.streams if s.start_time is not None]
    return min(starts, default=Fraction(0))


@cache
def whole(path: Path) -> list[tuple[int, Fraction, np.ndarray]]:
    begin = start(path)
    return [(frame.index, frame.pts - begin, frame.pixels) for frame in naive.decode(path)]


def joined(parts: list[dict]) -> list[tuple[int, Fraction, np.ndarray]]:
    frames = []
    for part in parts:
        path = Path(part["path"])
        begin, own = start(path), naive.decode(path)
        assert part["is_source"] or len(own) == part["count"]
        frames += [
            (part["first_index"] + frame.index, exact(part["start"]) + frame.pts - begin, frame.pixels) for frame in own
        ]
    return frames


def assert_same(ours: list[tuple[int, Fraction, np.ndarray]], theirs: list[tuple[int, Fraction, np.ndarray]]) -> None:
    assert [index for index, _, _ in ours] == [index for index, _, _ in theirs]
    assert [time for _, time, _ in ours] == [time for _, time, _ in theirs]
    for (index, _, here), (_, _, there) in zip(ours, theirs, strict=True):
        assert np.array_equal(here, there), f"pixels of frame {index}"


@pytest.mark.parametrize(("clip", "count"), CLIPS.items())
def test_frames_of_the_parts_are_those_of_the_file(tmp_path: Path, clips: Path, clip: str, count: int) -> None:
    parts = cut(clips / clip, tmp_path, "1")
    assert len(parts) == count
    assert all(part["is_source"] for part in parts) == (count == 1)
    assert_same(joined(parts), whole(clips / clip))
    for part, following in zip(parts, parts[1:], strict=False):
        assert exact(part["start"]) + exact(part["duration"]) == exact(following["start"])
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(Path(part["path"]).name for part in parts if not part["is_source"])
    assert all(Path(name).suffix in {".mp4", ".mov", ".mkv"} for name in written)


@pytest.mark.parametrize("clip", ["h264.mp4", "h264.ts", "ntsc.mkv", "vfr.mkv", "hevc.mp4", "edit_list.mp4"])
def test_a_range_is_the_smallest_part_that_covers_it(tmp_path: Path, clips: Path, clip: str) -> None:
    frames = whole(clips / clip)
    (part,) = cut(clips / clip, tmp_path, "2500", "3100")
    given = joined([part])
    first, count = part["first_index"], len(given)
    assert_same(given, frames[first : first + count])
    assert given[0][1] <= Fraction(5, 2)
    end = exact(part["start"]) + exact(part["duration"])
    assert end >= Fraction(31, 10) or first + count == len(frames)
    assert count < len(frames)
    assert [path.name for path in tmp_path.iterdir()] == [Path(part["path"]).name]
