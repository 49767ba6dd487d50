"""{{description}}"""

from typing import Any, Dict, Iterator, List

from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.producer import TagMessageProducer
from common_ml.video_processing import get_duration


class {{class}}(TagMessageProducer):
    """Tags each file as short or long, and says itself when it is finished."""

    def __init__(self, params: Dict[str, Any]):
        self.long_above = params.get("long_above", 60)

    def produce(self, files: List[str]) -> Iterator[Message]:
        """Work through files that came together. What is yielded is written at once."""
        for file in files:
            try:
                seconds = get_duration(file)
            except Exception as error:
                yield Error.of(error, file)
                continue
            yield Tag(0, round(seconds * 1000), "long" if seconds > self.long_above else "short", file)
            yield Progress(file)
