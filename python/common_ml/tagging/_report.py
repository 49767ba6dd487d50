"""Tells the runtime of an exception that ends the program: once, whoever notices it first."""

import sys
from typing import List, Optional

from common_ml.tagging._wire import encode
from common_ml.tagging.messages import Error

_last_told: List[BaseException] = []


def mark(exception: BaseException) -> None:
    """Remembers that the runtime knows of this exception."""
    _last_told[:] = [exception]


def is_told(exception: BaseException) -> bool:
    """Whether the runtime knows of this exception."""
    return any(told is exception for told in _last_told)


def report(exception: BaseException, output_path: Optional[str]) -> None:
    """Appends the exception as an error message, unless the runtime knows of it or there is nowhere to write to."""
    if output_path is None or is_told(exception):
        return
    mark(exception)
    try:
        with open(output_path, "a", encoding="utf-8", newline="\n") as fout:
            fout.write(encode(Error.of(exception)) + "\n")
    except OSError as error:
        # The exception itself is the news; it must not be hidden by this one.
        print(f"error: cannot write to the output file: {error}", file=sys.stderr)
