"""Parts of sound, joined or stitched, against PyAV's decoding of the whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from test_parts import cut, exact
from test_sound import by_pyav

# How many parts of about a second each clip gives, and how far samples may be off behind a cut: nothing where blocks do
# not depend on each other, a little where decoders add noise of their own or adapt. One of two decoders of MPEG layer 2
# rounds to 16 bits.
CLIPS = {
    "stereo_44100.wav": (3, 0),
    "stereo_96000.wav": (3, 0),
    "six_48000.wav": (3, 0),
    "mono_8000.wav": (3, 0),
    "pcm.mkv": (3, 0),
    "pcm.mov": (1, 0),
    "stereo_48000.flac": (3, 0),
    "alac.m4a": (3, 0),
    "mono_11025.mp3": (3, 1e-6),
    "stereo_44100.mp3": (3, 1e-6),
    "stereo_48000.m4a": (3, 2e-2),
    "six_48000.m4a": (3, 2e-2),
    "mono_22050.aac": (3, 2e-2),
    "aac.ts": (3, 2e-2),
    "mp2.ts": (3, 1e-4),
    "stereo_48000.ac3": (3, 5e-3),
    "six_48000.ac3": (3, 5e-3),
    "stereo_48000.opus": (3, 2e-2),
    "mono_16000.opus": (3, 2e-2),
    "opus.mkv": (3, 2e-2),
    "vorbis.mkv": (1, 0),
    "stereo_44100.wma": (1, 0),
    "hole.mp4": (1, 0),
    "late_sound.mov": (3, 0),
}


@pytest.mark.parametrize("clip", CLIPS)
def test_samples_of_the_parts_are_those_of_the_file(tmp_path: Path, clips: Path, clip: str) -> None:
    count, tolerance = CLIPS[clip]
    parts = cut(Path("sound"), clips / clip, str(tmp_path), "1")
    assert len(parts) == count
    if count == 1:
        assert parts[0]["path"] == str(clips / clip)
        assert not list(tmp_path.iterdir())
        return
    whole, index = by_pyav(clips / clip), 0
    for number, part in enumerate(parts):
        own = by_pyav(Path(part["path"]))
        is_last = number + 1 == len(parts)
        assert part["first_index"] == index
        assert len(own.samples) >= part["count"] if is_last else len(own.samples) == part["count"]
        assert exact(part["start"]) + own.start == whole.start + Fraction(index, whole.rate)
        piece = whole.samples[index : index + part["count"]]
        assert np.abs(own.samples[: len(piece)] - piece).max() <= tolerance
        index += part["count"]
    assert index == len(whole.samples)
    assert len(list(tmp_path.iterdir())) == count


@pytest.mark.parametrize("clip", [clip for clip, (count, _) in CLIPS.items() if count > 1])
def test_a_range_is_the_smallest_part_that_covers_it(tmp_path: Path, clips: Path, clip: str) -> None:
    whole = by_pyav(clips / clip)
    (part,) = cut(Path("sound"), clips / clip, str(tmp_path), "1000", "2000")
    own, index = by_pyav(Path(part["path"])), part["first_index"]
    assert index / whole.rate <= 1.0 - float(whole.start)
    assert float(exact(part["start"]) + exact(part["duration"])) >= 2.0
    assert part["count"] < len(whole.samples)
    assert exact(part["start"]) + own.start == whole.start + Fraction(index, whole.rate)
    assert np.abs(own.samples[: part["count"]] - whole.samples[index : index + part["count"]]).max() <= CLIPS[clip][1]
    assert [path.name for path in tmp_path.iterdir()] == [Path(part["path"]).name]


@pytest.mark.parametrize("clip", [clip for clip, (count, _) in CLIPS.items() if count > 1])
def test_durations_are_those_of_the_samples_that_are_heard(clips: Path, clip: str) -> None:
    whole = by_pyav(clips / clip)
    first, second = cut(Path("probe"), clips / clip, str(clips / clip))
    assert exact(first["duration"]) == Fraction(len(whole.samples), whole.rate)
    assert exact(second["start_offset"]) == exact(first["duration"])


@pytest.mark.parametrize(
    "clip", ["stereo_48000.m4a", "stereo_44100.mp3", "stereo_48000.flac", "stereo_48000.opus", "aac.ts"]
)
def test_stitched_parts_are_the_range_of_the_whole(tmp_path: Path, clips: Path, clip: str) -> None:
    parts = [part["path"] for part in cut(Path("sound"), clips / clip, str(tmp_path), "0.7")]
    assert len(parts) > 2
    out = tmp_path / "stitched.mp4"
    described = cut(Path("stitch"), out, "500", "2400", *parts)
    assert next(exact(part["start_offset"]) for part in described) == 0
    assert b"moof" in out.read_bytes()
    whole, stitched = by_pyav(clips / clip), by_pyav(out)
    count, rate = len(stitched.samples), whole.rate
    assert abs(count - 1.9 * rate) <= 2 * 4608
    # Where the range begins in the whole: with the packet that is heard at half a second.
    begin = min(
        range(round(0.5 * rate) - 4608, round(0.5 * rate) + 1),
        key=lambda at: np.abs(stitched.samples[20000:30000] - whole.samples[at + 20000 : at + 30000]).mean(),
    )
    assert (
        np.abs(stitched.samples[10000 : count - 4608] - whole.samples[begin + 10000 : begin + count - 4608]).max()
        <= 2e-2
    )


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path, clips: Path) -> None:
    with pytest.raises(AssertionError, match="it holds mp3 of 44100 Hz and 2 channels, the one before it aac"):
        cut(
            Path("stitch"),
            tmp_path / "out.mp4",
            "0",
            "5000",
            str(clips / "stereo_48000.m4a"),
            str(clips / "stereo_44100.mp3"),
        )


@pytest.mark.parametrize("clip", ["stereo_48000.m4a", "aac.ts"])
def test_a_whole_file_becomes_fragments(tmp_path: Path, clips: Path, clip: str) -> None:
    out = tmp_path / "stitched.mp4"
    cut(Path("stitch"), out, "0", "3000", str(clips / clip))
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert abs(sum(frame.samples for frame in container.decode(audio=0)) - 3 * 48000) <= 2048
