"""Keeps the documents level with the code: what is generated, and what can be compared."""

import json
import re
import sys

import pytest
import tomllib
from documents import ROOT, blocks

sys.path.insert(0, str(ROOT / "docs"))

import generate

SCRIPT = """#!/bin/sh
while [ "$1" != --output-path ]; do shift; done
cat messages.jsonl >>"$2"
cat >/dev/null
"""


def test_what_is_generated_is_up_to_date():
    stale = [
        str(page.relative_to(ROOT))
        for page, text in generate.pages().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "`make docs` writes them anew"


def table_names(document, heading):
    """The names in code spans of the first column of the table under a heading."""
    text = (ROOT / document).read_text(encoding="utf-8").split(f"\n{heading}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def manifests():
    for path in [ROOT / "Cargo.toml", *sorted(ROOT.glob("crates/*/Cargo.toml")), ROOT / "python/Cargo.toml"]:
        yield path, tomllib.loads(path.read_text(encoding="utf-8"))


def test_every_dependency_has_its_reason():
    names = set()
    fuzz = tomllib.loads((ROOT / "fuzz/Cargo.toml").read_text(encoding="utf-8"))
    for manifest in [*(manifest for _, manifest in manifests()), fuzz]:
        tables = [manifest.get(kind, {}) for kind in ("dependencies", "dev-dependencies", "build-dependencies")]
        tables.append(manifest.get("workspace", {}).get("dependencies", {}))
        names.update(name for table in tables for name in table)
    names -= {manifest["package"]["name"] for _, manifest in manifests() if "package" in manifest}
    package = tomllib.loads((ROOT / "python/pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*package["project"]["dependencies"], *package["build-system"]["requires"]]
    wanted += [name for extra in package["project"].get("optional-dependencies", {}).values() for name in extra]
    wanted += (ROOT / "python/requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    names.update(re.match(r"[\w-]+", line)[0] for line in wanted if line and not line.startswith(("#", "-")))
    assert table_names("ARCHITECTURE.md", "## Dependencies") == names


def test_every_crate_is_in_the_table():
    crates = {manifest["package"]["name"] for _, manifest in manifests() if "package" in manifest}
    folders = {str(path.parent.relative_to(ROOT)) for path, manifest in manifests() if "package" in manifest}
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w/-]+)` \|", text, re.MULTILINE)
    assert {name for name, _ in rows} == crates
    assert {folder for _, folder in rows} == folders


def test_the_readme_names_the_packages_that_are_installed():
    script = (ROOT / "scripts/system-packages.sh").read_text(encoding="utf-8")
    packages = set(re.search(r"^packages=\(([^)]*)\)", script, re.MULTILINE)[1].split())
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Two commands")[1].split("## ")[0]
    assert packages <= set(re.findall(r"`([\w-]+)`", text))


def test_every_field_of_the_manifest_is_explained(workshop):
    workshop.write("x/tagger.toml", 'name = "x"\nkind = "frame"\ncommand = ["x"]\nno-such-field = 1\n')
    told, _ = workshop.run("tagger inspect x/")
    fields = set(re.findall(r"`([\w-]+)`", told.split("expected one of")[1]))
    assert table_names("docs/manifest.md", "## Fields") == fields
    workshop.write("x/tagger.toml", 'name = "x"\nkind = "no-such-kind"\ncommand = ["x"]\n')
    told, _ = workshop.run("tagger inspect x/")
    kinds = set(re.findall(r"`([\w-]+)`", told.split("expected one of")[1]))
    assert table_names("docs/manifest.md", "## Kinds") == kinds


@pytest.mark.parametrize("nth", [0, 1])
def test_the_messages_of_the_contract_are_understood(nth, workshop):
    shown = [block for block in blocks(ROOT / "docs/contract.md") if block.kind == "jsonl"][nth]
    workshop.write("talk/tagger.toml", 'name = "talk"\nkind = "video"\ncommand = ["./talk.sh"]\n')
    workshop.write("talk/talk.sh", SCRIPT)
    workshop.write("talk/messages.jsonl", shown.text)
    came, status = workshop.run("chmod +x talk/talk.sh; tagger run -q -m talk/ --format jsonl clip.mp4")
    messages = [json.loads(line) for line in shown.lines]
    assert "warning" not in came
    errors = [message["data"]["message"] for message in messages if message["type"] == "error"]
    assert (status, all(error in came for error in errors)) == (int(bool(errors)), True)
    rows = [json.loads(line) for line in came.splitlines() if line.startswith("{")]
    tags = [message["data"] for message in messages if message["type"] == "tag"]
    assert [(row["start_time"], row["tag"], row["additional_info"]) for row in rows] == [
        (tag["start_time"], tag["tag"], tag.get("additional_info")) for tag in tags
    ]
