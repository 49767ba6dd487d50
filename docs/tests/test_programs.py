"""Our own programs keep the contract, and so do fresh projects, which run and test without another word."""

import json
import os

import pytest
from documents import ROOT

EXAMPLE = ROOT / "target/release/examples/models"
KINDS = {"frame": "frame", "batch": "frame", "av": "video", "producer": "video"}
WITH_RUST = pytest.mark.skipif(
    "TAGGER_EVERY_PROJECT" not in os.environ, reason="builds the Rust SDK anew: `make test-all` does"
)


def assert_conforms(workshop, model):
    came, status = workshop.run(f"tagger test --json {model}")
    report = json.loads(came)
    broken = [finding for finding in report["findings"] if finding["verdict"] == "broken"]
    assert (status, broken) == (0, [])
    assert report["kept"] >= 18, report  # not everything can be judged of a model that opens no file


@pytest.mark.parametrize("model", ["shot", ROOT / "docs/tutorial/light.py"])
def test_our_models_keep_the_contract(model, workshop):
    assert_conforms(workshop, model)


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_the_rust_sdk_keep_the_contract(kind, workshop):
    manifest = f'name = "{kind}"\nkind = "{KINDS[kind]}"\ncommand = ["{EXAMPLE}", "{kind}"]\n'
    workshop.write(f"{kind}/tagger.toml", manifest)
    assert_conforms(workshop, f"./{kind}")


PROCESSOR = """
from common_ml.tagging.models.processor import TagProcessor
from common_ml.tagging.models.tag_types import Tag
from common_ml.tagging.run_helpers import run_default


class Ranges(TagProcessor):
    def process(self, iq, auth, start_time, end_time):
        yield Tag(start_time, end_time, iq, "")


run_default(Ranges)
"""


@pytest.mark.parametrize("language", ["python", "rust"])
def test_processors_of_both_sdks_keep_the_contract(language, workshop):
    command = ["python3", "model.py"] if language == "python" else [str(EXAMPLE), "processor"]
    manifest = f'name = "ranges"\nkind = "processor"\ncommand = {json.dumps(command)}\n'
    workshop.write("ranges/tagger.toml", manifest)
    workshop.write("ranges/model.py", PROCESSOR)
    came, status = workshop.run("ELV_CONTENT=iq__one ELV_TOKEN=a tagger test --json ./ranges")
    report = json.loads(came)
    verdicts = {finding["rule"]: (finding["verdict"], finding["came"]) for finding in report["findings"]}
    assert (status, report["broken"]) == (0, 0), verdicts
    judged = {rule for rule, (verdict, _) in verdicts.items() if verdict == "kept"}
    assert set(verdicts) - judged == {"one-frame", "variable-rate", "audio-only", "unsupported"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_python_project_works(kind, workshop):
    assert_works(workshop, kind, "python", "python -m unittest")


@WITH_RUST
@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_rust_project_works(kind, workshop):
    assert_works(workshop, kind, "rust", "cargo test --release --quiet")


def assert_works(workshop, kind, language, own_tests):
    for command in (
        f"tagger init my-{kind} --kind {kind} --lang {language}",
        f"cd my-{kind} && {own_tests} && cd ..",
    ):
        came, status = workshop.run(command, patience_seconds=1200)
        assert status == 0, came
    came, status = workshop.run(f"tagger run -q -m my-{kind} --format jsonl my-{kind}/clip.mp4")
    assert status == 0, came
    assert {json.loads(line)["tag"] for line in came.splitlines()} <= {"bright", "dark", "short"}
    assert came
    assert_conforms(workshop, f"my-{kind}")
