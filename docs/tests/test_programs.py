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
