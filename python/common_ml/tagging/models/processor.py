"""Models that take no media: they are told a range of time, and fetch what they need themselves."""

from abc import ABC, abstractmethod
from typing import Iterator
from typing import Optional as Optional

from common_ml.tagging.models.tag_types import Tag


class TagProcessor(ABC):
    """A model of time ranges of one content.

    Each line of standard input names a small JSON file, `{"start_time": ms, "end_time": ms}`; ranges that touch are
    joined before the model sees them. The content and a token for it come from `ELV_CONTENT` and `ELV_TOKEN`.
    """

    @abstractmethod
    def process(self, iq: str, auth: str, start_time: int, end_time: int) -> Iterator[Tag]:
        """Tags a range of the content `iq`; `auth` is the token. All times are in ms on the content's timeline.

        A tag is credited to the input file whose range it starts in, whatever its `source_media` says.
        """

    def preflight(self, iq: str, auth: str) -> None:  # noqa: B027 (nothing to look at is fine)
        """Runs once, before the first range: the place to look whether everything is there. Default: nothing."""

    def on_completion(self) -> Iterator[Tag]:
        """Runs once, after the last range; what it yields is written. Default: nothing."""
        return iter(())

    def outputs_in_order(self) -> Optional[bool]:
        """Whether tags come in the order of their start times.

        Only then is a range known to be finished as soon as tags of a later one come; otherwise (`False`, or `None` for
        unknown) all ranges finish at the end. Default: unknown.
        """
        return None
