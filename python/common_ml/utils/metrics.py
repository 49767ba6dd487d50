"""Measuring how long things take."""

import sys
import time
from contextlib import ContextDecorator
from typing import Any, Callable, TypeVar, Union

F = TypeVar("F", bound=Callable[..., Any])


class _Timer(ContextDecorator):
    def __init__(self, label: str):
        self._label = label

    def _recreate_cm(self) -> "_Timer":
        # Each call of a decorated function has its own start, recursive ones too.
        return _Timer(self._label)

    def __enter__(self) -> "_Timer":
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        print(f"{self._label}: {time.perf_counter() - self._start:.3f} s", file=sys.stderr)


def timeit(target: Union[str, Callable[..., Any]]) -> Any:
    """Writes to standard error how long something took, also when it raised.

    Stands before a function (`@timeit` or `@timeit("loading")`) or opens a block (`with timeit("loading"):`).
    """
    return _Timer(target) if isinstance(target, str) else _Timer(target.__qualname__)(target)
