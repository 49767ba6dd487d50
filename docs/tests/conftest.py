"""Gives tests a workshop."""

import pytest
from workshop import Workshop


@pytest.fixture
def workshop(tmp_path):
    """An empty folder with a clip in it, and the project's programs on the search path."""
    return Workshop(tmp_path)
