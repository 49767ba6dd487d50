"""The command line of a model program, read at each call: programs and tests replace `sys.argv`."""

import json
import sys
from typing import Any, Dict, Optional


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


def _option(name: str) -> Optional[str]:
    """The last value of an option. Other arguments belong to the model's own program, wherever they stand."""
    value = None
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        if argument in ("--output-path", "--params"):
            given = next(arguments, None)
            if argument == name:
                if given is None:
                    raise ValueError(f"{name} needs a value")
                value = given
        elif argument.startswith(f"{name}="):
            value = argument[len(name) + 1 :]
    return value
