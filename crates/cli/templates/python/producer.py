"""{{description}}"""

from dataclasses import dataclass, field
from typing import Iterator, List

from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.producer import TagMessageProducer
from common_ml.video_processing import get_duration


@dataclass
class Params:
    """What the user may choose."""

    long_above: float = field(default=60.0, metadata={"ge": 0})
    """A file of more seconds is long."""


class {{class}}(TagMessageProducer):
    """Tags each file as short or long, and says itself when it is finished."""

    def __init__(self, params: Params):
        self.params = params

    def produce(self, files: List[str]) -> Iterator[Message]:
        """Work through files that came together. What is yielded is written at once."""
        for file in files:
            try:
                seconds = get_duration(file)
            except Exception as error:
                yield Error.of(error, file)
                continue
            yield Tag(0, round(seconds * 1000), "long" if seconds > self.params.long_above else "short", file)
            yield Progress(file)
