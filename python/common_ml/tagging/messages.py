"""What a model program tells the runtime."""

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Union


@dataclass(frozen=True)
class FrameInfo:
    """Where in a video or still a tag was seen.

    - `frame_idx`: decoded frames in presentation order, from 0, within the file.
    - `box`: part of the picture in fractions of its width and height, 0 to 1: two corners (`x1 y1 x2 y2`) or the four
      of a quadrilateral (`x1 y1 … x4 y4`). Default: the whole picture.
    """

    frame_idx: int
    box: Optional[Dict[str, float]] = None


@dataclass(frozen=True)
class Tag:
    """Text over a span of time in one media file.

    - `start_time`, `end_time`: milliseconds from the start of the file; fractions are rounded when written.
    - `tag`: the text.
    - `source_media`: the file, as it came on standard input.
    - `track`: a named lane. Default: the model's own.
    - `additional_info`: whatever else the model knows, as JSON can hold it; numpy numbers and arrays are converted.
    - `frame_info`: a `FrameInfo` or a dictionary with its fields.
    """

    start_time: int
    end_time: int
    tag: str
    source_media: str
    track: str = ""
    additional_info: Optional[Dict[str, Any]] = None
    frame_info: Optional[Union[FrameInfo, Dict[str, Any]]] = None


@dataclass(frozen=True)
class Progress:
    """A file is finished: all of its tags came before."""

    source_media: str


@dataclass(frozen=True)
class ProgressRatio:
    """How far a model is, 0 to 1, that does its work at the end. Older runtimes reject it."""

    progress: float


@dataclass(frozen=True)
class Error:
    """A file failed, or, without `source_media`, the program did."""

    message: str
    source_media: Optional[str] = None

    # What was raised, where the message tells of an exception. Not a field: two errors that say the same are equal.
    exception: ClassVar[Optional[BaseException]] = None

    @classmethod
    def of(cls, exception: BaseException, source_media: Optional[str] = None) -> "Error":
        """Tells of an exception as `<ExceptionType>: <text>`, and remembers it."""
        error = cls(f"{type(exception).__name__}: {exception}", source_media)
        object.__setattr__(error, "exception", exception)
        return error

    def __getstate__(self) -> Dict[str, Any]:
        # An exception may hold what cannot be pickled, and has lost its traceback anyway.
        return {"message": self.message, "source_media": self.source_media}


Message = Union[Tag, Progress, ProgressRatio, Error]
