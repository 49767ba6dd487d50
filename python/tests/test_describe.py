"""What programs say of themselves with `--describe`."""

import json
import subprocess
import sys

import pydantic
import pytest

LOOP = ["fps", "allow_single_frame", "batch_size", "continue_on_error"]
FRAME = """
from common_ml.tagging.models.frame_based import FrameModel, BatchFrameModel
from common_ml.tagging.run_helpers import run_default, get_params

class Mine(FrameModel):
    '''Tags what is
    in the picture.

    And more.
    '''

    tracks = {"things": "What is there.", "text": {"label": "Text"}}
    default_track = "things"

    def __init__(self, *needed):
        raise RuntimeError("loads its weights")

    def tag_frame(self, img):
        return []
"""
AV = """
'''Hears things.'''
from dataclasses import dataclass
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.run_helpers import run_default, get_params

@dataclass
class Params:
    language: str = "en"
    '''Which one to hear.'''

class Mine(AVModel):
    kind = "audio"
    tracks = ["words"]

    def __init__(self, params: Params):
        raise RuntimeError("loads its weights")

    def tag(self, fpath):
        return []
"""

# Older releases of pydantic do not look below the fields of a dataclass.
DESCRIBED = {} if pydantic.VERSION.startswith("2.10.") else {"description": "Which one to hear."}


@pytest.fixture
def describe(tmp_path):
    """Asks a program for its description; gives it, or what went wrong."""

    def describe(source, *start, name="my model.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
        ended = subprocess.run(
            [sys.executable, *start, name, "--describe"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert list(tmp_path.glob("*.jsonl")) == []
        return json.loads(ended.stdout.splitlines()[-1]) if ended.returncode == 0 else ended.stderr

    return describe


def test_a_class_is_described_and_not_made(describe):
    told = describe(FRAME + "run_default(Mine)\n")
    properties = told["parameters"].pop("properties")
    assert told == {
        "name": "my-model",
        "kind": "frame",
        "description": "Tags what is in the picture.",
        "default_track": "things",
        "tracks": {"things": {"description": "What is there."}, "text": {"label": "Text"}},
        "parameters": {"type": "object"},
    }
    assert list(properties) == [name for name in LOOP if name != "batch_size"]


def test_models_of_batches_let_their_size_be_chosen(describe):
    source = FRAME.replace("(FrameModel)", "(BatchFrameModel)").replace("tag_frame(", "tag_frames(")
    assert list(describe(source + "run_default(Mine)\n")["parameters"]["properties"]) == LOOP


@pytest.mark.parametrize("end", ["run_default(Mine)\n", "params = get_params(Params)\nrun_default(Mine(params))\n", ""])
def test_typed_parameters_are_described_whoever_asks_for_them(describe, end):
    told = describe(AV + end, *([] if end else ["-m", "common_ml.runner"]))
    language = told["parameters"]["properties"].pop("language")
    assert {**language, "title": ""} == {"type": "string", "default": "en", "title": "", **DESCRIBED}
    assert list(told["parameters"]["properties"]) == ["continue_on_error"]
    assert told["parameters"]["additionalProperties"] is False
    assert (told["kind"], told["tracks"], told["description"]) == ("audio", {"words": {}}, "Hears things.")


def test_parameters_are_described_before_the_model_is_known(describe):
    head, model = AV.split("class Mine")
    told = describe(f"{head}params = get_params(Params)\nclass Mine{model}")
    assert "kind" not in told
    assert list(told["parameters"]["properties"]) == ["language", "continue_on_error"]


def test_a_model_that_is_made_already_is_described_too(describe):
    source = FRAME.replace('raise RuntimeError("loads its weights")', "print('weights: 100 %')")
    assert describe(source + "run_default(Mine())\n")["kind"] == "frame"


def test_a_package_is_called_like_its_folder(describe):
    assert describe(FRAME + "run_default(Mine)\n", name="lights/__main__.py")["name"] == "lights"


def test_a_parameter_called_like_the_question_is_none(run):
    ended = run("programs/typed.py", ["a.mp4"], params="--describe")
    assert ended.status == 1
    assert "--params must be one JSON object" in ended.of("error")[0]["message"]


def test_odd_attributes_of_existing_models_do_no_harm(describe):
    odd = FRAME.replace('"things"\n', "7\n").replace(
        '{"things": "What is there.", "text": {"label": "Text"}}', "object()"
    )
    told = describe(odd + "run_default(Mine)\n")
    assert sorted(told) == ["description", "kind", "name", "parameters"]


def test_what_is_no_model_is_refused(describe):
    assert "TypeError: 7 (int) is no model" in describe("from common_ml.tagging.run_helpers import *\nrun_default(7)\n")
