"""Writes messages as the lines of the contract.

What comes close is converted: fractional times, numbers and arrays of numpy. What JSON or a reader cannot take is
refused with the tag, the file and the field. Odd but harmless values pass, with one warning for each kind of oddity.
"""

import json
import math
import os
import sys
from typing import Any, Dict, List, Mapping, Set, Tuple

from common_ml.tagging._returned import shown
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag

_CORNERS = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")
_BOX = "a dictionary of x1 y1 x2 y2, or of x1 y1 … x4 y4 for a quadrilateral, is expected"


class InvalidMessage(ValueError, TypeError):  # noqa: N818 (the name is what the user reads)
    """A message that the contract cannot carry. `json` raises either of the two for such values, so this is both."""


def encode(message: Message) -> str:
    """The line of a message, without its end. Raises `InvalidMessage`."""
    try:
        kind, data = _fields(message)
        try:
            line = _dumps({"type": kind, "data": data})
        except (ValueError, TypeError, RecursionError):
            # All else has been checked, but `additional_info` is looked through only now: to convert what is left, or
            # to name what cannot be.
            data["additional_info"] = _plain(data["additional_info"], "additional_info", [])
            line = _dumps({"type": kind, "data": data})
    except InvalidMessage as error:
        if not isinstance(message, Tag):
            raise
        raise InvalidMessage(f"tag {shown(message.tag)} of {shown(message.source_media)}: {error}") from None
    return writable(line)


def _fields(message: object) -> Tuple[str, Dict[str, Any]]:
    if isinstance(message, Tag):
        return "tag", _tag(message)
    if isinstance(message, Progress):
        return "progress", {"source_media": _media(message.source_media)}
    if isinstance(message, ProgressRatio):
        return "progress_ratio", {"progress": _number(message.progress, "progress")}
    if isinstance(message, Error):
        source_media = None if message.source_media is None else _media(message.source_media)
        return "error", {"message": str(message.message), "source_media": source_media}
    raise InvalidMessage(f"{shown(message)} is no message; a Tag, Progress, ProgressRatio or Error is expected")


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_listed)


def _tag(tag: Tag) -> Dict[str, Any]:
    start_time, end_time = _millis(tag.start_time, "start_time"), _millis(tag.end_time, "end_time")
    if tag.additional_info is not None and not isinstance(tag.additional_info, dict):
        raise InvalidMessage(f"additional_info is {shown(tag.additional_info)}; a dictionary is expected")
    data = {
        "start_time": start_time,
        "end_time": end_time,
        "tag": _text(tag.tag, "the text"),
        "source_media": _media(tag.source_media),
        "track": _text(tag.track, "track"),
        "additional_info": tag.additional_info,
        "frame_info": _frame_info(tag.frame_info),
    }
    if start_time < 0:
        _warn_once(tag, f"begins before its file ({start_time} ms)", "negative time")
    if end_time < start_time:
        _warn_once(tag, f"ends before it begins ({start_time} to {end_time} ms)", "reversed times")
    box = data["frame_info"] and data["frame_info"]["box"]
    if box and not all(0 <= value <= 1 for value in box.values()):
        _warn_once(tag, f"has a box that is not inside 0 to 1: {box}", "box outside")
    return data


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidMessage(f"{field} is {shown(value)}; a string is expected")
    return value


def _media(value: object) -> str:
    return _text(os.fspath(value) if isinstance(value, os.PathLike) else value, "source_media")


def _millis(value: object, field: str) -> int:
    return value if type(value) is int else round(_number(value, field))


def _number(value: object, field: str) -> float:
    """A finite int or float; numpy's and the like are converted."""
    value = _scalar(value)
    if not isinstance(value, (int, float)):
        raise InvalidMessage(f"{field} is {shown(value)}; a number is expected")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidMessage(f"{field} is {value}, which JSON cannot hold")
    return value


def _scalar(value: object) -> object:
    """A number of an array library as Python's own; anything else as it is."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def _frame_info(info: object) -> Any:
    if info is None:
        return None
    if isinstance(info, FrameInfo):
        info = {"frame_idx": info.frame_idx, "box": info.box}
    if not isinstance(info, Mapping) or "frame_idx" not in info:
        raise InvalidMessage(f"frame_info is {shown(info)}; FrameInfo(frame_idx, box) or its dictionary is expected")
    frame_idx = _number(info["frame_idx"], "frame_info.frame_idx")
    if frame_idx != int(frame_idx) or frame_idx < 0:
        raise InvalidMessage(f"frame_info.frame_idx is {frame_idx}; a whole number from 0 is expected")
    return {"frame_idx": int(frame_idx), "box": _box(info.get("box"))}


def _box(box: object) -> Any:
    if box is None or box == {}:
        return None
    if not isinstance(box, Mapping):
        raise InvalidMessage(f"box is {shown(box)}; {_BOX}")
    names = _CORNERS if any(name in box for name in _CORNERS[4:]) else _CORNERS[:4]
    if not all(name in box for name in names):
        raise InvalidMessage(f"box has {' '.join(map(str, box))}; {_BOX}")
    return {name: float(_number(box[name], f"box.{name}")) for name in names}


def _listed(value: object) -> object:
    """What `json` does not know itself: numbers and arrays, of numpy or anything that looks like it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def _plain(value: object, name: str, around: List[int]) -> object:
    """The same value in JSON's own types, or the name of what has none."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return _number(value, name)
    if id(value) in around or len(around) > 100:
        raise InvalidMessage(f"{name[:60]} is nested without end")
    around = [*around, id(value)]
    if isinstance(value, dict):
        return {_key(key, name): _plain(item, f"{name}.{key}", around) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}[{index}]", around) for index, item in enumerate(value)]
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), name, around)
    raise InvalidMessage(f"{name} is {shown(value)}, which JSON cannot hold")


def _key(key: object, name: str) -> Any:
    key = _scalar(key)
    if key is None or isinstance(key, (str, int, float)):
        return key
    raise InvalidMessage(f"{name} has the key {shown(key)}; JSON knows strings only")


def writable(text: str) -> str:
    """Halves of characters have no UTF-8: they are written as `?`, rather than losing the line."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


_warned: Set[str] = set()


def _warn_once(tag: Tag, what: str, kind: str) -> None:
    if kind not in _warned:
        _warned.add(kind)
        print(f"warning: tag {shown(tag.tag)} of {shown(tag.source_media)} {what}; said once", file=sys.stderr)
