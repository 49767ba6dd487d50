"""Sound that lies in several files of which each continues the one before, and ranges of it.

All times are in milliseconds, as those of tags are, counted from the beginning of the first file. They need not be
whole: durations are those of a whole number of samples.
"""

import os
from dataclasses import dataclass
from types import MethodType
from typing import Any, Callable, List, Optional, Sequence, Union

from common_ml import _native

_Path = Union[str, "os.PathLike[str]"]

# Files are cut between packets, of which the longest in use last a tenth of a second.
SAME_LENGTH_MS = 250


@dataclass(frozen=True)
class AudioPart:
    """A file of sound that continues the one before it.

    - `path`: the file.
    - `duration`: how long its sound is, in milliseconds.
    - `start_offset`: where it begins, in milliseconds: the sum of the durations before it.
    """

    path: str
    duration: float
    start_offset: float

    @property
    def end_offset(self) -> float:
        """Where it ends, in milliseconds."""
        return self.start_offset + self.duration


class _MakesItsOwn:
    """A method that makes an instance when it is called on the class."""

    def __init__(self, method: Callable[..., Any]):
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Any, owner: type) -> Callable[..., "AudioStitcher"]:
        return MethodType(self._method, owner() if instance is None else instance)


class AudioStitcher:
    """Cuts ranges out of sound that lies in several files: `AudioStitcher.probe(files).stitch(1500, 8000)`.

    `parts` are the files as they were probed, in order.
    """

    def __init__(self) -> None:
        self.parts: List[AudioPart] = []
        self._sound: Optional[_native.Sound] = None

    @_MakesItsOwn
    def probe(self, files: Sequence[_Path], expect_same_length: bool = True) -> "AudioStitcher":
        """Reads how long the sound of each file is, and returns the stitcher of these files.

        `files` are consecutive pieces of one stream, in order. The last one may have any length; the others have to be
        as long as the first, within 250 ms, unless `expect_same_length` is false. Called on an instance, that one takes
        the files.

        Raises `FileNotFoundError`, and `ValueError` for no files, a file without sound, or one of another length.
        """
        if isinstance(files, (str, bytes, os.PathLike)):
            raise TypeError(f"files is `{os.fsdecode(files)}`; a list of paths is expected")
        paths = [os.fspath(file) for file in files]
        if not paths:
            raise ValueError("files is empty; at least one path is expected")
        sound = _native.Sound(paths)
        parts = [AudioPart(path, duration, start) for path, (duration, start) in zip(paths, sound.lengths())]
        if expect_same_length:
            _check_lengths(parts)
        self._sound, self.parts = sound, parts
        return self

    def stitch(self, start_time: float, end_time: float) -> bytes:
        """The sound from `start_time` to `end_time` in milliseconds, as the bytes of a fragmented MP4.

        Packets are copied whole, so that it may begin and end a packet's length outside of the range. What lies behind
        the last file is left out.

        Raises `ValueError` before `probe`, for a range in which there is no sound, for files that do not belong to one
        stream, and for a codec that MP4 does not hold.
        """
        if self._sound is None:
            raise ValueError("no files to stitch; call probe(files) first")
        if not start_time < end_time:
            raise ValueError(
                f"cannot stitch from {start_time} ms to {end_time} ms; an end behind the start is expected"
            )
        return self._sound.stitch(start_time, end_time)


def _check_lengths(parts: List[AudioPart]) -> None:
    first = parts[0]
    for part in parts[1:-1]:
        if abs(part.duration - first.duration) > SAME_LENGTH_MS:
            raise ValueError(
                f"`{part.path}` lasts {part.duration:.0f} ms, `{first.path}` {first.duration:.0f} ms; files of one "
                "length are expected, or expect_same_length=False"
            )
