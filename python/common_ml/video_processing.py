"""Frames and facts of a video file, for programs that want them directly, and a copy without fragments.

Times are the stream's own timestamps in seconds, not counted from the container's start.
"""

import os
import sys
from typing import List, Tuple, Union

import numpy as np

from common_ml import _native

_Path = Union[str, "os.PathLike[str]"]


def get_frames(video_file: _Path, fps: float) -> Tuple[np.ndarray, List[int], List[float]]:
    """Reads the frames nearest to a grid of `fps` points a second that starts at the first frame.

    Returns the pictures in one array (upright RGB, `uint8`, shape (frames, height, width, 3), C-contiguous), their
    indices in presentation order from 0, and their timestamps in seconds. All of it is in memory at once.

    Raises `FileNotFoundError`, and `ValueError` for what is no video, cannot be decoded, or changes its size.
    """
    return _read_all(_native.Frames(video_file, fps), video_file)


def get_key_frames(video_file: _Path) -> Tuple[np.ndarray, List[int], List[float]]:
    """Reads the frames that were coded without reference to others; otherwise as `get_frames`."""
    return _read_all(_native.Frames.key_frames(video_file), video_file)


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


def _read_all(frames: _native.Frames, video_file: _Path) -> Tuple[np.ndarray, List[int], List[float]]:
    batch = frames.read(0)
    if batch is None:
        raise ValueError(f"`{os.fspath(video_file)}` has no such frame")
    places, images = batch
    if frames.read(1) is not None:
        raise ValueError(f"the picture size of `{os.fspath(video_file)}` changes after frame {places[-1][0]}")
    return images, [place[0] for place in places], [place[1] for place in places]
