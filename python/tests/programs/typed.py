"""Says what it was given, with typed parameters of every kind."""

from dataclasses import dataclass, field
from enum import Enum
from typing import List, Optional, Tuple

from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag
from common_ml.tagging.run_helpers import get_params, run_default


class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"


@dataclass
class Region:
    width: int
    """How wide, in pixels."""
    height: int = 2


@dataclass(frozen=True)
class Params:
    threshold: float = field(default=0.5, metadata={"ge": 0, "le": 1, "description": "How sure to be."})
    mode: Mode = Mode.FAST
    words: List[str] = field(default_factory=list)
    size: Tuple[int, int] = (4, 3)
    region: Optional[Region] = None
    label: Optional[str] = None


params = get_params(Params)


class Typed(AVModel):
    """Says its parameters."""

    def tag(self, fpath: str) -> List[Tag]:
        return [Tag(0, 1, repr(params), fpath)]


run_default(Typed)
