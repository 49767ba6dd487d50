"""Frames and facts of a video file, for programs that want them directly, and a copy without fragments.

Times are the stream's own timestamps in seconds, not counted from the container's start.
"""

import os
import sys
from typing import Iterator, List, NamedTuple, Optional, Tuple, TypeVar, Union

import numpy as np

from common_ml import _native

_Path = Union[str, "os.PathLike[str]"]
_Size = Optional[Tuple[int, int]]
_Place = Tuple[int, float, int, int]
_Batch = TypeVar("_Batch")


class Planes(NamedTuple):
    """Pictures in the stream's own samples, planar 4:2:0 of 8 bits: matrix and range are those of the stream.

    Samples of other pixels (4:2:2, 10 bits, RGB, …) are converted.
    """

    y: np.ndarray
    """Luma: `uint8`, shape (frames, height, width), C-contiguous; of one frame (height, width)."""
    u: np.ndarray
    """Difference to blue: half the height and half the width, rounded up."""
    v: np.ndarray
    """Difference to red: as `u`."""


def get_frames(
    video_file: _Path,
    fps: float,
    *,
    size: _Size = None,
    keep_aspect: bool = True,
    pixels: str = "rgb",
    on_damage: str = "skip",
) -> Tuple[np.ndarray, List[int], List[float]]:
    """Reads the frames nearest to a grid of `fps` points a second that starts at the first frame.

    Returns the pictures in one array (upright RGB, `uint8`, shape (frames, height, width, 3), C-contiguous), their
    indices in presentation order from 0, and their timestamps in seconds. All of it is in memory at once.

    `size` is (width, height), upright, made by an area filter: with `keep_aspect` the most there may be of either, and
    nothing is enlarged; without it the very size. Default: as stored. `pixels` is "rgb", or "gray" for luma spread to
    full range, of shape (frames, height, width). `on_damage` is "skip": damage costs the frames that it makes
    undecodable; or "fail": damage in what has to be decoded is an error.

    Raises `FileNotFoundError`, and `ValueError` for what is no video, cannot be decoded, or changes its size.
    """
    return _read_all(_native.Frames(video_file, fps, size, keep_aspect, _one_plane(pixels), on_damage), video_file)


def get_key_frames(
    video_file: _Path, *, size: _Size = None, keep_aspect: bool = True, pixels: str = "rgb", on_damage: str = "skip"
) -> Tuple[np.ndarray, List[int], List[float]]:
    """Reads the frames that were coded without reference to others; otherwise as `get_frames`."""
    return _read_all(
        _native.Frames.key_frames(video_file, size, keep_aspect, _one_plane(pixels), on_damage), video_file
    )


def get_planes(
    video_file: _Path, fps: float, *, size: _Size = None, keep_aspect: bool = True, on_damage: str = "skip"
) -> Tuple[Planes, List[int], List[float]]:
    """Reads the frames that `get_frames` reads, as planes of luma and chroma; otherwise as `get_frames`."""
    frames = _native.Frames(video_file, fps, size, keep_aspect, "yuv420p", on_damage)
    batch = _whole(frames.read_planes(0), frames, video_file)
    return Planes(*batch[1]), *_indices_and_times(batch[0])


def iter_frames(
    video_file: _Path,
    fps: float,
    *,
    size: _Size = None,
    keep_aspect: bool = True,
    pixels: str = "rgb",
    on_damage: str = "skip",
) -> Iterator[Tuple[np.ndarray, int, float]]:
    """Yields the frames that `get_frames` reads one by one: picture, index, timestamp in seconds.

    The next ones are decoded meanwhile, and few are in memory at a time. The size may change on the way.
    """
    for place, image in _native.Frames(video_file, fps, size, keep_aspect, _one_plane(pixels), on_damage):
        yield image, place[0], place[1]


def iter_planes(
    video_file: _Path, fps: float, *, size: _Size = None, keep_aspect: bool = True, on_damage: str = "skip"
) -> Iterator[Tuple[Planes, int, float]]:
    """Yields the frames that `get_planes` reads one by one; otherwise as `iter_frames`."""
    frames = _native.Frames(video_file, fps, size, keep_aspect, "yuv420p", on_damage)
    while True:
        batch = frames.read_planes(1)
        if batch is None:
            return
        (place,), planes = batch
        yield Planes(*(plane[0] for plane in planes)), place[0], place[1]


def get_fps(video_file: _Path) -> float:
    """Average frames per second of the first video stream. Raises `ValueError` if there is none."""
    facts = _native.probe(video_file)
    if facts.average_fps is None:
        missing = "does not say its frame rate" if facts.has_video else "has no video stream"
        raise ValueError(f"`{os.fspath(video_file)}` {missing}")
    return facts.average_fps


def get_duration(video_file: _Path) -> float:
    """Seconds from the container's start to its end. Raises `ValueError` if it does not say."""
    duration = _native.probe(video_file).duration
    if duration is None:
        raise ValueError(f"`{os.fspath(video_file)}` does not say how long it is")
    return duration


def unfrag_video(video_file: _Path, output_file: _Path) -> None:
    """Copies pictures and sound of a fragmented MP4 into a plain one, which tells at once how long it is.

    Nothing is encoded anew: frames, samples and their times stay the same. `output_file` appears whole or not at all,
    and may be `video_file` itself. If the end of the file is missing, what is there is copied, with a warning on
    standard error.

    Raises `FileNotFoundError`, `OSError` for what cannot be written, and `ValueError` for what is no media or does not
    fit into an MP4.
    """
    skipped = _native.copy_into_mp4(video_file, output_file)
    if skipped:
        print(f"warning: `{os.fspath(video_file)}`: {skipped}", file=sys.stderr)


def _one_plane(pixels: str) -> str:
    if pixels not in ("rgb", "gray"):
        raise ValueError(f"no pixels are called `{pixels}`; ask for `rgb` or `gray`, or call get_planes")
    return pixels


def _read_all(frames: _native.Frames, video_file: _Path) -> Tuple[np.ndarray, List[int], List[float]]:
    places, images = _whole(frames.read(0), frames, video_file)
    return images, *_indices_and_times(places)


def _whole(
    batch: Optional[Tuple[List[_Place], _Batch]], frames: _native.Frames, video_file: _Path
) -> Tuple[List[_Place], _Batch]:
    """The batch, if there is one and nothing behind it."""
    if batch is None:
        raise ValueError(f"`{os.fspath(video_file)}` has no such frame")
    if frames.read(1) is not None:
        raise ValueError(f"the picture size of `{os.fspath(video_file)}` changes after frame {batch[0][-1][0]}")
    return batch


def _indices_and_times(places: List[_Place]) -> Tuple[List[int], List[float]]:
    return [place[0] for place in places], [place[1] for place in places]
