"""Typed parameters: a dataclass or a pydantic model says what the user may choose.

pydantic knows the types, and is imported only when there are some. What is wrong is found by the native half, in the
words that the runtime and models in Rust use too; the author's own validators come on top.
"""

import dataclasses
import json
import sys
from typing import Any, Dict, List, Tuple, Type, TypeVar

from common_ml import _native

S = TypeVar("S")


class InvalidParams(ValueError):  # noqa: N818 (the name is what the user reads)
    """Everything that is wrong with what the user chose."""


def is_schema(kind: object) -> bool:
    """Whether `kind` describes parameters: a dataclass or a pydantic model, the class itself."""
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "model_json_schema"))


def json_schema(schema: type) -> Dict[str, Any]:
    """What a user may choose, as a JSON Schema. Names that the type does not have are refused unless it allows them."""
    return _json_schema(_adapter(schema))


def validated(schema: Type[S], chosen: Dict[str, Any]) -> S:
    """What the user chose as an instance of `schema`. The loop's parameters are left out, unless it has them too.

    Text stays text: "1" is no number. Raises `InvalidParams` with all faults at once.
    """
    adapter = _adapter(schema)
    faults, own = _native.check_params(json.dumps(_json_schema(adapter)), json.dumps(chosen, allow_nan=False))
    import pydantic  # noqa: PLC0415 (only here is it needed)

    try:
        (instance,) = adapter.validate_json(f"[{own}]", strict=True)
    except pydantic.ValidationError as error:
        faults += _further(error, [path for path, _ in faults])
    if faults:
        raise InvalidParams("; ".join(text for _, text in faults))
    return instance  # type: ignore[no-any-return]


def _adapter(schema: type) -> Any:
    advice = f"run `{sys.executable} -m pip install 'pydantic>=2'`"
    try:
        import pydantic  # noqa: PLC0415 (models without typed parameters do without)
    except ImportError:
        raise ImportError(f"typed parameters need pydantic; {advice}") from None
    if not hasattr(pydantic, "TypeAdapter"):
        raise ImportError(f"typed parameters need pydantic 2, and {pydantic.VERSION} is installed; {advice}")
    # In a list, because only then the setting is taken; dataclasses inside inherit it.
    return pydantic.TypeAdapter(List[schema], config={"use_attribute_docstrings": True})  # type: ignore[valid-type]


def _json_schema(adapter: Any) -> Dict[str, Any]:
    # An infinite default is no JSON; its name tells as much.
    whole = json.loads(json.dumps(adapter.json_schema()), parse_constant=str)
    definitions = whole.get("$defs", {})
    top = whole["items"]
    if "$ref" in top:
        name = top["$ref"].rsplit("/", 1)[1]
        top = dict(definitions[name])
        if f'"#/$defs/{name}"' not in json.dumps(definitions):  # it does not contain itself
            del definitions[name]
    for said_elsewhere in ("title", "description"):
        top.pop(said_elsewhere, None)
    if definitions:
        top["$defs"] = definitions
    closed: Dict[str, Any] = json.loads(_native.closed_schema(json.dumps(top)))
    return closed


def _further(error: Any, known: List[str]) -> List[Tuple[str, str]]:
    """The faults that the schema does not know of: mostly those that the author's own validators raise."""
    found = []
    for fault in error.errors(include_url=False):
        path = _path(fault["loc"][1:])
        if any(path == other or path.startswith((f"{other}.", f"{other}[")) for other in known):
            continue
        told = str(fault.get("ctx", {}).get("error", fault["msg"]))
        given = json.dumps(fault["input"], default=str, ensure_ascii=False)
        shown = given if len(given) <= 60 else f"{given[:59]}…"
        found.append((path, f"parameter `{path}` is {shown}: {told}" if path else told))
    return found


def _path(steps: Tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
