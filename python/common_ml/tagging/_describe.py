"""Answers `--describe`: one line of JSON on standard output that says what the model is.

So a runtime can check parameters, and draw a form for them, before any weights are loaded.
"""

import inspect
import json
import os
import re
import sys
from typing import Any, Dict, NoReturn, Optional

from common_ml import _native
from common_ml.tagging import _kinds, _params
from common_ml.tagging.file_tagger import BatchFrameModel, FrameModel
from common_ml.tagging.models.processor import TagProcessor


def answer(model: Any, schema: Optional[type]) -> NoReturn:
    """Prints the description and ends the program.

    `model` is a model, its class, or `None` if it is not known yet; `schema` describes its parameters, if they are
    typed.
    """
    print(json.dumps(description(model, schema), ensure_ascii=False), flush=True)
    raise SystemExit(0)


def description(model: Any, schema: Optional[type]) -> Dict[str, Any]:
    """The manifest of a model, as far as its program knows it.

    A class may say `tracks` (what it writes: names with a description each), `default_track`, and, if it looks at whole
    files, `kind` ("video" or "audio").
    """
    kind = None if model is None else _kinds.kind_of(model)
    model_class = model if model is None or isinstance(model, type) else type(model)
    # Without types nobody knows which names the model takes, so none is refused.
    own = json.dumps({"type": "object"} if schema is None else _params.json_schema(schema))
    parameters = json.loads(_native.schema_with_loop(own, kind in (FrameModel, BatchFrameModel)))
    if kind is FrameModel:
        parameters["properties"].pop("batch_size", None)  # its frames come one by one
    told = {
        "name": _program_name(),
        "kind": _kind_name(model_class, kind),
        "description": _sentence(model_class),
        "default_track": _text(model_class, "default_track"),
        "tracks": _tracks(getattr(model_class, "tracks", None)),
        "parameters": parameters,
    }
    return {name: value for name, value in told.items() if value}


def _program_name() -> str:
    """The file's name, or the folder's of a package, in the characters that names of models have."""
    path = os.path.abspath(sys.argv[0])
    stem = os.path.splitext(os.path.basename(path))[0]
    name = os.path.basename(os.path.dirname(path)) if stem == "__main__" else stem
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)


def _kind_name(model_class: Optional[type], kind: Optional[type]) -> Optional[str]:
    if kind in (FrameModel, BatchFrameModel):
        return "frame"
    if kind is TagProcessor:
        return "processor"
    chosen = _text(model_class, "kind")
    return chosen if chosen in ("video", "audio") else None


def _sentence(model_class: Optional[type]) -> str:
    """The first paragraph of what the model's class says of itself, else its file, else the program."""
    names = ["__main__"]
    texts = []
    if model_class is not None and not model_class.__module__.startswith("common_ml."):
        names.insert(0, model_class.__module__)
        generated = f"{model_class.__name__}("  # by `dataclass`
        texts.append("" if (model_class.__doc__ or "").startswith(generated) else model_class.__doc__)
    modules = [sys.modules.get(name) for name in names if not name.startswith("common_ml.")]
    # Started by the runner, the program is a module of ours.
    texts += [module.__doc__ for module in modules if getattr(module, "__package__", None) != "common_ml"]
    text = next((text for text in texts if text), "")
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def _tracks(declared: Any) -> Dict[str, Any]:
    """Names of tracks with what their tags mean: a dictionary of descriptions, or names alone."""
    if isinstance(declared, (list, tuple, set, frozenset)):
        declared = dict.fromkeys(declared, "")
    if not isinstance(declared, dict):
        return {}  # a model may well call something else so
    whole = {name: {"description": said} if isinstance(said, str) else said for name, said in declared.items()}
    return {name: _track(said) for name, said in whole.items() if isinstance(name, str) and isinstance(said, dict)}


def _track(said: Dict[Any, Any]) -> Dict[str, str]:
    return {
        field: said[field] for field in ("label", "description") if said.get(field) and isinstance(said[field], str)
    }


def _text(model_class: Optional[type], name: str) -> Optional[str]:
    value = getattr(model_class, name, None)
    return value if isinstance(value, str) else None
