"""Frames of every clip, against a naive decode: the same indices, the same times, the same pixels."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Tuple

import av
import numpy as np
import pytest

import naive
from conftest import Given, Program

CLIPS = [
    "h264.mp4",
    "h264_opengop.mp4",
    "h264_8bframes.mp4",
    "h264_intra_refresh.mp4",
    "h264_interlaced.mp4",
    "paff.mkv",
    "paff.ts",
    "h264_full_range.mp4",
    "h264_422_10bit.mp4",
    "h264_10bit.mp4",
    "h264_bt709.mp4",
    "h264_444_odd.mp4",
    "h264_odd.mp4",
    "hevc.mp4",
    "hevc_opengop.mp4",
    "hevc_layers.mp4",
    "hevc_10bit.mp4",
    "vp8.webm",
    "vp9.webm",
    "av1.mp4",
    "av1_layers.mkv",
    "mpeg2.ts",
    "mpeg2_interlaced.mpg",
    "mpeg4.avi",
    "mjpeg.avi",
    "prores.mov",
    "ffv1_rgb.mkv",
    "gray.mkv",
    "vp9_odd.webm",
    "mpeg2_interlaced_486.ts",
    "yuv410.mkv",
    "yuv440.mkv",
    "yuv420_12bit.mkv",
    "nv12.nut",
    "yuva420.mkv",
    "h264.mkv",
    "h264.ts",
    "h264_opengop.ts",
    "h264_opengop.mkv",
    "hevc_opengop.ts",
    "fragments.mp4",
    "h264.flv",
    "h264.mov",
    "fragmented.mp4",
    "raw.h264",
    "sound.mp4",
    "sound_first.mkv",
    "ntsc.mp4",
    "ntsc.mkv",
    "vfr.mp4",
    "edit_list.mp4",
    "edit_list_opengop.mp4",
    "delayed.mp4",
    "late_video.mkv",
    "resized_whole.ts",
    "later.ts",
    "one_frame.mp4",
    "two_frames.mp4",
    "slow.mp4",
    "wrong_rate.ts",
    "wrong_rate.mkv",
    "rotated_90.mp4",
    "rotated_180.mp4",
    "rotated_270.mp4",
    "cut_index_first.mp4",
    "cut.mkv",
    "cut.avi",
]
RATES = ["1", "0.31", "12.5"]
OFF_GRID_RATES = ["0.11", "3.7", "7", "60"]

# Where ways to plan differ. The rest is compared when TAGGER_EVERY_CLIP is 1.
CLIPS_FIRST = [
    "h264.mp4",
    "h264_opengop.mp4",
    "h264_8bframes.mp4",
    "h264_intra_refresh.mp4",
    "h264_interlaced.mp4",
    "paff.mkv",
    "paff.ts",
    "resized_whole.ts",
    "rotated_90.mp4",
    "h264_opengop.ts",
    "hevc_opengop.mp4",
    "hevc_layers.mp4",
    "vp8.webm",
    "vp9.webm",
    "av1_layers.mkv",
    "mpeg2_interlaced.mpg",
    "mpeg4.avi",
    "fragments.mp4",
    "vfr.mp4",
    "edit_list_opengop.mp4",
]
# By the numbers that H.273 gives them.
COLOUR_SPACES = {"bt709": 1, "fcc": 4, "smpte170m": 6, "smpte240m": 7, "bt2020nc": 9}
EVERY_CLIP = os.environ.get("TAGGER_EVERY_CLIP") == "1"

# (largest difference, mean difference) of 255, where libav 5.1 cannot be brought to FFmpeg 8's very bits.
TOLERANCES = {
    # Fields of 243 rows go by way of 16-bit planes, which rounds the weights of chroma rows once more: 0.03 % of bytes.
    "mpeg2_interlaced_486.ts": (3, 0.001),
    # Grey of RGB: the two versions round the luma sum differently.
    "ffv1_rgb.mkv gray": (1, 0.02),
}


@cache
def reference(path: Path, pixels: str = "rgb24") -> list[naive.Frame]:
    return naive.decode(path, pixels)


def pts(frame: Given) -> Fraction:
    ticks, base = frame.pts.split("*")
    return int(ticks) * Fraction(base)


def assert_same(given: list[Given], expected: list[naive.Frame], clip: str) -> None:
    assert [frame.index for frame in given] == [frame.index for frame in expected]
    assert [pts(frame) for frame in given] == [frame.pts for frame in expected]
    assert [frame.time_ms for frame in given] == [frame.time_ms for frame in expected]
    assert [frame.duration_ms for frame in given] == [frame.duration_ms for frame in expected]
    max_off, mean_off = TOLERANCES.get(clip, (0, 0.0))
    for ours, theirs in zip(given, expected):
        assert ours.pixels.shape == theirs.pixels.shape
        off = np.abs(ours.pixels.astype(np.int16) - theirs.pixels)
        assert off.max() <= max_off, f"frame {ours.index}: {off.max()}, {(off > 0).mean():.2%} of bytes"
        assert off.mean() <= mean_off


@pytest.mark.parametrize("rate", RATES + (OFF_GRID_RATES if EVERY_CLIP else []))
@pytest.mark.parametrize("clip", CLIPS if EVERY_CLIP else CLIPS_FIRST)
def test_sampled_frames_are_those_of_the_rule(program: Program, clips: Path, clip: str, rate: str) -> None:
    expected = naive.sample(reference(clips / clip), float(rate))
    assert_same(program.frames(clips / clip, rate), expected, clip)


@pytest.mark.parametrize(
    "clip", ["h264_opengop.mp4", "vfr.mp4", "edit_list.mp4", "vp8.webm", "mpeg2.ts", "paff.mkv", "resized_whole.ts"]
)
def test_every_frame_can_be_had(program: Program, clips: Path, clip: str) -> None:
    assert_same(program.frames(clips / clip, "all"), reference(clips / clip), clip)


@pytest.mark.parametrize(
    "clip",
    [
        "h264.mp4",
        "h264_opengop.mp4",
        "hevc_opengop.mp4",
        "mpeg2.ts",
        "vp9.webm",
        "av1.mp4",
        "av1_layers.mkv",
        "paff.mkv",
    ],
)
def test_key_frames_are_the_intra_pictures(program: Program, clips: Path, clip: str) -> None:
    expected = [frame for frame in reference(clips / clip) if frame.intra]
    assert 1 < len(expected) < len(reference(clips / clip))
    assert_same(program.frames(clips / clip, "key"), expected, clip)


@pytest.mark.parametrize("clip", ["h264.mp4", "h264_full_range.mp4", "h264_odd.mp4", "ffv1_rgb.mkv", "rotated_90.mp4"])
def test_grey_frames_are_luma_of_full_range(program: Program, clips: Path, clip: str) -> None:
    expected = naive.sample(reference(clips / clip, "gray"), 1.0)
    assert_same(program.frames(clips / clip, "1", "gray"), expected, f"{clip} gray")


@pytest.mark.parametrize("colour_range", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["bt709", "bt2020nc", "smpte170m", "smpte240m", "fcc"])
def test_matrix_and_range_are_honoured(program: Program, clips: Path, matrix: str, colour_range: str) -> None:
    clip = f"colours_{matrix}_{colour_range}.mkv"
    with av.open(str(clips / clip)) as container:
        first = next(container.decode(video=0))
        told = (first.colorspace, first.color_range)
    assert told == (COLOUR_SPACES[matrix], {"tv": 1, "pc": 2}[colour_range])
    assert_same(program.frames(clips / clip, "all"), reference(clips / clip), clip)
    # FFmpeg makes grey of RGB unless the matrix is BT.601; ours is the stream's own luma.
    luma = planes(first)[: first.width * first.height].astype(int)
    spread = luma if colour_range == "pc" else np.clip(np.floor((luma - 16) * 255 / 219 + 0.5), 0, 255)
    (grey, *_) = program.frames(clips / clip, "all", "gray")
    assert np.array_equal(grey.pixels.reshape(-1), spread)


def planes(frame: av.VideoFrame) -> np.ndarray:
    """The samples of a frame in planar 4:2:0, without the padding of its rows."""
    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : plane.width] for plane in frame.planes]
    return np.concatenate([plane.reshape(-1) for plane in rows])


@pytest.mark.parametrize(
    "clip",
    [
        "h264.mp4",
        "h264_full_range.mp4",
        "h264_bt709.mp4",
        "h264_odd.mp4",
        "h264_interlaced.mp4",
        "mpeg2_interlaced_486.ts",
        "vp9_odd.webm",
        "yuva420.mkv",
        "colours_bt2020nc_pc.mkv",
    ],
)
def test_planes_of_4_2_0_are_those_of_the_stream(program: Program, clips: Path, clip: str) -> None:
    given = program.frames(clips / clip, "all", "yuv")
    with av.open(str(clips / clip)) as container:
        stored = [planes(frame)[: given[0].pixels.size] for frame in container.decode(video=0)]
    assert len(given) == len(stored)
    assert all(np.array_equal(ours.pixels, theirs) for ours, theirs in zip(given, stored))


@pytest.mark.parametrize(
    "clip",
    ["h264_422_10bit.mp4", "h264_444_odd.mp4", "hevc_10bit.mp4", "nv12.nut", "gray.mkv", "ffv1_rgb.mkv"],
)
def test_planes_of_other_pixels_are_made_in_their_matrix_and_range(program: Program, clips: Path, clip: str) -> None:
    (first, *_) = program.frames(clips / clip, "1", "yuv")
    with av.open(str(clips / clip)) as container:
        frame = next(container.decode(video=0))
        is_yuv = not frame.format.is_rgb
        made = planes(frame.reformat(format="yuv420p", dst_color_range=frame.color_range if is_yuv else "MPEG"))
    assert np.array_equal(first.pixels, made)


@pytest.mark.parametrize(("clip", "size"), [("h264.mp4", (160, 120)), ("rotated_90.mp4", (120, 160))])
def test_a_picture_that_has_to_fit_keeps_its_proportions(
    program: Program, clips: Path, clip: str, size: Tuple[int, int]
) -> None:
    given = program.frames(clips / clip, "1", "within=160x160")
    exact = program.frames(clips / clip, "1", f"{size[0]}x{size[1]}")
    assert [frame.pixels.shape for frame in given] == [(size[1], size[0], 3)] * len(given)
    assert all(np.array_equal(ours.pixels, theirs.pixels) for ours, theirs in zip(given, exact))


@pytest.mark.parametrize("size", ["160x120", "100x77", "640x480"])
@pytest.mark.parametrize(
    "clip",
    [
        "h264.mp4",
        "h264_full_range.mp4",
        "vp9.webm",
        "colours_smpte170m_tv.mkv",
        "colours_bt709_tv.mkv",
        "colours_bt709_pc.mkv",
        "colours_bt2020nc_tv.mkv",
        "colours_bt2020nc_pc.mkv",
    ],
)
def test_a_requested_size_is_made_by_the_area_filter(program: Program, clips: Path, clip: str, size: str) -> None:
    width, height = map(int, size.split("x"))
    (first, *_) = program.frames(clips / clip, "1", size)
    with av.open(str(clips / clip)) as container:
        frame = next(container.decode(video=0))
        scaled = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
    assert np.array_equal(first.pixels, scaled)


def test_a_requested_size_means_the_upright_picture(program: Program, clips: Path) -> None:
    (turned, *_) = program.frames(clips / "rotated_90.mp4", "1", "60x80")
    (lying, *_) = program.frames(clips / "h264.mp4", "1", "80x60")
    assert np.array_equal(turned.pixels, np.rot90(lying.pixels, reference(clips / "rotated_90.mp4")[0].turns))
