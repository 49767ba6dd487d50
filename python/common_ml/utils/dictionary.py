"""Dictionaries of settings: merging and showing them."""

import json
from typing import Any, Dict


def nested_update(original: Dict[Any, Any], updates: Dict[Any, Any]) -> Dict[Any, Any]:
    """Writes `updates` into `original`, dictionaries inside dictionaries included, and returns `original`.

    What `updates` does not mention stays; a dictionary and a plain value replace each other.
    """
    for key, value in updates.items():
        present = original.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            nested_update(present, value)
        else:
            original[key] = value
    return original


def dict_to_str(dictionary: Dict[Any, Any]) -> str:
    """Shows a dictionary on one line, the same for equal dictionaries whatever their order."""
    return json.dumps(dictionary, sort_keys=True, ensure_ascii=False, default=str)
