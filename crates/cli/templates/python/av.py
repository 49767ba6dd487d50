"""{{description}}"""

from dataclasses import dataclass, field
from typing import Iterator

from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag
from common_ml.video_processing import get_duration


@dataclass
class Params:
    """What the user may choose."""

    long_above: float = field(default=60.0, metadata={"ge": 0})
    """A file of more seconds is long."""


class {{class}}(AVModel):
    """Tags each file as short or long."""

    def __init__(self, params: Params):
        self.params = params

    def tag(self, fpath: str) -> Iterator[Tag]:
        """Tag one file; times are milliseconds from its start."""
        seconds = get_duration(fpath)
        yield Tag(0, round(seconds * 1000), "long" if seconds > self.params.long_above else "short", fpath)
