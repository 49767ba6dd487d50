"""What kind of model something is, and how a model is made of its class."""

import inspect
from typing import Any, Dict

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
    """The class among `KINDS` that a model derives from or looks like. Raises `TypeError` if there is none."""
    for kind, _ in KINDS:
        if isinstance(model, kind):
            return kind
    for kind, method in KINDS:
        if callable(getattr(model, method, None)):
            return kind
    kinds = ", ".join(kind.__name__ for kind, _ in KINDS)
    raise TypeError(f"{shown(model)} is no model; one of {kinds} is expected")


def construct(model_class: type, params: Dict[str, Any]) -> Any:
    """Makes a model of its class: without arguments, or with `params` where it needs exactly one.

    Raises `TypeError` if it needs more.
    """
    needed = [
        parameter
        for parameter in inspect.signature(model_class).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if not needed:
        return model_class()
    if len(needed) > 1:
        names = ", ".join(parameter.name for parameter in needed)
        raise TypeError(
            f"{model_class.__name__} needs the arguments {names}; a model class is made without arguments, "
            "or with one: the user's parameters as a dictionary"
        )
    (only,) = needed
    return model_class(**{only.name: params}) if only.kind is only.KEYWORD_ONLY else model_class(params)
