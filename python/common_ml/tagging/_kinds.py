"""What kind of model something is, and how a model is made of its class."""

import inspect
import typing
from types import ModuleType
from typing import Any, Dict, List, Optional, Tuple

from common_ml.tagging import _params
from common_ml.tagging._returned import shown
from common_ml.tagging.file_tagger import AVModel, BatchFrameModel, FileTagger, FrameModel
from common_ml.tagging.models.processor import TagProcessor
from common_ml.tagging.producer import TagMessageProducer

# What models derive from, and the method that tells those that derive from nothing.
KINDS = (
    (TagMessageProducer, "produce"),
    (BatchFrameModel, "tag_frames"),
    (FrameModel, "tag_frame"),
    (AVModel, "tag"),
    (FileTagger, "tag"),
    (TagProcessor, "process"),
)


def kind_of(model: object) -> type:
    """The class among `KINDS` that a model, or its class, derives from or looks like.

    Raises `TypeError` if there is none.
    """
    model_class = model if isinstance(model, type) else type(model)
    for kind, _ in KINDS:
        if issubclass(model_class, kind) or isinstance(model, kind):
            return kind
    for kind, method in KINDS:
        if callable(getattr(model, method, None)):
            return kind
    kinds = ", ".join(kind.__name__ for kind, _ in KINDS)
    raise TypeError(f"{shown(model)} is no model; one of {kinds} is expected")


def models_in(module: ModuleType) -> List[type]:
    """The model classes that a module can name, other than our own: without base classes of others, each once."""
    named = [value for value in vars(module).values() if isinstance(value, type) and not inspect.isabstract(value)]
    foreign = [value for value in named if not value.__module__.startswith("common_ml.")]
    return last_of_their_line([value for value in foreign if any(issubclass(value, kind) for kind, _ in KINDS)])


def last_of_their_line(classes: List[type]) -> List[type]:
    """Without the classes that others of them derive from, and each once."""
    unique = list(dict.fromkeys(classes))
    return [one for one in unique if not any(other is not one and issubclass(other, one) for other in unique)]


def schema_of(model_class: type) -> Optional[type]:
    """The type of the parameters that a model's class is made with, if it is a typed one."""
    typed = _typed_parameter(model_class, _parameters(model_class))
    return typed and typed[1]


def construct(model_class: type, params: Dict[str, Any]) -> Any:
    """Makes a model of its class: without arguments, or with `params` where it needs exactly one.

    An argument whose annotation is a dataclass or a pydantic model gets a validated instance of that.
    Raises `InvalidParams`, and `TypeError` if the class needs more.
    """
    parameters = _parameters(model_class)
    needed = [parameter for parameter in parameters if parameter.default is parameter.empty]
    if len(needed) > 1:
        names = ", ".join(parameter.name for parameter in needed)
        raise TypeError(
            f"{model_class.__name__} needs the arguments {names}; a model class is made without arguments, "
            "or with one: the user's parameters as a dictionary, or as the dataclass of its annotation"
        )
    typed = _typed_parameter(model_class, parameters)
    if not typed and not needed:
        return model_class()
    only = typed[0] if typed else needed[0]
    value: Any = _params.validated(typed[1], params) if typed else params
    return model_class(value) if only.kind is only.POSITIONAL_ONLY else model_class(**{only.name: value})


def _parameters(model_class: type) -> List[inspect.Parameter]:
    parameters = inspect.signature(model_class).parameters.values()
    return [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]


def _typed_parameter(
    model_class: type, parameters: List[inspect.Parameter]
) -> Optional[Tuple[inspect.Parameter, type]]:
    """The one that is needed, or the first one if none is, provided that its annotation describes parameters."""
    candidates = [each for each in parameters if each.default is each.empty] or parameters[:1]
    if len(candidates) != 1:
        return None
    (only,) = candidates
    annotation = only.annotation
    if isinstance(annotation, str):  # as `from __future__ import annotations` makes them
        try:
            annotation = typing.get_type_hints(model_class.__init__).get(only.name)  # type: ignore[misc]
        except Exception:  # a name that only type checkers see, among the others
            annotation = None
    return (only, annotation) if _params.is_schema(annotation) else None
