"""Sound of every clip, against PyAV's decoding and the `ffmpeg` program: the same samples at the same times."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from conftest import ROOT

PROGRAM = ROOT / "target/release/examples/samples"

CLIPS = [
    "stereo_44100.wav",
    "stereo_96000.wav",
    "six_48000.wav",
    "mono_8000.wav",
    "stereo_48000.flac",
    "mono_11025.mp3",
    "stereo_44100.mp3",
    "stereo_48000.m4a",
    "six_48000.m4a",
    "mono_22050.aac",
    "stereo_44100.ogg",
    "mono_16000.opus",
    "stereo_48000.opus",
    "stereo_48000.ac3",
    "six_48000.ac3",
    "pcm.mov",
    "pcm.mkv",
    "pcm.ts",
    "alac.m4a",
    "stereo_44100.wma",
    "aac.ts",
    "mp2.ts",
    "opus.mkv",
    "vorbis.mkv",
    "late_sound.mov",
    "sound.mp4",
    "sound_first.mkv",
    "late_video.mkv",
    "cover.mp3",
]

# AAC fills bands with noise that depends on how many packets were decoded before.
AAC_NOISE = 1e-2


@dataclass
class Sound:
    """Samples of shape (count, channels), and the time of the first one from the container's start."""

    samples: np.ndarray
    start: Fraction
    rate: int


@dataclass
class Given(Sound):
    """Sound as the program gives it."""

    blocks: list[tuple[int, Fraction, int]]
    report: dict


@pytest.fixture
def given(tmp_path: Path):
    def run(path: Path, *options: str) -> Given:
        raw = tmp_path / "raw"
        command = [str(PROGRAM), str(path), *options, "-o", str(raw)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        *lines, report = done.stdout.splitlines()
        blocks = []
        for line in lines:
            index, ticks, base, rate, channels, count = line.split()
            blocks.append((int(index), int(ticks) * Fraction(base), int(count)))
        samples = np.fromfile(raw, np.float32)
        if "planar" in options:
            ends = np.cumsum([count * int(channels) for _, _, count in blocks])
            pieces = [piece.reshape(int(channels), -1).T for piece in np.split(samples, ends[:-1])]
            samples = np.concatenate(pieces)
        return Given(samples.reshape(-1, int(channels)), blocks[0][1], int(rate), blocks, json.loads(report))

    return run


def by_ffmpeg(path: Path, *options: str, channels: int) -> np.ndarray:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", *options, "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32).reshape(
        -1, channels
    )


def by_pyav(path: Path) -> Sound:
    pieces, first = [], None
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        starts = [s.start_time * s.time_base for s in container.streams if s.start_time is not None]
        for frame in container.decode(stream):
            first = frame.pts * frame.time_base if first is None else first
            data = frame.to_ndarray()
            if frame.format.is_packed:
                data = data.reshape(-1, frame.layout.nb_channels).T
            kind = data.dtype
            if kind == np.uint8:
                data = (data.astype(np.float32) - 128) / 128
            elif kind.kind == "i":
                data = data.astype(np.float64) / 2 ** (8 * kind.itemsize - 1)
            pieces.append(data.T.astype(np.float32))
            rate = frame.rate
    return Sound(np.concatenate(pieces), first - min(starts, default=Fraction(0)), rate)


def assert_continuous(sound: Given) -> None:
    """Every block begins where the one before it ended, at its index divided by the rate behind the start."""
    index = 0
    for first, time, count in sound.blocks:
        assert first == index
        assert time == sound.start + Fraction(index, sound.rate)
        index += count
    assert index == len(sound.samples)


@pytest.mark.parametrize("clip", CLIPS)
def test_samples_are_those_of_ffmpeg_to_the_bit(given, clips: Path, clip: str) -> None:
    ours = given(clips / clip)
    theirs = by_ffmpeg(clips / clip, channels=ours.samples.shape[1])
    assert ours.samples.shape == theirs.shape
    assert np.array_equal(ours.samples, theirs)
    assert ours.report["skipped"]["packets"] == 0
    assert ours.report["repairs"]["gaps"] == 0
    assert_continuous(ours)


@pytest.mark.parametrize("clip", CLIPS)
def test_times_rates_and_samples_are_those_of_pyav(given, clips: Path, clip: str) -> None:
    ours, theirs = given(clips / clip), by_pyav(clips / clip)
    assert ours.rate == theirs.rate
    # Containers that count milliseconds round where priming ends, and versions round it differently.
    assert abs(ours.start - theirs.start) <= (Fraction(1, 1000) if clip.endswith(".mkv") else 0)
    assert abs(len(ours.samples) - len(theirs.samples)) <= (ours.rate // 1000 if clip.endswith(".mkv") else 0)
    count = min(len(ours.samples), len(theirs.samples))
    # The libraries' versions differ in how they add up floats.
    assert np.abs(ours.samples[:count] - theirs.samples[:count]).max() <= 2e-5


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize(
    "clip", ["stereo_44100.wav", "stereo_96000.wav", "stereo_48000.m4a", "mono_8000.wav", "mono_11025.mp3"]
)
def test_resampled_sound_is_that_of_ffmpeg(given, clips: Path, clip: str, rate: int) -> None:
    ours = given(clips / clip, f"rate={rate}")
    theirs = by_ffmpeg(clips / clip, "-ar", str(rate), channels=ours.samples.shape[1])
    assert abs(len(ours.samples) - len(theirs)) <= 1
    count = min(len(ours.samples), len(theirs))
    assert np.array_equal(ours.samples[:count], theirs[:count])
    assert_continuous(ours)


@pytest.mark.parametrize("clip", ["stereo_44100.wav", "stereo_48000.m4a", "six_48000.wav", "six_48000.ac3"])
def test_mono_is_ffmpegs_mix_that_cannot_overflow(given, clips: Path, clip: str) -> None:
    ours = given(clips / clip, "channels=mono")
    theirs = by_ffmpeg(clips / clip, "-af", "aresample=rematrix_maxval=1,aformat=flt:channel_layouts=mono", channels=1)
    assert np.abs(ours.samples - theirs).max() <= 1e-6
    if clip.startswith("stereo"):
        mean = given(clips / clip).samples.mean(axis=1, keepdims=True)
        assert np.abs(ours.samples - mean).max() <= 1e-6


@pytest.mark.parametrize("clip", ["stereo_44100.wav", "six_48000.m4a"])
def test_planar_blocks_hold_the_same_samples(given, clips: Path, clip: str) -> None:
    planar, interleaved = given(clips / clip, "planar", "block=1000"), given(clips / clip)
    assert np.array_equal(planar.samples, interleaved.samples)
    assert {count for _, _, count in planar.blocks[:-1]} == {1000}


def placed(path: Path) -> tuple[np.ndarray, int]:
    """Each packet's samples at the place that its own timestamp names, silence elsewhere."""
    with av.open(str(path)) as container:
        frames = [(frame.pts * frame.time_base, frame) for frame in container.decode(audio=0)]
    rate = frames[0][1].rate
    first = frames[0][0]
    end = max(round((time - first) * rate) + frame.samples for time, frame in frames)
    line = np.zeros((end, frames[0][1].layout.nb_channels), np.float32)
    for time, frame in frames:
        at = round((time - first) * rate)
        data = frame.to_ndarray()
        line[at : at + frame.samples] = data.T if frame.format.is_planar else data.reshape(frame.samples, -1)
    return line, rate


def test_a_hole_is_filled_with_silence(given, clips: Path) -> None:
    ours, (line, _) = given(clips / "hole.mp4"), placed(clips / "hole.mp4")
    assert ours.report["repairs"]["gaps"] == 1
    assert ours.report["repairs"]["silence"] == {"ticks": 2048, "base": "1/48000"}
    assert ours.samples.shape == line.shape
    assert np.abs(ours.samples - line).max() <= 2e-5
    assert len(ours.samples) == len(given(clips / "stereo_48000.m4a").samples)


def test_a_hole_keeps_its_length_when_resampled(given, clips: Path) -> None:
    whole, hole = given(clips / "stereo_48000.m4a", "rate=16000"), given(clips / "hole.mp4", "rate=16000")
    assert len(hole.samples) == len(whole.samples)
    assert np.abs(hole.samples[:19000] - whole.samples[:19000]).max() <= 1e-6
    assert np.abs(hole.samples[-20000:] - whole.samples[-20000:]).max() <= AAC_NOISE


def test_an_overlap_is_trimmed(given, clips: Path) -> None:
    ours, plain = given(clips / "overlap.mkv"), given(clips / "pcm.mkv")
    assert ours.report["repairs"]["overlaps"] >= 1
    # 60 ms; every timestamp is rounded to a millisecond.
    assert abs(len(ours.samples) - (len(plain.samples) - 48 * 60)) <= 48


def test_a_damaged_packet_costs_its_samples_and_nothing_moves(given, clips: Path) -> None:
    ours, whole = given(clips / "damaged.m4a"), given(clips / "stereo_48000.m4a")
    assert ours.report["skipped"]["packets"] > 0
    assert len(ours.samples) == len(whole.samples)
    assert np.abs(ours.samples[-20000:] - whole.samples[-20000:]).max() <= AAC_NOISE


def test_a_clock_that_is_set_back_does_not_stop_the_sound(given, clips: Path) -> None:
    ours, once = given(clips / "joined.ts"), given(clips / "aac.ts")
    assert ours.report["repairs"]["jumps"] == 1
    assert abs(len(ours.samples) - 2 * len(once.samples)) <= 2048
