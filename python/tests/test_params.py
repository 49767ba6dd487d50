"""Typed parameters: what becomes of what the user chose, and how faults are told."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import List, Optional

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from common_ml.tagging import _params
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.tag_types import Tag
from common_ml.tagging.run_helpers import get_params, run_default


class Limits(BaseModel):
    """Limits of a model."""

    low: int = Field(3, ge=1, description="The lower one.")
    fps: Optional[float] = None

    @field_validator("low")
    @classmethod
    def odd(cls, value):
        if value % 2 == 0:
            raise ValueError("it must be odd")
        return value


@dataclass
class Same:
    low: int = 1
    again: "Optional[Same]" = None

    def __post_init__(self):
        if self.low == 13:
            raise ValueError("13 brings bad luck")


@pytest.fixture
def chosen(monkeypatch):
    """Sets what the user chose."""

    def chosen(**params):
        monkeypatch.setattr(sys, "argv", ["model.py", "--params", json.dumps(params)])

    return chosen


def refusal(schema):
    with pytest.raises(_params.InvalidParams) as caught:
        get_params(schema)
    return str(caught.value)


def test_parameters_arrive_in_the_types_of_the_author(run):
    params = {
        "threshold": 1,
        "mode": "exact",
        "words": ["a"],
        "size": [1, 2],
        "region": {"width": 5.0},
        "label": "12",
        "continue_on_error": True,
        "fps": 2,
    }
    (tag,) = run("programs/typed.py", ["a.mp4"], params=params).of("tag")
    assert tag["tag"] == (
        "Params(threshold=1.0, mode=<Mode.EXACT: 'exact'>, words=['a'], size=(1, 2), "
        "region=Region(width=5, height=2), label='12')"
    )


def test_without_a_choice_the_defaults_hold(run):
    (tag,) = run("programs/typed.py", ["a.mp4"]).of("tag")
    assert tag["tag"].startswith("Params(threshold=0.5, mode=<Mode.FAST: 'fast'>, words=[]")


def test_all_faults_are_told_in_one_message(run):
    params = {
        "treshold": 0.5,
        "threshold": "1",
        "mode": "slow",
        "words": ["a", 1],
        "region": {"widht": 5},
        "label": 12,
        "fps": 0,
    }
    ended = run("programs/typed.py", ["a.mp4"], params=params)
    ((kind, data),) = [(message["type"], message["data"]) for message in ended.messages]
    assert (ended.status, kind, data["source_media"]) == (1, "error", None)
    exception, faults = data["message"].split(": ", 1)
    assert exception == "InvalidParams"
    assert sorted(faults.split("; ")) == [
        "parameter `fps` is 0, a number above 0 is expected",
        "parameter `label` is 12, a string or null is expected",
        'parameter `mode` is "slow", one of "fast", "exact" is expected',
        "parameter `region.width` is missing, a whole number is expected",
        'parameter `threshold` is "1", a number from 0 to 1 is expected',
        "parameter `words[1]` is 1, a string is expected",
        "unknown parameter `region.widht`, did you mean `width`? (known: `width`, `height`)",
        "unknown parameter `treshold`, did you mean `threshold`? "
        "(known: `threshold`, `mode`, `words`, `size`, `region`, `label`)",
    ]


def test_a_pydantic_model_does_as_well(chosen):
    chosen(low=5, fps=2)
    assert get_params(Limits) == Limits(low=5, fps=2)
    chosen(lwo=5)
    assert refusal(Limits) == "unknown parameter `lwo`, did you mean `low`? (known: `low`, `fps`)"


def test_the_author_s_own_rules_come_on_top(chosen):
    chosen(low=4, hgih=1)
    assert refusal(Limits) == "unknown parameter `hgih` (known: `low`, `fps`); parameter `low` is 4: it must be odd"
    chosen(low=13)
    assert refusal(Same) == "13 brings bad luck"


def test_a_model_may_allow_other_names(chosen):
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        low: int = 1

    chosen(low=2, other="x")
    assert get_params(Open).model_dump() == {"low": 2, "other": "x"}


def test_a_type_may_contain_itself(chosen):
    chosen(low=1, again={"low": 2})
    assert get_params(Same) == Same(1, Same(2))
    chosen(again={"lo": 2})
    assert refusal(Same) == "unknown parameter `again.lo`, did you mean `low`? (known: `low`, `again`)"


@pytest.mark.parametrize("value", [True, "1", 1.5, None, [1]])
def test_nothing_is_taken_for_a_number_that_is_none(chosen, value):
    chosen(low=value)
    assert refusal(Same) == f"parameter `low` is {json.dumps(value)}, a whole number is expected"


@pytest.mark.parametrize("schema", [dict, Limits(low=1), "Limits", int])
def test_only_a_type_with_fields_describes_parameters(chosen, schema):
    chosen()
    with pytest.raises(TypeError, match="get_params takes a dataclass or a pydantic model, the class itself"):
        get_params(schema)


class Typed(AVModel):
    def __init__(self, limits: Limits):
        self.limits = limits

    def tag(self, fpath: str) -> List[Tag]:
        return []


class Prepared(Typed):
    def __init__(self, limits: "Limits" = Limits(low=7), *, device: str = "cpu"):  # noqa: B008 (never changed)
        super().__init__(limits)


@pytest.mark.parametrize("model_class", [Typed, Prepared])
def test_a_class_is_made_with_the_type_of_its_argument(chosen, model_class, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr("common_ml.tagging.run_helpers.start_loop_from_av_model", lambda model, **_: made.append(model))
    chosen(low=5)
    sys.argv += ["--output-path", str(tmp_path / "out.jsonl")]
    run_default(model_class)
    assert made[0].limits == Limits(low=5)
    sys.argv[2] = '{"low": "5"}'
    with pytest.raises(_params.InvalidParams):
        run_default(model_class)


@pytest.mark.parametrize(
    ("pydantic", "told"),
    [
        ("raise ImportError('no pydantic')", "typed parameters need pydantic; run `"),
        ("VERSION = '1.10.2'", "typed parameters need pydantic 2, and 1.10.2 is installed; run `"),
    ],
)
def test_without_pydantic_it_is_said_what_to_install(tmp_path, pydantic, told):
    (tmp_path / "pydantic.py").write_text(pydantic)
    program = "from dataclasses import make_dataclass\nfrom common_ml.tagging.run_helpers import get_params\n"
    program += "assert get_params() == {}\nget_params(make_dataclass('P', [('low', int, 1)]))\n"
    (tmp_path / "model.py").write_text(program)
    ended = subprocess.run(
        [sys.executable, "model.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert told in ended.stderr.splitlines()[-1]
    assert "pip install 'pydantic>=2'" in ended.stderr
