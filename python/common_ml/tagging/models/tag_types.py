"""What models return."""

from dataclasses import dataclass
from typing import Any, Dict, Optional

from common_ml.tagging.messages import FrameInfo as FrameInfo
from common_ml.tagging.messages import Tag as Tag


@dataclass(frozen=True)
class FrameTag:
    """What a model saw on one picture.

    - `tag`: the text.
    - `box`: where, in fractions of width and height, 0 to 1: `x1 y1 x2 y2`, or `x1 y1 … x4 y4` for a quadrilateral.
      Default: the whole picture.
    - `additional_info`: whatever else the model knows, as JSON can hold it; numpy numbers and arrays are converted.
    """

    tag: str
    box: Optional[Dict[str, float]] = None
    additional_info: Optional[Dict[str, Any]] = None
