"""The sound of parts that were cut from video, joined by time, against PyAV's decoding of the whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from test_parts import assert_same, cut, exact, joined, whole
from test_sound import given as given

# For each clip three numbers:
# - How far samples may be off. AAC and Opus fill bands with noise that depends on how many packets were decoded before,
#   and AC-3 dithers.
# - How many samples the sound of a part may be shifted: by half a millisecond where packets do not tell their length
#   and times are rounded to milliseconds; by a tick of the pictures where sound begins inside of a part.
#   Both where times are rounded twice.
# - How many samples a part's beginning may lack. Vorbis and Opus begin with a whole packet; the
#   decoder of one gives nothing for it, that of the other nothing for what primes it.
CLIPS = {
    "sounding.mp4": (2e-2, 0, 0),
    "sounding.ts": (2e-2, 0, 0),
    "sounding.mkv": (2e-2, 0, 0),
    "sounding_late.mp4": (2e-2, 4, 0),
    "sounding_cut.mp4": (2e-2, 0, 0),
    "sounding_hole.mp4": (2e-2, 0, 0),
    "sounding_mp3.mkv": (1e-5, 0, 0),
    "sounding_ac3.ts": (5e-3, 0, 0),
    "sounding_opus.mkv": (2e-2, 0, 0),
    "sounding_vorbis.mkv": (1e-5, 24, 3 * 1024),
    "sounding_flac.mkv": (0, 0, 0),
    "sounding_pcm.mov": (0, 0, 0),
    "sound.mp4": (2e-2, 0, 0),
    "sound_first.mkv": (2e-2, 0, 0),
    "late_video.mkv": (2e-2, 0, 0),
    "late_sound.mov": (0, 4, 0),
    "sounding_first.mp4": (2e-2, 0, 0),
    "sounding_first.ts": (2e-2, 0, 0),
    "sounding_first.mkv": (2e-2, 0, 0),
    "sounding_first_pcm.mov": (0, 0, 0),
    "sounding_first_opus.webm": (2e-2, 48, 960 + 312),
    "sounding_first_vorbis.webm": (1e-5, 24, 3 * 1024),
    "sounding_vp8_opus.webm": (2e-2, 48, 960 + 312),
}
# How many samples a decoder takes to adapt behind a cut, where nothing may be put in front of it.
ADAPTS = {"sounding_first_opus.webm": 6000, "sounding_vp8_opus.webm": 6000}


@pytest.mark.parametrize("clip", CLIPS)
def test_sound_of_the_parts_is_that_of_the_file_at_the_same_times(
    given, tmp_path: Path, clips: Path, clip: str
) -> None:
    parts = cut(clips / clip, tmp_path, "1")
    assert len(parts) > 1
    assert all(part["sound"] == "kept" and not part["is_source"] for part in parts)
    assert_same(joined(parts), whole(clips / clip))
    sound = given(clips / clip)
    heard = np.zeros(len(sound.samples), bool)
    tolerance, shift, lack = CLIPS[clip]
    for part in parts:
        start, length = exact(part["start"]), exact(part["duration"])
        if not has_sound(Path(part["path"])):
            end_of_sound = sound.start + Fraction(len(sound.samples), sound.rate)
            assert start + length <= sound.start or start >= end_of_sound
            continue
        own = given(Path(part["path"]))
        assert own.rate == sound.rate
        begin = round((start + own.start - sound.start) * sound.rate)
        end = begin + len(own.samples) if part is parts[-1] else round((start + length - sound.start) * sound.rate)
        end = min(end, begin + len(own.samples))
        adapts = 0 if part is parts[0] else ADAPTS.get(clip, 0)
        compared = own.samples[adapts : end - begin]
        distances = [distance(compared, sound.samples, begin + adapts + by) for by in range(-shift, shift + 1)]
        assert min(distances) <= tolerance
        heard[max(0, begin - lack - shift) : end + shift] = True
    assert heard.all()


def distance(part: np.ndarray, whole: np.ndarray, at: int) -> float:
    """How far the samples of a part are off where they lie in the whole."""
    overlap = whole[max(0, at) : at + len(part)]
    part = part[max(0, -at) :]
    assert len(part) - len(overlap) <= 2048  # what fills the last packet of the whole
    return float(np.abs(part[: len(overlap)] - overlap).max())


def test_sound_that_no_container_of_parts_holds_is_left_out_and_said_so(tmp_path: Path, clips: Path) -> None:
    parts = cut(clips / "sounding_adpcm.mkv", tmp_path, "1")
    assert len(parts) == 3
    for part in parts:
        assert part["sound"] == {"left_out": "no container of parts holds adpcm_ms beside h264"}
        assert not has_sound(Path(part["path"]))
    assert_same(joined(parts), whole(clips / "sounding_adpcm.mkv"))


@pytest.mark.parametrize("clip", ["sounding_first.mp4", "sounding_first.mkv", "sounding_first_opus.webm"])
def test_sound_before_the_first_picture_goes_into_the_first_part(given, tmp_path: Path, clips: Path, clip: str) -> None:
    first, second = cut(clips / clip, tmp_path, "1")[:2]
    own, sound = given(Path(first["path"])), given(clips / clip)
    assert exact(first["start"]) == 0
    assert exact(first["duration"]) == exact(second["start"])
    assert whole(Path(first["path"]))[0][1] == whole(clips / clip)[0][1] > 1
    assert own.start == sound.start == 0
    length = round(exact(first["duration"]) * sound.rate)
    assert distance(own.samples[:length], sound.samples, 0) <= 2e-2


def test_a_range_before_the_first_picture_has_its_sound(given, tmp_path: Path, clips: Path) -> None:
    (part,) = cut(clips / "sounding_first.mp4", tmp_path, "0", "500")
    assert exact(part["start"]) == 0
    assert_same(joined([part]), whole(clips / "sounding_first.mp4")[: part["count"]])
    own, sound = given(Path(part["path"])), given(clips / "sounding_first.mp4")
    assert distance(own.samples[:48000], sound.samples, 0) <= 2e-2


def test_sound_that_no_container_holds_before_these_pictures_is_left_out_and_said_so(
    given, tmp_path: Path, clips: Path
) -> None:
    clip = clips / "sounding_first_edited.mp4"
    parts = cut(clip, tmp_path, "1")
    assert len(parts) > 1
    assert [part["sound"] for part in parts] == ["kept_from_first_picture"] + ["kept"] * (len(parts) - 1)
    assert_same(joined(parts), whole(clip))
    assert exact(parts[0]["start"]) == whole(clip)[0][1] > 0
    own, sound = given(Path(parts[0]["path"])), given(clip)
    begin, length = (round(exact(parts[0][which]) * sound.rate) for which in ("start", "duration"))
    assert distance(own.samples[:length], sound.samples, begin) <= 2e-2


def test_pictures_that_come_without_their_sound_begin_their_part(tmp_path: Path, clips: Path) -> None:
    parts = cut(clips / "sounding_first_adpcm.mkv", tmp_path, "1")
    assert len(parts) == 3
    assert exact(parts[0]["start"]) == whole(clips / "sounding_first_adpcm.mkv")[0][1] > 1
    assert_same(joined(parts), whole(clips / "sounding_first_adpcm.mkv"))


def test_a_range_has_its_sound(given, tmp_path: Path, clips: Path) -> None:
    (part,) = cut(clips / "sounding.ts", tmp_path, "2500", "3100")
    own, sound = given(Path(part["path"])), given(clips / "sounding.ts")
    begin = round((exact(part["start"]) + own.start - sound.start) * sound.rate)
    assert own.start == 0
    assert distance(own.samples, sound.samples, begin) <= 2e-2


def has_sound(path: Path) -> bool:
    with av.open(str(path)) as container:
        return bool(container.streams.audio)
