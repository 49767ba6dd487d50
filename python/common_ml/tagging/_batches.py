"""Gathers the lines of standard input into batches: what arrives together is one batch.

Nothing here polls: the loop sleeps until a line, the end of input, or the end of the gathering time.
"""

import io
import os
import queue
import select
import threading
import time
from collections import deque
from typing import Any, Deque, Iterator, List, Optional, Protocol, Union

GATHER_SECONDS = 0.005


class Lines(Protocol):
    """Lines that arrive over time, stripped, without empty ones."""

    def get(self, timeout: Optional[float]) -> Optional[str]:
        """The next line; `None` after `timeout` seconds without one (`None`: wait for ever) and at the end of input."""


def open_lines(source: Any) -> Lines:
    """Chooses how to wait for the lines of `source`, which is what `sys.stdin` holds at this moment."""
    if type(source) is io.TextIOWrapper:  # not a subclass: that may well change what is read
        try:
            return DescriptorLines(source.fileno(), source.encoding)
        except io.UnsupportedOperation:  # text over bytes in memory
            pass
    return ObjectLines(source)


def batches(lines: Lines, gather_seconds: float, limit: Optional[int]) -> Iterator[List[str]]:
    """Yields lists of lines until the end of input: after the first one, those of the next `gather_seconds`."""
    while True:
        line = lines.get(None)
        if line is None:
            return
        batch = [line]
        deadline = time.monotonic() + gather_seconds
        while limit is None or len(batch) < limit:
            line = lines.get(deadline - time.monotonic())
            if line is None:
                break
            batch.append(line)
        yield batch


class DescriptorLines:
    """Reads a descriptor in the calling thread.

    Not by `readline` in a thread of its own: at the end of a program the interpreter wants the lock of `sys.stdin`, and
    aborts when a thread that waits for input holds it. After an error, input is still open, so that would be the rule.
    """

    def __init__(self, descriptor: int, encoding: str):
        self._descriptor = descriptor
        self._encoding = encoding
        self._lines: Deque[str] = deque()
        self._rest = b""
        self._ended = False

    def get(self, timeout: Optional[float]) -> Optional[str]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._lines and not self._ended:
            remaining = None if deadline is None else deadline - time.monotonic()
            # Lines that are in memory already belong to the batch, however late it is; others do not.
            if remaining is not None and remaining <= 0:
                return None
            if select.select([self._descriptor], [], [], remaining)[0]:
                self._take(os.read(self._descriptor, 1 << 16))
        return self._lines.popleft() if self._lines else None

    def _take(self, piece: bytes) -> None:
        *complete, self._rest = (self._rest + piece).split(b"\n")
        if not piece:
            self._ended = True
            complete.append(self._rest)
        # A path that is not valid text is still a path: its bytes survive in this form.
        texts = (line.decode(self._encoding, "surrogateescape").strip() for line in complete)
        self._lines.extend(text for text in texts if text)


class ObjectLines:
    """Reads whatever `sys.stdin` was replaced by: in a thread, because waiting for the rest of a batch has to end."""

    def __init__(self, source: Any):
        # A source that is far ahead waits.
        self._queue: queue.Queue[Union[str, BaseException, None]] = queue.Queue(1024)
        threading.Thread(target=self._read, args=(source,), name="common-ml-stdin", daemon=True).start()
        self._ended = False

    def get(self, timeout: Optional[float]) -> Optional[str]:
        if self._ended:
            return None
        try:
            line = self._queue.get(timeout=None if timeout is None else max(timeout, 0))
        except queue.Empty:
            return None
        self._ended = not isinstance(line, str)
        if isinstance(line, BaseException):
            raise line
        return line

    def _read(self, source: Any) -> None:
        try:
            for line in _lines_of(source):
                text = os.fsdecode(line).strip()
                if text:
                    self._queue.put(text)
        except Exception as error:
            self._queue.put(error)
        else:
            self._queue.put(None)


def _lines_of(source: Any) -> Iterator[Union[str, bytes]]:
    if source is None:  # a program without standard input has no files
        return
    if not hasattr(source, "readline"):
        yield from source
        return
    line = source.readline()
    while line:
        yield line
        line = source.readline()
