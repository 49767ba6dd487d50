"""What records that are stored as dictionaries have in common."""

from abc import ABC, abstractmethod
from typing import Any, Dict


class Data(ABC):
    """A record with a dictionary form: `from_dict(x.to_dict())` equals `x`."""

    @staticmethod
    @abstractmethod
    def from_dict(data: Dict[str, Any]) -> "Data":
        """Makes the record from its dictionary form."""

    @abstractmethod
    def to_dict(self) -> Dict[str, Any]:
        """Gives the dictionary form, made of what JSON can hold."""
