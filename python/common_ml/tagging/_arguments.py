"""The command line of a model program, read at each call: programs and tests replace `sys.argv`."""

import json
import sys
from typing import Any, Dict, Iterator, Optional, Tuple


def output_path() -> Optional[str]:
    """The file to append messages to; `None` if the command line names none."""
    return _option("--output-path")


def params() -> Dict[str, Any]:
    """What the user chose; `{}` without `--params`. Raises `ValueError` for what is not one JSON object."""
    text = _option("--params")
    if text is None:
        return {}
    wanted = """--params must be one JSON object, such as '{"fps": 2}'"""
    try:
        chosen = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{wanted}: {error}") from None
    if not isinstance(chosen, dict):
        raise ValueError(f"{wanted}, not {text}")
    return chosen


def asks_description() -> bool:
    """Whether the program is to say what it is, and no more: `--describe`."""
    return any(argument == "--describe" for argument, _ in _arguments())


def _option(name: str) -> Optional[str]:
    """The last value of an option. Other arguments belong to the model's own program, wherever they stand."""
    value = None
    for argument, given in _arguments():
        if argument == name:
            if given is None:
                raise ValueError(f"{name} needs a value")
            value = given
        elif argument.startswith(f"{name}="):
            value = argument[len(name) + 1 :]
    return value


def _arguments() -> Iterator[Tuple[str, Optional[str]]]:
    """Each argument, with its value if it is one that has one."""
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        yield argument, next(arguments, None) if argument in ("--output-path", "--params") else None
