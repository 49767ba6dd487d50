"""{{description}}"""

from typing import Any, Dict, Iterator

from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag
from common_ml.video_processing import get_duration


class {{class}}(AVModel):
    """Tags each file as short or long."""

    def __init__(self, params: Dict[str, Any]):
        self.long_above = params.get("long_above", 60)

    def tag(self, fpath: str) -> Iterator[Tag]:
        """Tag one file; times are milliseconds from its start."""
        seconds = get_duration(fpath)
        yield Tag(0, round(seconds * 1000), "long" if seconds > self.long_above else "short", fpath)
