"""Makes a processor of time ranges work through batches of files that each name a range."""

import json
import os
from dataclasses import dataclass, replace
from typing import Any, Iterable, Iterator, List, Tuple

from common_ml.tagging._returned import shown
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.processor import TagProcessor


@dataclass(frozen=True)
class Range:
    """An input file, and the range that it names: ms on the content's timeline, both ends included."""

    file: str
    start_time: int
    end_time: int


def read_range(file: str) -> Range:
    """Reads the range that an input file names. Raises `ValueError` that names the file."""
    wanted = '{"start_time": ms, "end_time": ms}'
    with open(file, encoding="utf-8") as source:
        try:
            named = json.load(source)
        except ValueError as error:
            raise ValueError(f"`{file}` holds no JSON ({error}); {wanted} is expected") from None
    start_time, end_time = (named.get("start_time"), named.get("end_time")) if isinstance(named, dict) else (None, None)
    if not isinstance(start_time, (int, float)) or not isinstance(end_time, (int, float)):
        raise ValueError(f"`{file}` holds {shown(named)}; {wanted} is expected")
    return Range(file, round(start_time), round(end_time))


def joined(ranges: Iterable[Range]) -> List[Tuple[int, int]]:
    """The spans that ranges in order of time cover: one that begins where the last one ends continues it."""
    spans: List[Tuple[int, int]] = []
    for each in ranges:
        if spans and spans[-1][1] == each.start_time:
            spans[-1] = (spans[-1][0], each.end_time)
        else:
            spans.append((each.start_time, each.end_time))
    return spans


class RangeWork:
    """A processor at work: which ranges it has seen, and which of them are finished."""

    def __init__(self, processor: TagProcessor):
        self._processor = processor
        self._is_ready = False
        self._seen: List[Range] = []
        self._unfinished: List[Range] = []

    def batch(self, files: List[str]) -> Iterator[Message]:
        """Works through the ranges of a batch."""
        iq, auth = _from_environment("ELV_CONTENT"), _from_environment("ELV_TOKEN")
        if not self._is_ready:
            self._processor.preflight(iq, auth)
            self._is_ready = True
        ranges = sorted((read_range(file) for file in files), key=lambda each: each.start_time)
        self._seen += ranges
        in_order = bool(self._processor.outputs_in_order())
        waiting = list(ranges)
        for start_time, end_time in joined(ranges):
            for tag in self._processor.process(iq, auth, start_time, end_time) or ():
                home = credited(_checked(tag, "process"), ranges)
                # Nothing will come any more for what lies before a tag.
                while in_order and waiting and waiting[0].start_time < home.start_time:
                    yield Progress(waiting.pop(0).file)
                yield replace(tag, source_media=home.file)
        if in_order:
            yield from (Progress(each.file) for each in waiting)
        else:
            self._unfinished += waiting

    def completion(self) -> Iterator[Message]:
        """Writes what the processor has left to say, then finishes the ranges that could not be finished before."""
        for tag in self._processor.on_completion() or ():
            _checked(tag, "on_completion")
            yield replace(tag, source_media=credited(tag, self._seen).file) if self._seen else tag
        yield from (Progress(each.file) for each in self._unfinished)


def credited(tag: Tag, ranges: List[Range]) -> Range:
    """The latest-starting range that contains the start of a tag; the earliest one, if none does."""
    containing = [each for each in ranges if each.start_time <= tag.start_time <= each.end_time]
    return max(containing, key=_start) if containing else min(ranges, key=_start)


def _checked(tag: object, method: str) -> Tag:
    if isinstance(tag, Tag):
        return tag
    raise TypeError(f"{method} yielded {shown(tag)}; Tag is expected")


def _start(each: Range) -> Any:
    return each.start_time


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"the environment variable {name} is missing; the runtime sets it for models of time ranges")
    return value
