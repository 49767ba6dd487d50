import ast
import importlib.util
import os
import sys

LOOP_NAMES = {"run_default", "__main__", "stdin", "--output-path"}


def holds_a_loop(tree):
    """Whether the file reads its input itself, or calls something that does."""
    for node in ast.walk(tree):
        for word in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "value", None)):
            if isinstance(word, str) and (word in LOOP_NAMES or word.startswith("start_loop_from_")):
                return True
    return False


def is_only_a_class(source):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False  # started as a program, Python itself says what is wrong and where
    return any(isinstance(node, ast.ClassDef) and node.bases for node in tree.body) and not holds_a_loop(tree)


def knows_descriptions():
    """Whether the SDK that is installed here does. An older one would start the model instead."""
    try:
        return importlib.util.find_spec("common_ml.tagging._describe") is not None
    except ImportError:
        return False


path, arguments = sys.argv[1], sys.argv[2:]
with open(path, "rb") as file:
    source = file.read()
if arguments == ["--describe"] and b"--describe" not in source and not knows_descriptions():
    sys.exit("error: there is nobody here who could answer --describe")
if arguments == ["--show-start"]:
    print(*(["-u", "-m", "common_ml.runner"] if is_only_a_class(source) else ["-u"]))
    sys.exit()
command = [sys.executable, "-u", path]
if is_only_a_class(source):
    if importlib.util.find_spec("common_ml") is None:
        sys.exit(
            "error: the Python package `common_ml` is not installed for " + sys.executable + "\n"
            "hint: name another interpreter with --python or TAGGER_PYTHON, or install it for this one: "
            "`pip install -r requirements.txt` in a project of `tagger init`, `pip install ./python` in Tagger's checkout"
        )
    command = [sys.executable, "-u", "-m", "common_ml.runner", path]
os.execv(sys.executable, command + arguments)
