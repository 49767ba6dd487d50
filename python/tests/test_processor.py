"""Models of time ranges: which ranges they see, who is credited with a tag, and when a range is finished."""

import json

import pytest

from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.models.processor import TagProcessor
from common_ml.tagging.producer import TagMessageProducer


class Remembering(TagProcessor):
    """Remembers its calls, and says the tags that it was made with: by the start of their span."""

    def __init__(self, tags=None, in_order=None, last=()):
        self.calls = []
        self.tags = tags or {}
        self.in_order = in_order
        self.last = last

    def process(self, iq, auth, start_time, end_time):
        self.calls.append((iq, auth, start_time, end_time))
        for start in self.tags.get(start_time, []):
            yield Tag(start, start, "t", "")

    def preflight(self, iq, auth):
        self.calls.append(("preflight", iq, auth))

    def on_completion(self):
        return iter([Tag(start, start, "last", "") for start in self.last])

    def outputs_in_order(self):
        return self.in_order


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("ELV_CONTENT", "iq__content")
    monkeypatch.setenv("ELV_TOKEN", "a token")


@pytest.fixture
def batch(tmp_path):
    """Writes the files of a batch, each named by its start in seconds."""

    def batch(*spans):
        files = []
        for start, end in spans:
            files.append(str(tmp_path / f"{start}.json"))
            (tmp_path / f"{start}.json").write_text(json.dumps({"start_time": start * 1000, "end_time": end * 1000}))
        return files

    return batch


def told(messages):
    """Starts of tags with the range they are credited to, and finished ranges, in the order of the messages."""
    name = lambda message: message.source_media.rsplit("/")[-1].replace(".json", "")  # noqa: E731
    return [name(m) if isinstance(m, Progress) else (m.start_time // 1000, name(m)) for m in messages]


def test_ranges_of_a_batch_that_touch_are_joined(batch):
    processor = Remembering()
    producer = TagMessageProducer.from_tag_processor(processor)
    list(producer.produce(batch((20, 30), (0, 10), (10, 20), (40, 50))))
    list(producer.produce(batch((50, 60))))
    assert processor.calls == [
        ("preflight", "iq__content", "a token"),
        ("iq__content", "a token", 0, 30000),
        ("iq__content", "a token", 40000, 50000),
        ("iq__content", "a token", 50000, 60000),
    ]


def test_a_tag_belongs_to_the_latest_range_that_contains_its_start_or_else_to_the_earliest(batch):
    producer = TagMessageProducer.from_tag_processor(Remembering({0: [5, 5000, 10000, 15000, 99000]}))
    messages = list(producer.produce(batch((0, 10), (10, 20))))
    assert told(messages) == [(0, "0"), (5, "0"), (10, "10"), (15, "10"), (99, "0")]


def test_in_order_a_range_is_finished_when_tags_of_a_later_one_come(batch):
    producer = TagMessageProducer.from_tag_processor(Remembering({0: [1000, 25000]}, in_order=True, last=[26000]))
    messages = list(producer.produce(batch((0, 10), (10, 20), (20, 30), (30, 40))))
    assert told(messages) == [(1, "0"), "0", "10", (25, "20"), "20", "30"]
    assert told(producer.on_completion()) == [(26, "20")]


@pytest.mark.parametrize("in_order", [False, None])
def test_out_of_order_all_ranges_are_finished_at_the_end(batch, in_order):
    producer = TagMessageProducer.from_tag_processor(Remembering({0: [25000, 1000]}, in_order, last=[12000]))
    assert told(producer.produce(batch((0, 10), (10, 20), (20, 30)))) == [(25, "20"), (1, "0")]
    assert told(producer.on_completion()) == [(12, "10"), "0", "10", "20"]


def test_something_else_than_a_tag_is_named(batch):
    class Texts(Remembering):
        def process(self, iq, auth, start_time, end_time):
            return ["dog"]

    with pytest.raises(TypeError, match="process yielded `dog`; Tag is expected"):
        list(TagMessageProducer.from_tag_processor(Texts()).produce(batch((0, 10))))


@pytest.mark.parametrize("name", ["ELV_CONTENT", "ELV_TOKEN"])
def test_a_missing_variable_is_named(batch, monkeypatch, name):
    monkeypatch.delenv(name)
    with pytest.raises(ValueError, match=f"the environment variable {name} is missing"):
        list(TagMessageProducer.from_tag_processor(Remembering()).produce(batch((0, 10))))


@pytest.mark.parametrize("content", ["", "[0, 10]", '{"start_time": 0}', '{"start_time": "0", "end_time": 10}'])
def test_a_file_that_names_no_range_is_named(tmp_path, content):
    file = tmp_path / "range.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"range.json` hold"):
        list(TagMessageProducer.from_tag_processor(Remembering()).produce([str(file)]))
