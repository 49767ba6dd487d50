"""Small helpers."""

import pytest

from common_ml.types import Data
from common_ml.utils import get_file_type, nested_update
from common_ml.utils.dictionary import dict_to_str
from common_ml.utils.files import decode_path, encode_path
from common_ml.utils.metrics import timeit


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.mp4/CLIP.JPeG", "image"),
        ("clip.webm", "video"),
        ("two.dots.m4a", "audio"),
        ("a.mp4/clip", "unknown"),
        ("notes.txt", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_extension_tells_the_kind_of_a_file(path, kind):
    assert get_file_type(path) == kind


@pytest.mark.parametrize("path", ["a.mp4", "media/0001.mp4", "ünï/code?.jpg", "no extension", ".hidden", "a.b.c"])
def test_an_encoded_path_is_a_plain_name_and_comes_back(path):
    name = encode_path(path)
    assert "/" not in name
    assert "=" not in name
    assert decode_path(name) == path


def test_the_stem_is_encoded_and_the_extension_kept():
    assert encode_path("media/0001.mp4") == "bWVkaWEvMDAwMQ.mp4"


@pytest.mark.parametrize("name", ["???.mp4", "a.mp4", "_w.mp4"])
def test_what_is_no_encoded_path_is_refused(name):
    with pytest.raises(ValueError, match="is not an encoded path"):
        decode_path(name)


def test_settings_are_merged_deeply():
    settings = {"a": {"b": 1, "c": 2}, "d": {"e": 3}, "f": 4}
    merged = nested_update(settings, {"a": {"b": 5}, "d": 6, "f": {"g": 7}})
    assert merged == {"a": {"b": 5, "c": 2}, "d": 6, "f": {"g": 7}}
    assert merged is settings


def test_equal_dictionaries_look_the_same():
    assert dict_to_str({"b": 1, "a": {"d": 2, "c": None}}) == dict_to_str({"a": {"c": None, "d": 2}, "b": 1})


def test_time_is_taken_around_functions_and_blocks(capsys):
    @timeit
    def plain(value):
        return value

    @timeit("a label")
    def labelled():
        raise RuntimeError

    assert plain(7) == 7
    with pytest.raises(RuntimeError):
        labelled()
    with timeit("a block"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert [line.rsplit(": ", 1)[0].rsplit(".", 1)[-1] for line in lines] == ["plain", "a label", "a block"]
    assert all(line.endswith(" s") for line in lines)


def test_a_record_has_a_dictionary_form():
    with pytest.raises(TypeError):
        Data()

    class Point(Data):
        def __init__(self, x):
            self.x = x

        @staticmethod
        def from_dict(data):
            return Point(data["x"])

        def to_dict(self):
            return {"x": self.x}

    assert Point.from_dict(Point(3).to_dict()).x == 3
