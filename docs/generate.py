"""Writes what in these documents comes from the code: the reference pages and the picture. `make docs` runs it."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Tuple, Union

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
TAGGER = ROOT / "target/release/tagger"
sys.path.insert(0, str(DOCS))

import timeline  # noqa: E402 (it lies beside this file)

GENERATED = "<!-- Generated from the code by docs/generate.py; `make docs` writes it anew. -->\n"
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


def pages() -> Dict[Path, str]:
    """Everything that is generated, by the file it belongs into."""
    return {
        DOCS / "reference/cli.md": command_line(),
        DOCS / "reference/python.md": python_package(),
        DOCS / "timeline.svg": picture(),
    }


# --- the command line


def command_line() -> str:
    """The page of the command line: what each command says with `--help`."""
    parts = [
        GENERATED,
        "# Command line\n",
        "What each command says with `--help`. Results go to standard output, everything else to standard error.",
        "Exit statuses and messages are explained in [errors](../errors.md).\n",
    ]
    for command in [[], *commands([])]:
        parts.append(f"## {' '.join(['tagger', *command])}\n\n```text\n{help_of(command)}\n```\n")
    return "\n".join(parts)


def commands(above: List[str]) -> Iterator[List[str]]:
    """The commands below a command, each followed by its own."""
    listed = re.search(r"^Commands:\n((?: .*\n)+)", help_of(above), re.MULTILINE)
    for line in listed[1].splitlines() if listed else []:
        name = line.split()[0]
        if name != "help":
            yield [*above, name]
            yield from commands([*above, name])


def help_of(command: List[str]) -> str:
    """What a command says of itself, folded to 100 columns whatever the terminal."""
    environment = {**os.environ, "COLUMNS": "100"}
    environment.pop("TAGGER_PYTHON", None)  # help shows its value
    told = subprocess.run(
        [TAGGER, *command, "--help"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in told.stdout.strip().splitlines())


# --- the Python package


def python_package() -> str:
    """The page of the Python package: public modules, their names, signatures and docstrings.

    Read from the sources, so that it is the same whatever version of Python shows the signatures.
    """
    parts = [
        GENERATED,
        "# Python package\n",
        "Every public module of `common_ml`, its names and what they promise. The [guide](../python.md) tells how they",
        "are used.\n",
    ]
    package = ROOT / "python/common_ml"
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        if any(piece.startswith("_") for piece in name.split(".")):
            continue
        parts += module(name, ast.parse(path.read_text(encoding="utf-8")))
    return "\n".join(parts)


def module(name: str, tree: ast.Module) -> Iterator[str]:
    """A public module."""
    yield f"## {name}\n"
    if ast.get_docstring(tree):
        yield f"{ast.get_docstring(tree)}\n"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(node.name):
            yield from entry("###", signature(node.name, node), node)
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from class_(node)
        elif isinstance(node, ast.Assign) and is_public(ast.unparse(node.targets[0])) and not calls(node.value):
            yield f"### `{ast.unparse(node)}`\n"
    handed_on = sorted({alias for alias, source in imports(tree) if source.startswith("common_ml")})
    if handed_on:
        yield f"Importable from here too: {', '.join(f'`{alias}`' for alias in handed_on)}.\n"


def class_(node: ast.ClassDef) -> Iterator[str]:
    """A public class: how it is made, and its public methods."""
    methods = [item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))]
    made = next((method for method in methods if method.name == "__init__"), None)
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item)]
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        heading = f"{node.name}({', '.join(ast.unparse(field) for field in fields)})"
    else:
        heading = signature(node.name, made, drop_return=True) if made else node.name
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield from entry("###", f"class {heading}", node, f"Derives from `{bases}`." if bases and bases != "ABC" else "")
    for method in methods:
        if is_public(method.name):
            yield from entry("####", signature(f"{node.name}.{method.name}", method), method)


def entry(marks: str, heading: str, node: Union[ast.ClassDef, Function], more: str = "") -> Iterator[str]:
    """A name with its docstring."""
    yield f"{marks} `{heading}`\n"
    for text in (more, ast.get_docstring(node)):
        if text:
            yield f"{text}\n"


def signature(name: str, function: Function, drop_return: bool = False) -> str:
    """How a function is called, without `self`."""
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    if "property" in decorators and function.returns is not None:
        return f"{name}: {ast.unparse(unquoted(function.returns))}"
    arguments = ast.unparse(Unquoted().visit(function.args))
    if "staticmethod" not in decorators:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    if drop_return or function.returns is None:
        return f"{name}({arguments})"
    return f"{name}({arguments}) -> {ast.unparse(unquoted(function.returns))}"


class Unquoted(ast.NodeTransformer):
    """Takes annotations out of their quotes."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Does so for one argument."""
        return ast.arg(node.arg, node.annotation and unquoted(node.annotation))


def unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation without the quotes that a name not defined yet needs."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def imports(tree: ast.Module) -> Iterator[Tuple[str, str]]:
    """Names that a module hands on (`from x import y as y`), with where they come from."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.asname == alias.name:
                    yield alias.name, node.module or ""


def calls(value: ast.expr) -> bool:
    """Whether a value is made by a call: a logger, a type variable; nothing to rely on."""
    return isinstance(value, ast.Call)


def is_public(name: str) -> bool:
    """Whether users may rely on a name."""
    return not name.startswith("_")


# --- the picture


def picture() -> str:
    """The demo's tags over time."""
    clips = Path(os.environ.get("TAGGER_SAMPLE_MEDIA", ROOT / "target/sample-media"))
    models = ["-m", "shot", "-m", DOCS / "tutorial/light.py"]
    told = subprocess.run(
        [TAGGER, "run", "--quiet", "--python", ROOT / ".venv/bin/python", "--format", "jsonl", *models, "bikes.mp4"],
        cwd=clips,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return timeline.draw([json.loads(line) for line in told.stdout.splitlines()])


if __name__ == "__main__":
    for page, text in pages().items():
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")
