"""Fresh projects become images, and find in their containers what they find outside.

`make test-all` makes the wheel and the base image that they stand on, and runs this.
"""

import json
import os

import pytest
from documents import ROOT

pytestmark = pytest.mark.skipif(
    "TAGGER_EVERY_IMAGE" not in os.environ, reason="builds FFmpeg and a base image: `make test-all` does"
)
PROJECTS = [("python", kind) for kind in ("frame", "batch", "av", "producer")] + [("rust", "frame")]


def said(workshop, command):
    """What a command that succeeds says."""
    came, status = workshop.run(f"{command} 2>problems", patience_seconds=600)
    assert status == 0, (command, came, (workshop.folder / "problems").read_text())
    return came


@pytest.mark.parametrize(("language", "kind"), PROJECTS)
def test_a_fresh_project_is_the_same_model_in_its_image(language, kind, workshop):
    image = f"localhost/tagger-test-{language}-{kind}:1"
    said(workshop, f"tagger init light --kind {kind} --lang {language}")
    build = f"tagger build light -t {image} --wheels {ROOT}/target/wheels --json"
    try:
        built = json.loads(said(workshop, build))
        assert json.loads(said(workshop, build)) == built, "the same files are the same image"
        read = json.loads(said(workshop, f"tagger inspect oci:{image} --json"))
        assert (read["id"], read["manifest"]["name"]) == (built["id"], "light")
        assert read["parameters"]["type"] == "object"
        report = json.loads(said(workshop, f"tagger test oci:{image} --json"))
        assert report["kept"] >= 20, report
        tags = [
            said(workshop, f"tagger run -m {model} --format jsonl clip.mp4") for model in ("./light", f"oci:{image}")
        ]
        assert tags[0] == tags[1] != ""
    finally:
        workshop.run(f"podman image rm --force {image}")
