"""Checks what a model's method returned, so that a slip of its author is named."""

from typing import Any, Iterator, List

from common_ml.tagging.messages import Error, Progress, ProgressRatio, Tag


def listed(returned: Any, call: str, items: str) -> List[Any]:
    """What was returned as a list. Raises `TypeError` unless it is a list, tuple, generator or the like."""
    if isinstance(returned, (list, tuple)):
        return list(returned)
    if isinstance(returned, (str, bytes, dict)) or not hasattr(returned, "__iter__"):
        raise TypeError(f"{call} returned {shown(returned)}; a list of {items} is expected, [] for nothing found")
    return list(returned)


def stream_tags(tagger: Any, file: str) -> Iterator[Any]:
    """The tags of one file as they are found, from whatever has a method `tag`: a list, or a generator."""
    tags = getattr(tagger, "_stream_tags", tagger.tag)(file)
    if isinstance(tags, (str, bytes, dict)) or not hasattr(tags, "__iter__"):
        raise TypeError(f"tag on `{file}` returned {shown(tags)}; a list of Tag is expected, [] for nothing found")
    for tag in tags:
        # Messages of other kinds are the loop's to judge.
        if not isinstance(tag, (Tag, Progress, ProgressRatio, Error)):
            expected = "Tag(start_time, end_time, tag, source_media) is expected"
            raise TypeError(f"tag on `{file}` returned {shown(tag)} in its list; {expected}")
        yield tag


def shown(value: object) -> str:
    """A value as it may stand in a message."""
    if value is None:
        return "None"
    text = f"`{value}`" if isinstance(value, str) else f"{value!r} ({type(value).__name__})"
    return text if len(text) <= 100 else f"{text[:99]}…"
