"""Shows the model what it should know."""

import unittest
from pathlib import Path

import numpy as np
from common_ml.tagging.models.av import AVModel
from model import {{class}}, Params

CLIP = Path(__file__).with_name("clip.mp4")


def picture(value: int) -> np.ndarray:
    """A small picture of one grey."""
    return np.full((48, 64, 3), value, np.uint8)


class Test{{class}}(unittest.TestCase):
    """What the model says of a picture and of a clip."""

    def test_a_white_picture_is_bright_and_a_black_one_dark(self) -> None:
        """Look at single pictures."""
        model = {{class}}(Params())
        said = [{{look}} for value in (255, 0)]
        self.assertEqual(said, ["bright", "dark"])

    def test_the_user_says_where_bright_begins(self) -> None:
        """Look at a grey that is bright for some."""
        model = {{class}}(Params(bright_above=50))
        value = 100
        self.assertEqual({{look}}, "bright")

    @unittest.skipUnless(CLIP.exists(), "make-clip.sh makes the clip")
    def test_a_clip_is_tagged_by_time(self) -> None:
        """Look at a second of white and a second of black."""
        tags = AVModel.from_frame_model({{class}}(Params()), fps=25, allow_single_frame=True).tag(str(CLIP))
        ranges = [(tag.start_time, tag.tag) for tag in tags if tag.frame_info is None]
        self.assertEqual(ranges, [(0, "bright"), (1000, "dark")])


if __name__ == "__main__":
    unittest.main()
