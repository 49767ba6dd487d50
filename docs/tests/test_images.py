"""Fresh projects become images, and find in their containers what they find outside.

`make test-all` makes the wheel and the base image that they stand on, and runs this.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from documents import ROOT

pytestmark = pytest.mark.skipif(
    "TAGGER_EVERY_IMAGE" not in os.environ, reason="builds FFmpeg and a base image: `make test-all` does"
)
PROJECTS = [("python", kind) for kind in ("frame", "batch", "av", "producer")] + [("rust", "frame")]


def what_is_said(workshop, command):
    """What a command that succeeds says."""
    came, status = workshop.run(f"{command} 2>problems", patience_seconds=600)
    assert status == 0, (command, came, (workshop.folder / "problems").read_text())
    return came


@pytest.fixture(scope="module")
def docker():
    """The address of a Docker Engine of these tests' own, with the base image in it."""
    if shutil.which("dockerd") is None and os.environ.get("CI") == "true":
        pytest.fail("dockerd is missing: `scripts/system-packages.sh containers` installs it")
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.skip("there is no dockerd, or only root could start it")
    # Below it are sockets, whose paths have to be short.
    folder = tempfile.mkdtemp()
    address = f"unix://{folder}/socket"
    command = ["dockerd", "--host", address, "--pidfile", f"{folder}/pid", "--exec-opt", "native.cgroupdriver=cgroupfs"]
    command += ["--data-root", f"{folder}/root", "--exec-root", f"{folder}/exec"]
    command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    with open(f"{folder}/log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log) as daemon:
        try:
            until = time.monotonic() + 60
            while not os.path.exists(f"{folder}/socket"):
                is_well = daemon.poll() is None and time.monotonic() < until
                assert is_well, Path(f"{folder}/log").read_text()
                time.sleep(0.01)
            environment = {**os.environ, "TAGGER_ENGINE": f"docker --host {address}"}
            subprocess.run([sys.executable, ROOT / "scripts/base_image.py"], env=environment, check=True)
            yield address
        finally:
            daemon.terminate()
            daemon.wait()
            subprocess.run(["umount", "--lazy", f"{folder}/root"], check=False, stderr=subprocess.DEVNULL)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("language", "kind"), PROJECTS)
def test_a_fresh_project_is_the_same_model_in_its_image(language, kind, workshop):
    try:
        is_the_same_model_in_its_image(workshop, language, kind)
    finally:
        workshop.run(f"podman image rm --force localhost/tagger-test-{language}-{kind}:1")


@pytest.mark.parametrize(("language", "kind"), [("python", "frame"), ("rust", "frame")])
def test_it_is_on_docker_too(language, kind, workshop, docker):
    is_the_same_model_in_its_image(workshop, language, kind, f"export CONTAINER_HOST={docker};")


def is_the_same_model_in_its_image(workshop, language, kind, before=""):
    def said(command):
        return what_is_said(workshop, f"{before} {command}")

    image = f"localhost/tagger-test-{language}-{kind}:1"
    said(f"tagger init light --kind {kind} --lang {language}")
    build = f"tagger build light -t {image} --wheels {ROOT}/target/wheels --json"
    built = json.loads(said(build))
    assert json.loads(said(build)) == built, "the same files are the same image"
    read = json.loads(said(f"tagger inspect oci:{image} --json"))
    assert (read["id"], read["manifest"]["name"]) == (built["id"], "light")
    assert read["parameters"]["type"] == "object"
    assert read["user"] == "65534:65534"
    report = json.loads(said(f"tagger test oci:{image} --json"))
    assert report["kept"] >= 20, report
    tags = [said(f"tagger run -m {model} --format jsonl clip.mp4") for model in ("./light", f"oci:{image}")]
    assert tags[0] == tags[1] != ""
