"""How files become batches, and what the loop does around them."""

import io
import json
import os
import sys
import threading

import pytest

from common_ml.tagging import run_helpers
from common_ml.tagging.messages import Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.processor import TagProcessor
from common_ml.tagging.producer import TagMessageProducer


class Recorder(TagMessageProducer):
    """Remembers its batches."""

    def __init__(self):
        self.batches = []

    def produce(self, files):
        self.batches.append(files)
        return [Progress(file) for file in files]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output.jsonl"


@pytest.fixture
def argv(monkeypatch, output):
    """Replaces the command line, as programs and their tests do."""

    def argv(*arguments):
        monkeypatch.setattr(sys, "argv", ["model.py", "--output-path", str(output), *arguments])

    argv()
    return argv


@pytest.fixture
def stdin(monkeypatch):
    """Replaces standard input."""

    def stdin(source):
        monkeypatch.setattr(sys, "stdin", source)

    return stdin


@pytest.fixture
def pipe(stdin):
    """Puts a pipe in the place of standard input, and gives the end to write to."""
    read, write = os.pipe()
    with open(read, encoding="utf-8") as source, open(write, "w", encoding="utf-8", buffering=1) as sink:
        stdin(source)
        yield sink


def batches(output, **options):
    recorder = Recorder()
    run_helpers.start_loop_from_producer(recorder, str(output), **options)
    return recorder.batches


def test_lines_that_are_written_together_form_one_batch(pipe, output):
    pipe.write("a.mp4\n\n  b.mp4 \r\nc.mp4\n")
    pipe.close()
    assert batches(output) == [["a.mp4", "b.mp4", "c.mp4"]]


def test_a_last_line_counts_without_its_end(pipe, output):
    pipe.write("a.mp4\nb.mp4")
    pipe.close()
    assert batches(output) == [["a.mp4", "b.mp4"]]


def test_a_batch_has_at_most_batch_limit_files(pipe, output):
    pipe.write("a\nb\nc\nd\ne\n")
    pipe.close()
    assert batches(output, batch_limit=2) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_batch_limit_below_one_is_refused(output):
    with pytest.raises(ValueError, match="batch_limit is 0"):
        batches(output, batch_limit=0)


def test_a_line_that_comes_later_is_a_batch_of_its_own(pipe, output):
    class Asking(Recorder):
        def produce(self, files):
            if files == ["a"]:
                pipe.write("b\n")
                pipe.close()
            return super().produce(files)

    pipe.write("a\n")
    asking = Asking()
    run_helpers.start_loop_from_producer(asking, str(output))
    assert asking.batches == [["a"], ["b"]]


def test_a_larger_batch_timeout_waits_for_files_that_come_later(stdin, output):
    written = threading.Event()

    class Slow:
        def __init__(self):
            self.lines = iter(["a\n", "b\n", ""])

        def readline(self):
            line = next(self.lines)
            if line == "b\n":
                written.wait(0.05)  # longer than lines of one batch may lie apart otherwise
            return line

    stdin(Slow())
    # At the end of input it does not wait any longer, or this would take an hour.
    assert batches(output, batch_timeout=3600) == [["a", "b"]]


@pytest.mark.parametrize(
    "source",
    [
        io.StringIO("a\nb\n"),
        iter(["a\n", "b\n"]),
        io.BytesIO(b"a\nb\n"),
        io.TextIOWrapper(io.BytesIO(b"a\nb")),
    ],
)
def test_standard_input_may_be_replaced_by_anything_with_lines(stdin, output, source):
    stdin(source)
    assert batches(output) == [["a", "b"]]


def test_without_standard_input_there_are_no_files(stdin, output):
    stdin(None)
    assert batches(output) == []


def test_a_fault_of_a_replaced_input_is_raised(stdin, output):
    class Broken:
        def readline(self):
            raise RuntimeError("the wire is cut")

    stdin(Broken())
    with pytest.raises(RuntimeError, match="the wire is cut"):
        batches(output)


def test_a_path_that_is_no_text_reaches_the_model_with_its_bytes(stdin, output, monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stdout)
    read, write = os.pipe()
    os.write(write, b"caf\xe9.mp4\n")
    os.close(write)
    with open(read, encoding="utf-8") as source:
        stdin(source)
        ((path,),) = batches(output)
    assert os.fsencode(path) == b"caf\xe9.mp4"
    assert stdout.buffer.getvalue() == b"Got 'caf\\udce9.mp4'\n"


def test_the_output_file_is_appended_to_and_each_file_is_named_on_standard_output(stdin, output, capsys):
    output.write_text("what was there\n")
    stdin(io.StringIO("a\nb\n"))
    batches(output)
    assert output.read_text().splitlines() == [
        "what was there",
        '{"type":"progress","data":{"source_media":"a"}}',
        '{"type":"progress","data":{"source_media":"b"}}',
    ]
    assert capsys.readouterr().out == "Got a\nGot b\n"


def test_messages_are_in_the_file_as_soon_as_they_are_yielded(stdin, output):
    seen = []

    class Looking(TagMessageProducer):
        def produce(self, files):
            for file in files:
                yield Progress(file)
                seen.append(len(output.read_text().splitlines()))

    stdin(io.StringIO("a\nb\n"))
    run_helpers.start_loop_from_producer(Looking(), str(output))
    assert seen == [1, 2]


def test_a_generator_of_tags_is_written_tag_by_tag(stdin, argv, output):
    seen = []

    class Lazy(AVModel):
        def tag(self, fpath):
            for start in range(3):
                yield Tag(start, start, "t", "")
                seen.append(len(output.read_text().splitlines()))

    stdin(io.StringIO("a.mp4\n"))
    run_helpers.run_default(Lazy())
    assert seen == [1, 2, 3]
    # A tag that names no file belongs to the one at hand.
    assert json.loads(output.read_text().splitlines()[0])["data"]["source_media"] == "a.mp4"


def test_the_completion_step_runs_last_and_may_yield(stdin, output):
    class Summing(Recorder):
        def on_completion(self):
            yield ProgressRatio(1.0)

    stdin(io.StringIO("a\n"))
    run_helpers.start_loop_from_producer(Summing(), str(output))
    assert output.read_text().splitlines()[1:] == ['{"type":"progress_ratio","data":{"progress":1.0}}']


def test_steps_that_return_nothing_are_fine(stdin, output):
    class Silent(TagMessageProducer):
        def produce(self, files):
            return None

        def on_completion(self):
            return None

    stdin(io.StringIO("a\n"))
    run_helpers.start_loop_from_producer(Silent(), str(output))
    assert output.read_text() == ""


class AFrameModel(FrameModel):
    def tag_frame(self, img):
        return []


class ABatchModel(BatchFrameModel):
    def tag_frames(self, imgs):
        return [[] for _ in imgs]


class AnAVModel(AVModel):
    def tag(self, fpath):
        return []


class AProcessor(TagProcessor):
    def process(self, iq, auth, start_time, end_time):
        return iter(())


COMMON = {"output_path": None, "continue_on_error": True, "batch_timeout": 0.5, "batch_limit": 3}


@pytest.mark.parametrize(
    ("model", "loop", "arguments"),
    [
        (AFrameModel(), "start_loop_from_frame_model", {"fps": 2, "allow_single_frame": False}),
        (ABatchModel(), "start_loop_from_frame_model", {"fps": 2, "allow_single_frame": False}),
        (AnAVModel(), "start_loop_from_av_model", {}),
        (AProcessor(), "start_loop_from_processor", {}),
        (Recorder(), "start_loop_from_producer", {}),
    ],
)
def test_run_default_calls_the_loop_of_the_module_by_keyword(argv, output, monkeypatch, model, loop, arguments):
    called = []
    monkeypatch.setattr(run_helpers, loop, lambda **given: called.append(given))
    argv("--params", json.dumps({"fps": 2, "allow_single_frame": False, "continue_on_error": True, "own": 1}))
    run_helpers.run_default(model, batch_timeout=0.5, batch_limit=3)
    who = "producer" if loop == "start_loop_from_producer" else "model"
    assert called == [{**COMMON, "output_path": str(output), who: model, **arguments}]


def test_a_class_is_made_without_arguments_or_with_the_params(argv, stdin, output):
    class Configured(AVModel):
        def __init__(self, params):
            self.text = params["text"]

        def tag(self, fpath):
            return [Tag(0, 1, self.text, fpath)]

    argv("--params", '{"text": "said by the user"}')
    for model in [Configured, AnAVModel]:
        stdin(io.StringIO("a.mp4\n"))
        run_helpers.run_default(model)
    assert [json.loads(line)["data"].get("tag") for line in output.read_text().splitlines()] == [
        "said by the user",
        None,
        None,
    ]


def test_what_derives_from_nothing_is_known_by_its_method(argv, stdin, output):
    class Plain:
        def tag(self, fpath):
            return [Tag(0, 1, "t", fpath)]

    stdin(io.StringIO("a.mp4\n"))
    run_helpers.run_default(Plain())
    assert len(output.read_text().splitlines()) == 2
    with pytest.raises(TypeError, match="is no model; one of TagMessageProducer"):
        run_helpers.run_default(object())


def test_params_are_read_at_each_call_and_other_arguments_are_passed_over(argv):
    assert run_helpers.get_params() == {}
    argv("serve", "--device=cpu", "--params", '{"a": 1}', "-v")
    assert run_helpers.get_params() == {"a": 1}
    argv('--params={"a": [2]}')
    assert run_helpers.get_params() == {"a": [2]}


@pytest.mark.parametrize("params", ["{", "[1]", "null", "1"])
def test_params_that_are_no_object_are_an_error_that_the_runtime_reads_once(argv, output, params):
    argv("--params", params)
    with pytest.raises(ValueError, match="--params must be one JSON object"):
        run_helpers.run_default(AnAVModel())
    (line,) = output.read_text().splitlines()
    assert json.loads(line)["data"]["message"].startswith("ValueError: --params must be one JSON object")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"fps": 0}, "parameter `fps` is 0, a number above 0 is expected"),
        ({"fps": "2"}, 'parameter `fps` is "2", a number above 0 is expected'),
        ({"allow_single_frame": "no"}, 'parameter `allow_single_frame` is "no", true or false is expected'),
        ({"continue_on_error": None}, "parameter `continue_on_error` is null, true or false is expected"),
        ({"batch_size": -1}, "parameter `batch_size` is -1, a whole number from 0 is expected"),
    ],
)
def test_the_loop_s_own_parameters_are_checked(argv, output, params, told):
    argv("--params", json.dumps(params))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared below)
        run_helpers.run_default(ABatchModel())
    assert str(caught.value) == told
    assert json.loads(output.read_text())["data"]["message"] == f"InvalidParams: {told}"


def test_other_models_may_use_those_names_for_themselves(argv, stdin, output):
    argv("--params", '{"fps": "as recorded", "batch_size": "large"}')
    stdin(io.StringIO(""))
    run_helpers.run_default(AnAVModel())
    assert output.read_text() == ""


def test_without_an_output_path_the_program_ends_with_status_2(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["model.py"])
    with pytest.raises(SystemExit) as ended:
        run_helpers.run_default(AnAVModel())
    assert ended.value.code == 2
    assert "--output-path PATH is missing" in capsys.readouterr().err
