"""A module of the oldest releases; importing it tells what has taken its place."""

from common_ml import _former

raise _former.gone(__name__)
