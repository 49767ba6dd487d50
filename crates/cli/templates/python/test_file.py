"""Shows the model what it should know."""

import unittest
from pathlib import Path

from model import {{class}}, Params

CLIP = Path(__file__).with_name("clip.mp4")


@unittest.skipUnless(CLIP.exists(), "make-clip.sh makes the clip")
class Test{{class}}(unittest.TestCase):
    """What the model says of a clip of two seconds."""

    def test_a_clip_of_two_seconds_is_short(self) -> None:
        """Look at it as anybody would."""
        self.assertEqual(said({{class}}(Params())), "short")

    def test_the_user_says_where_long_begins(self) -> None:
        """Look at it with less patience."""
        self.assertEqual(said({{class}}(Params(long_above=1))), "long")


def said(model: {{class}}) -> str:
    """The text of the first tag."""
    return next({{look}}).tag


if __name__ == "__main__":
    unittest.main()
