"""Runs a file that only defines a model: `python -m common_ml.runner FILE.py --output-path PATH [--params JSON]`.

The model is the one class of the file that derives from `FrameModel`, `BatchFrameModel`, `AVModel`, `TagProcessor` or
`TagMessageProducer`, or that has their method. It is made without arguments, or with the user's parameters if it
needs one argument: as a dictionary, or as the dataclass or pydantic model that the argument's annotation names.
"""

import builtins
import importlib.util
import inspect
import os
import sys
import typing
from types import ModuleType

from common_ml.tagging import _arguments, _kinds, _report
from common_ml.tagging.run_helpers import catch_errors, run_default


class ModelFileError(Exception):
    """A file that is no model, with what it lacks."""


def main() -> None:
    """Takes the model's file from the command line; the other arguments are the contract's."""
    if len(sys.argv) < 2:
        raise SystemExit(
            "usage: python -m common_ml.runner FILE.py --output-path PATH [--params JSON]\n"
            "       python -m common_ml.runner FILE.py --describe"
        )
    # The file sees what it would see if it was started itself.
    sys.argv = sys.argv[1:]
    file = sys.argv[0]
    catch_errors()
    try:
        model_class = find_model_class(load(file))
    except ModelFileError as error:
        # The author's stack is not to blame, so only the text is of use.
        _report.report(error, _arguments.output_path())
        raise SystemExit(f"error: {error}") from None
    run_default(model_class)


def load(file: str) -> ModuleType:
    """Runs a Python file as a module of its own name, found beside what it imports."""
    if not os.path.isfile(file):
        raise ModelFileError(f"`{file}` does not exist")
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    name = os.path.splitext(os.path.basename(file))[0]
    if name in sys.modules:
        name = f"{name}_model"  # a file may be called as a module that is in use, `types.py` say
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModelFileError(f"`{file}` is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except NameError as error:
        raise _with_hint(error, file) from error
    return module


def find_model_class(module: ModuleType) -> type:
    """The one model class that a module defines itself. Raises `ModelFileError` if there is none, or several."""
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and not inspect.isabstract(value)
    ]
    derived = [value for value in own if any(issubclass(value, kind) for kind, _ in _kinds.KINDS)]
    alike = [value for value in own if any(callable(getattr(value, method, None)) for _, method in _kinds.KINDS)]
    models = _kinds.last_of_their_line(derived or alike)
    if len(models) == 1:
        return models[0]
    kinds = ", ".join(kind.__name__ for kind, _ in _kinds.KINDS)
    if not models:
        raise ModelFileError(f"`{module.__file__}` defines no model: a class that derives from one of {kinds}")
    names = ", ".join(model.__name__ for model in models)
    raise ModelFileError(
        f"`{module.__file__}` defines several models ({names}); keep one, or call run_default with the one to run"
    )


def _with_hint(error: NameError, file: str) -> NameError:
    """The same error with the import that is missing, where that can be known."""
    name = str(error).split("'")[1] if "'" in str(error) else ""
    homes = {"np": "import numpy as np"}
    if name in typing.__all__ and not hasattr(builtins, name):
        homes[name] = f"from typing import {name}"
    hint = f"; add `{homes[name]}` at the top of `{file}`" if name in homes else ""
    return NameError(f"{error}{hint}")


if __name__ == "__main__":
    main()
