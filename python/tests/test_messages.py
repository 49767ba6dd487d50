"""What messages are, and the bytes they become."""

import dataclasses
import io
import json
import pickle

import numpy as np
import pytest

from common_ml.tagging.messages import Error, FrameInfo, Progress, ProgressRatio, Tag
from common_ml.tagging.run_helpers import write_message

DOG = Tag(1500, 8000, "A dog", "media/0001.mp4")


def line(message):
    out = io.StringIO()
    write_message(message, out)
    return out.getvalue()


def data(message):
    return json.loads(line(message))["data"]


def with_info(**info):
    return dataclasses.replace(DOG, additional_info=info)


def refusal(message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the callers look at the text)
        line(message)
    return str(caught.value)


def test_every_message_is_written_as_the_contract_says():
    assert line(DOG) == (
        '{"type":"tag","data":{"start_time":1500,"end_time":8000,"tag":"A dog","source_media":"media/0001.mp4",'
        '"track":"","additional_info":null,"frame_info":null}}\n'
    )
    assert line(Progress("media/0001.mp4")) == '{"type":"progress","data":{"source_media":"media/0001.mp4"}}\n'
    assert line(ProgressRatio(0.25)) == '{"type":"progress_ratio","data":{"progress":0.25}}\n'
    assert line(Error("ValueError: …")) == '{"type":"error","data":{"message":"ValueError: …","source_media":null}}\n'


@pytest.mark.parametrize(
    ("frame_info", "written"),
    [
        (FrameInfo(45), '{"frame_idx":45,"box":null}'),
        ({"frame_idx": 45}, '{"frame_idx":45,"box":null}'),
        ({"box": {}, "frame_idx": np.int64(45)}, '{"frame_idx":45,"box":null}'),
        (
            FrameInfo(45, {"x1": 0.05, "y1": 0.1, "x2": np.float32(0.5), "y2": 1}),
            '{"frame_idx":45,"box":{"x1":0.05,"y1":0.1,"x2":0.5,"y2":1.0}}',
        ),
        (
            FrameInfo(
                45,
                dict(zip(["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"], [0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9])),
            ),
            '{"frame_idx":45,"box":{"x1":0.1,"y1":0.1,"x2":0.9,"y2":0.1,"x3":0.9,"y3":0.9,"x4":0.1,"y4":0.9}}',
        ),
    ],
)
def test_boxes_are_written_as_two_corners_or_four(frame_info, written):
    assert line(dataclasses.replace(DOG, frame_info=frame_info)).endswith(f'"frame_info":{written}}}}}\n')


def test_fractional_times_are_rounded_halves_to_even():
    times = [(0.5, 1.5), (np.float32(2.5), np.float64(7.6)), (np.int32(3), np.array(4.4))]
    written = [data(dataclasses.replace(DOG, start_time=start, end_time=end)) for start, end in times]
    assert [(tag["start_time"], tag["end_time"]) for tag in written] == [(0, 2), (2, 8), (3, 4)]


def test_numbers_and_arrays_of_numpy_are_converted_at_any_depth():
    info = {
        "score": np.float32(0.5),
        "ok": np.bool_(True),
        "points": [np.array([[1, 2], [3, 4]]), (np.int8(1),)],
        np.int64(7): "key",
    }
    written = {"score": 0.5, "ok": True, "points": [[[1, 2], [3, 4]], [1]], "7": "key"}
    assert data(with_info(**{"all": info}))["additional_info"] == {"all": written}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (with_info(a={"b": [0.5, float("nan")]}), "additional_info.a.b[1] is nan, which JSON cannot hold"),
        (with_info(a=np.array([1.0, np.inf])), "additional_info.a[1] is inf, which JSON cannot hold"),
        (with_info(a={1, 2}), "additional_info.a is {1, 2} (set), which JSON cannot hold"),
        (with_info(a={(1, 2): 3}), "additional_info.a has the key (1, 2) (tuple); JSON knows strings only"),
        (dataclasses.replace(DOG, additional_info=[1]), "additional_info is [1] (list); a dictionary is expected"),
        (dataclasses.replace(DOG, track=7), "track is 7 (int); a string is expected"),
        (dataclasses.replace(DOG, end_time="8 s"), "end_time is `8 s`; a number is expected"),
        (dataclasses.replace(DOG, end_time=float("inf")), "end_time is inf, which JSON cannot hold"),
        (dataclasses.replace(DOG, frame_info={"box": {}}), "FrameInfo(frame_idx, box) or its dictionary is expected"),
        (dataclasses.replace(DOG, frame_info=FrameInfo(-1)), "frame_info.frame_idx is -1; a whole number from 0"),
        (dataclasses.replace(DOG, frame_info=FrameInfo(1, [0, 0, 1, 1])), "box is [0, 0, 1, 1] (list); a dictionary"),
        (dataclasses.replace(DOG, frame_info=FrameInfo(1, {"left": 0, "top": 0})), "box has left top; a dictionary"),
        (
            dataclasses.replace(DOG, frame_info=FrameInfo(1, {"x1": 0, "y1": 0, "x2": float("nan"), "y2": 1})),
            "box.x2 is nan, which JSON cannot hold",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_with_tag_file_and_field(message, told):
    assert refusal(message).startswith("tag `A dog` of `media/0001.mp4`: ")
    assert told in refusal(message)


def test_a_tag_without_text_or_file_is_refused():
    assert refusal(Tag(0, 1, None, "a.mp4")) == "tag None of `a.mp4`: the text is None; a string is expected"
    assert refusal(Tag(0, 1, "dog", None)) == "tag `dog` of None: source_media is None; a string is expected"


def test_a_dictionary_that_holds_itself_is_refused():
    info = {}
    info["again"] = info
    assert "nested without end" in refusal(dataclasses.replace(DOG, additional_info=info))


def test_something_else_than_a_message_is_refused():
    assert refusal(("dog", 0.5)) == (
        "('dog', 0.5) (tuple) is no message; a Tag, Progress, ProgressRatio or Error is expected"
    )


def test_odd_times_and_boxes_pass_with_one_warning_for_each_kind(run):
    ended = run("programs/odd_values.py", ["a.mp4"])
    assert (ended.status, len(ended.of("tag"))) == (0, 6)
    assert ended.of("tag")[4]["frame_info"]["box"]["x1"] == -0.5
    warnings = ended.stderr.splitlines()
    assert [warning.split("`")[1] for warning in warnings] == ["early", "reversed", "outside"]


def test_half_a_character_costs_a_question_mark_and_not_the_line():
    assert data(dataclasses.replace(DOG, tag="half \ud83d dog"))["tag"] == "half ? dog"


def test_text_is_written_as_it_is():
    assert '"tag":"Dogge – 犬"' in line(dataclasses.replace(DOG, tag="Dogge – 犬"))


def test_messages_are_frozen_records():
    assert Tag(1500, 8000, "A dog", "media/0001.mp4", "t", None, None) == dataclasses.replace(DOG, track="t")
    assert {DOG, dataclasses.replace(DOG)} == {DOG}
    assert Error.of(ValueError("boom"), "a.mp4") == Error("ValueError: boom", "a.mp4")
    with pytest.raises(dataclasses.FrozenInstanceError):
        DOG.tag = "A cat"
    assert dataclasses.asdict(dataclasses.replace(DOG, frame_info=FrameInfo(45)))["frame_info"] == {
        "frame_idx": 45,
        "box": None,
    }
    for message in [DOG, Progress("a"), ProgressRatio(0.5), Error.of(ValueError(lambda: 0), "a.mp4")]:
        assert pickle.loads(pickle.dumps(message)) == message
