"""The names, signatures and defaults that existing code is written against."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import common_ml
from common_ml import _native

SURFACE = {
    "common_ml.tagging.messages": [
        "Message",
        "FrameInfo(frame_idx, box=None)",
        "Tag(start_time, end_time, tag, source_media, track='', additional_info=None, frame_info=None)",
        "Progress(source_media)",
        "ProgressRatio(progress)",
        "Error(message, source_media=None)",
    ],
    "common_ml.tagging.models.tag_types": ["FrameTag(tag, box=None, additional_info=None)", "Tag", "FrameInfo"],
    "common_ml.tagging.models.frame_based": [
        "FrameModel.tag_frame(self, img)",
        "BatchFrameModel.tag_frames(self, imgs)",
        "BatchFrameModel.from_frame_model(model)",
    ],
    "common_ml.tagging.models.av": [
        "AVModel.tag(self, fpath)",
        "AVModel.from_frame_model(frame_model, fps, allow_single_frame)",
    ],
    "common_ml.tagging.models.processor": [
        "TagProcessor.process(self, iq, auth, start_time, end_time)",
        "TagProcessor.preflight(self, iq, auth)",
        "TagProcessor.on_completion(self)",
        "TagProcessor.outputs_in_order(self)",
    ],
    "common_ml.tagging.file_tagger": [
        "FileTagger.tag(self, file)",
        "FileTagger.from_video_model(model)",
        "FileTagger.from_frame_model(model, fps=1.0, allow_single_frame=False, *)",
    ],
    "common_ml.tagging.producer": [
        "TagMessageProducer.produce(self, files)",
        "TagMessageProducer.on_completion(self)",
        "TagMessageProducer.from_file_tagger(t)",
        "TagMessageProducer.from_tag_processor(p)",
        "TagMessageProducer.from_model(model, fps=1.0, allow_single_frame=True, *)",
    ],
    "common_ml.tagging.run_helpers": [
        "run_default(model, batch_timeout=0.2, batch_limit=None)",
        "catch_errors()",
        "get_params(*)",
        "write_message(msg, fout)",
        "AbortTaggingException",
        "start_loop_from_producer(producer, output_path, continue_on_error=False, batch_timeout=0.2, batch_limit=None)",
        "start_loop_from_av_model(model, output_path, continue_on_error=False, batch_timeout=0.2, batch_limit=None)",
        "start_loop_from_processor(model, output_path, continue_on_error=False, batch_timeout=1, batch_limit=None)",
        "start_loop_from_frame_model(model, output_path, continue_on_error=False, batch_timeout=0.2, fps=1, "
        "allow_single_frame=True, batch_limit=None, *)",
    ],
    "common_ml.video_processing": [
        "get_frames(video_file, fps, *)",
        "get_key_frames(video_file, *)",
        "get_fps(video_file)",
        "get_duration(video_file)",
        "unfrag_video(video_file, output_file)",
    ],
    "common_ml.utils.files": ["get_file_type(path)", "encode_path", "decode_path"],
    "common_ml.utils.audio": [
        "AudioStitcher.probe(files, expect_same_length=True)",
        "AudioStitcher.stitch(self, start_time, end_time)",
        "AudioPart(path, duration, start_offset)",
        "AudioPart.end_offset",
    ],
    "common_ml.utils": ["nested_update", "get_file_type"],
    "common_ml.utils.dictionary": ["nested_update", "dict_to_str"],
    "common_ml.utils.metrics": ["timeit"],
    "common_ml.types": ["Data.from_dict", "Data.to_dict"],
}

COME_ALONG = {
    "common_ml.tagging.models.frame_based": "List np ABC abstractmethod FrameTag",
    "common_ml.tagging.models.av": "List Dict",
    "common_ml.tagging.models.processor": "Iterator Optional",
    "common_ml.tagging.file_tagger": "FrameModel BatchFrameModel AVModel Tag List Union np",
    "common_ml.tagging.producer": "Iterator Union List Tag Progress Error Message FileTagger",
    "common_ml.tagging.run_helpers": "FrameModel BatchFrameModel AVModel Tag List Union np ABC abstractmethod FrameTag "
    "Dict Iterator Progress Error Message FileTagger Optional TagMessageProducer TagProcessor",
}


@pytest.mark.parametrize(("module", "entry"), [(module, entry) for module in SURFACE for entry in SURFACE[module]])
def test_a_name_has_its_signature_and_defaults(module, entry):
    path, _, wanted = entry.partition("(")
    thing = importlib.import_module(module)
    for name in path.split("."):
        thing = getattr(thing, name)
    if not wanted:
        return
    parameters = inspect.signature(thing).parameters.values()
    shown = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters]
    if wanted.endswith("*)"):  # further optional parameters of ours
        expected = [part for part in wanted[:-2].split(", ") if part]
        assert all(p.default is not p.empty for p in list(parameters)[len(expected) :])
        shown = shown[: len(expected)]
    else:
        expected = [part for part in wanted[:-1].split(", ") if part]
    assert shown == expected


@pytest.mark.parametrize("module", COME_ALONG)
def test_a_star_import_brings_what_models_expect(module):
    names = {}
    exec(f"from {module} import *", names)
    assert [name for name in COME_ALONG[module].split() if name not in names] == []
    assert not hasattr(importlib.import_module(module), "__all__")


@pytest.mark.parametrize("module", ["common_ml.model", "common_ml.tags", "common_ml.tag_formatting"])
def test_modules_of_the_oldest_releases_name_what_took_their_place(module):
    with pytest.raises(ImportError, match=f"^{module} is no more: .*; see docs/migrating.md$") as caught:
        importlib.import_module(module)
    assert caught.value.name == module
    for home in re.findall(r"common_ml\.tagging[\w.]+", str(caught.value)):
        importlib.import_module(home)
    assert (Path(__file__).parents[2] / "docs/migrating.md").exists()


def test_importing_is_light_and_starts_no_thread():
    modules = [*SURFACE, "common_ml.runner"]
    heavy = ["dacite", "loguru", "yaml", "cv2", "av", "PIL", "marshmallow", "pydantic"]
    program = (
        f"import json, sys, os, {', '.join(modules)}\n"
        f"print(json.dumps([[name for name in {heavy} if name in sys.modules], len(os.listdir('/proc/self/task'))]))"
    )
    # numpy's own library may start threads; they are not ours.
    one_thread = {"OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=one_thread)
    assert json.loads(told.stdout) == [[], 1]


@pytest.mark.skipif(sys.version_info < (3, 9), reason="older interpreters hide the signatures of native classes")
def test_the_stub_says_what_the_native_module_has():
    folder = Path(common_ml.__file__).parent
    assert (folder / "py.typed").exists()
    stub = ast.parse((folder / "_native.pyi").read_text())
    described = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    present = {name for name in vars(_native) if not name.startswith("__")}
    assert set(described) == present
    for name, node in described.items():
        thing = getattr(_native, name)
        if isinstance(node, ast.FunctionDef):
            assert positional(node) == list(inspect.signature(thing).parameters)
            continue
        methods = {method.name: method for method in node.body if isinstance(method, ast.FunctionDef)}
        assert {m for m in methods if m != "__new__"} == {
            m for m in vars(thing) if not m.startswith("__") or m in ("__iter__", "__next__")
        }
        for method_name, method in methods.items():
            member = thing if method_name == "__new__" else getattr(thing, method_name)
            if callable(member) and method_name not in ("__iter__", "__next__"):
                assert positional(method)[method_name == "__new__" :] == list(inspect.signature(member).parameters)


def positional(node):
    return [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
