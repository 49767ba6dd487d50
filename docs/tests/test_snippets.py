"""Runs every snippet of every document: what is shown is what happens.

A document is read from top to bottom in one folder. What a block is for is told by the word behind its fence:

- `console`: lines that begin with `$ ` are run, and print what stands below them; `…` stands for anything.
  Where a block shows commands alone, they have to succeed.
- `python`, `toml`, `csv`: a file, if the first line is a comment that names it, which a later command has to use.
  Python without a name is run; other files need one.
- `json`, `jsonl`: has to be valid.
- `rust`: has to be part of a file that cargo compiles, as code or as an example in its documentation.
- `sh`: what a user does once (make, cd, export, cargo test). Not run, but targets and crates have to exist.
- `text`: no code.
"""

import json
import re
import subprocess

import pytest
from documents import ROOT, Block, blocks, documents
from workshop import Workshop, agrees

SETUP_LINES = re.compile(
    r"""^(?: make (?P<targets>(?:[ ][\w-]+)*) (?:[ ]\w+=\S+)*
      | cargo[ ]test[ ] [^;|&]* -p[ ](?P<crate>[\w-]+)\b [^;|&]*
      | cd[ ]\S+
      | export[ ]\w+=.* )$""",
    re.VERBOSE,
)
COMMAND_FAILED = re.compile(r"\b(?:error|interrupted)\b")


@pytest.mark.parametrize("document", [str(path.relative_to(ROOT)) for path in documents()])
def test_a_document_shows_what_happens(document, workshop):
    path = ROOT / document
    if path.parent == ROOT:
        workshop.has_checkout()
    unused = {}
    for block in blocks(path):
        run = KINDS.get(block.kind)
        assert run, f"{block.place}: a block of kind `{block.kind}`; known are {', '.join(KINDS)}"
        run(block, workshop, unused)
    assert not unused, f"{', '.join(unused.values())}: no later command uses the file"


def console(block: Block, workshop: Workshop, unused: dict) -> None:
    """Runs commands and compares what they print."""
    steps = commands(block)
    any_shown = any(shown for _, _, shown in steps)
    for nth, (line, command, shown) in enumerate(steps):
        for name in [name for name in unused if name.split("/")[0] in command]:
            del unused[name]
        # Everything is built already: only the target's own recipe is run.
        done = re.sub(r"^make demo$", "make --no-print-directory -o build -o sample-media demo", command)
        came, status = workshop.run(done)
        place = f"{block.document.relative_to(ROOT)}:{block.line + line}"
        told = "\n".join(shown)
        failure = f"{place}: $ {command}\n--- shown\n{told}\n--- came (status {status})\n{came}"
        assert not any_shown or agrees(shown, came), failure
        asked_next = nth + 1 < len(steps) and "$?" in steps[nth + 1][1]
        is_told = asked_next or COMMAND_FAILED.search(told)
        assert status == 0 or is_told, f"{failure}\nIt failed, and the document does not tell."


def commands(block: Block) -> "list[tuple[int, str, list[str]]]":
    """The commands of a block: at which of its lines, the command, and what is shown below it."""
    found = []
    open_ended = False
    for number, line in enumerate(block.lines, 1):
        if open_ended:
            found[-1] = (found[-1][0], f"{found[-1][1][:-1]}{line.strip()}", [])
            open_ended = line.endswith("\\")
        elif line.startswith("$ "):
            found.append((number, line[2:], []))
            open_ended = line.endswith("\\")
        else:
            assert found, f"{block.place}: output before the first command"
            found[-1][2].append(line)
    return found


def python(block: Block, workshop: Workshop, unused: dict) -> None:
    """Writes or runs Python, which has to be in order too."""
    check = [f"{ROOT}/.venv/bin/ruff", "check", "--quiet", "--config", str(ROOT / "ruff.toml")]
    for arguments in ([*check, "--ignore", "D100,INP001"], [check[0], "format", "--diff", *check[2:]]):
        told = subprocess.run(
            [*arguments, "--stdin-filename", "snippet.py", "-"],
            input=block.text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, f"{block.place}:\n{told.stdout}{told.stderr}"
    if block.file_name:
        written(block, workshop, unused)
        return
    came, status = workshop.python(block.text)
    assert status == 0, f"{block.place}:\n{came}"


def written(block: Block, workshop: Workshop, unused: dict) -> None:
    """Writes a file that a later command uses."""
    assert block.file_name, f"{block.place}: the first line has to be a comment that names the file"
    workshop.write(block.file_name, block.text)
    unused[block.file_name] = block.place


def valid_json(block: Block, *_: object) -> None:
    """Reads JSON: one value."""
    json.loads(block.text)


def valid_jsonl(block: Block, *_: object) -> None:
    """Reads JSON: a value a line."""
    for line in block.text.splitlines():
        json.loads(line)


def rust(block: Block, *_: object) -> None:
    """Looks for Rust among the files that cargo compiles."""
    for source in sorted((ROOT / "crates").glob("*/**/*.rs")):
        text = source.read_text(encoding="utf-8")
        as_documented = "\n".join(re.sub(r"^\s*//[/!] ?", "", line) for line in text.splitlines())
        if block.text in text or block.text in as_documented:
            return
    pytest.fail(f"{block.place}: no file of the crates holds this, so it may not compile")


def setup(block: Block, *_: object) -> None:
    """Checks what a user does once."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in block.lines:
        command = line.split("  #")[0].strip()
        known = SETUP_LINES.match(command)
        assert known, f"{block.place}: `{command}` would not be run; a `console` block is"
        for target in (known["targets"] or "").split():
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{block.place}: no target `{target}`"
        if known["crate"]:
            named = [f'name = "{known["crate"]}"' in path.read_text() for path in ROOT.glob("crates/*/Cargo.toml")]
            assert any(named), f"{block.place}: no crate `{known['crate']}`"


def nothing(*_: object) -> None:
    """Leaves a block that is no code."""


KINDS = {
    "console": console,
    "python": python,
    "toml": written,
    "csv": written,
    "json": valid_json,
    "jsonl": valid_jsonl,
    "rust": rust,
    "sh": setup,
    "text": nothing,
}


def test_the_tutorial_shows_its_files_whole():
    shown = {block.file_name: block.text for block in blocks(ROOT / "docs/tutorial.md") if block.file_name}
    files = {path.name: path for path in sorted((ROOT / "docs/tutorial").iterdir()) if path.is_file()}
    assert files
    for name, path in files.items():
        assert shown.get(name) == path.read_text(encoding="utf-8"), f"docs/tutorial.md does not show {name} as it is"


@pytest.mark.parametrize(
    ("shown", "came", "same"),
    [
        (["one", "two"], "one\ntwo\n", True),
        (["one"], "one\ntwo\n", False),
        ([], "one\n", False),
        (["…", "two"], "zero\none\ntwo\n", True),
        (["…", "two"], "two\n", True),
        (["o…e"], "orange\n", True),
        (["o…e"], "o\ne\n", False),
        (["3 tags, in 1.2 s"], "3 tags, in 14.0 s\n", True),
    ],
)
def test_what_is_shown_agrees_with_what_came(shown, came, same):
    assert agrees(shown, came) is same


def test_a_failing_snippet_is_noticed(workshop):
    """What checks the documents is checked too: each kind of block can fail."""
    for kind, text in [
        ("console", "$ echo one\ntwo"),
        ("console", "$ false"),
        ("python", "assert False"),
        ("python", "import os"),
        ("toml", "name = 1"),
        ("json", "{"),
        ("jsonl", "{}\n["),
        ("rust", "fn nowhere() {}"),
        ("sh", "make no-such-door"),
        ("sh", "curl example.org"),
    ]:
        block = Block(ROOT / "README.md", 1, kind, text.splitlines())
        with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
            KINDS[kind](block, workshop, {})
