"""File names: what kind of media one promises, and how to write a path as one."""

import base64
import os
from typing import Union

from common_ml import _native


def get_file_type(path: "Union[str, os.PathLike[str]]") -> str:
    """Tells "image", "video", "audio" or "unknown" from the extension, any case. The file need not exist."""
    return _native.file_kind(os.fspath(path))


def encode_path(path: str) -> str:
    """Writes a path as a plain file name: URL-safe base64 of all but the extension, which is kept."""
    stem, extension = os.path.splitext(path)
    return base64.urlsafe_b64encode(stem.encode()).decode().rstrip("=") + extension


def decode_path(name: str) -> str:
    """Gives back what `encode_path` was given. Raises `ValueError` for what it cannot have written."""
    stem, extension = os.path.splitext(name)
    padding = "=" * (-len(stem) % 4)
    try:
        return base64.b64decode(stem + padding, altchars=b"-_", validate=True).decode() + extension
    except ValueError as error:
        raise ValueError(f"`{name}` is not an encoded path: {error}") from None
