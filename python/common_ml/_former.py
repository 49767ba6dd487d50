"""Modules of the oldest releases, which programs of that time import."""

_NOW = {
    "common_ml.model": "models derive from FrameModel (common_ml.tagging.models.frame_based) or AVModel "
    "(common_ml.tagging.models.av), and run_default (common_ml.tagging.run_helpers) starts them",
    "common_ml.tags": "models return FrameTag and Tag (common_ml.tagging.models.tag_types)",
    "common_ml.tag_formatting": "messages are written by run_default (common_ml.tagging.run_helpers); no files of tags "
    "are left to be formatted",
}


def gone(module: str) -> ImportError:
    """The error for a module that is no more: what is there instead, and where to read on."""
    return ImportError(f"{module} is no more: {_NOW[module]}; see docs/migrating.md", name=module)
