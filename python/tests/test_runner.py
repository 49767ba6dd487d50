"""Files that only define a model, run by the SDK's runner."""

import json
import subprocess
import sys

import pytest

HEAD = "from common_ml.tagging.models.av import *\nfrom common_ml.tagging.models.tag_types import Tag\n"
MODEL = "class {}(AVModel):\n    def tag(self, fpath):\n        return [Tag(0, 1, {}, fpath)]\n"


@pytest.fixture
def run_source(tmp_path):
    """Runs the source of a model over one file; gives status, messages, standard error."""

    def run_source(source, *arguments, name="model.py"):
        (tmp_path / name).write_text(source)
        output = tmp_path / "output.jsonl"
        output.write_text("")
        ended = subprocess.run(
            [sys.executable, "-m", "common_ml.runner", str(tmp_path / name), "--output-path", str(output), *arguments],
            input="a.mp4\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        messages = [json.loads(line) for line in output.read_text().splitlines()]
        return ended.returncode, messages, ended.stderr

    return run_source


def tags(messages):
    return [message["data"]["tag"] for message in messages if message["type"] == "tag"]


def error(result):
    """The one message of a program that failed; standard error says the same."""
    status, messages, stderr = result
    ((kind, data),) = [(message["type"], message["data"]) for message in messages]
    assert (status, kind, data["source_media"]) == (1, "error", None)
    assert data["message"].split(": ", 1)[1] in stderr
    return data["message"]


def test_the_one_class_of_a_file_is_run(run_source):
    status, messages, stderr = run_source(HEAD + MODEL.format("Mine", "'mine'"))
    assert (status, tags(messages), stderr) == (0, ["mine"], "")


def test_a_base_class_of_the_file_is_not_the_model(run_source):
    abstract = HEAD + "class Base(AVModel):\n    text = 'base'\n"
    derived = "class Mine(Base):\n    def tag(self, fpath):\n        return [Tag(0, 1, self.text, fpath)]\n"
    assert tags(run_source(abstract + derived)[1]) == ["base"]
    concrete = HEAD + MODEL.format("Base", "self.text") + "class Mine(Base):\n    text = 'mine'\n"
    assert tags(run_source(concrete)[1]) == ["mine"]


def test_a_class_that_derives_from_nothing_is_known_by_its_method(run_source):
    source = "from common_ml.tagging.models.tag_types import Tag\n" + MODEL.format("Mine", "'mine'")
    assert tags(run_source(source.replace("(AVModel)", ""))[1]) == ["mine"]


def test_a_constructor_with_one_argument_gets_the_params(run_source):
    source = HEAD + MODEL.format("Mine", "self.text")
    source += "    def __init__(self, params, device='cpu'):\n        self.text = params['text']\n"
    assert tags(run_source(source, "--params", '{"text": "chosen"}')[1]) == ["chosen"]


def test_what_lies_beside_the_file_can_be_imported(run_source, tmp_path):
    (tmp_path / "beside.py").write_text("TEXT = 'found'\n")
    source = "from beside import TEXT\n" + HEAD + MODEL.format("Mine", "TEXT")
    # `json` is in use already, and must stay what it is.
    for name in ["model.py", "json.py"]:
        assert tags(run_source(source, name=name)[1]) == ["found"]


def test_a_file_without_a_model_is_refused(run_source):
    assert "model.py` defines no model: a class that derives from one of" in error(run_source(HEAD))


def test_a_file_with_several_models_is_refused_by_their_names(run_source):
    source = HEAD + MODEL.format("First", "1") + MODEL.format("Second", "2")
    assert "model.py` defines several models (First, Second); keep one, or call run_default" in error(
        run_source(source)
    )


def test_a_constructor_with_several_arguments_is_refused_by_their_names(run_source):
    source = HEAD + MODEL.format("Mine", "1") + "    def __init__(self, weights, device):\n        pass\n"
    assert error(run_source(source)).startswith("TypeError: Mine needs the arguments weights, device; a model class is")


def test_a_forgotten_import_is_named(run_source):
    source = MODEL.format("Mine", "1").replace("(AVModel)", "").replace("(self, fpath)", "(self, fpath) -> List")
    message = error(run_source(source))
    assert message.startswith("NameError: name 'List' is not defined; add `from typing import List` at the top of `")


def test_a_fault_in_the_file_is_told(run_source):
    assert error(run_source("1 / 0\n")) == "ZeroDivisionError: division by zero"


def test_a_file_that_is_missing_is_named(tmp_path):
    output = tmp_path / "output.jsonl"
    ended = subprocess.run(
        [sys.executable, "-m", "common_ml.runner", "missing.py", "--output-path", str(output)],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "error: `missing.py` does not exist\n")
    assert json.loads(output.read_text())["data"]["message"] == "ModelFileError: `missing.py` does not exist"


def test_without_a_file_the_usage_is_told():
    ended = subprocess.run([sys.executable, "-m", "common_ml.runner"], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "usage: python -m common_ml.runner FILE.py" in ended.stderr
