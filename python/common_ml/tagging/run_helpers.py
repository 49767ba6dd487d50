"""From a model to a program that speaks the contract.

A runtime starts the program with `--output-path PATH [--params JSON]` and writes paths of media files to its standard
input, one a line. The program appends its messages to the output file and ends when its input does.
"""

import atexit
import json
import sys
import traceback
from abc import ABC as ABC
from abc import abstractmethod as abstractmethod
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Iterable, TextIO, Type, overload
from typing import Dict as Dict
from typing import Iterator as Iterator
from typing import List as List
from typing import Optional as Optional
from typing import Union as Union

import numpy as np  # noqa: F401 (models import it from here)

from common_ml import _native
from common_ml.tagging import _arguments, _batches, _describe, _kinds, _params, _report, _wire
from common_ml.tagging.file_tagger import AVModel as AVModel
from common_ml.tagging.file_tagger import BatchFrameModel as BatchFrameModel
from common_ml.tagging.file_tagger import FileTagger as FileTagger
from common_ml.tagging.file_tagger import FrameModel as FrameModel
from common_ml.tagging.models.processor import TagProcessor as TagProcessor
from common_ml.tagging.models.tag_types import FrameTag as FrameTag
from common_ml.tagging.producer import Error as Error
from common_ml.tagging.producer import Message as Message
from common_ml.tagging.producer import Progress as Progress
from common_ml.tagging.producer import Tag as Tag
from common_ml.tagging.producer import TagMessageProducer as TagMessageProducer

_DEFAULT_BATCH_TIMEOUT = 0.2
_FRAME_PARAMS = ("fps", "allow_single_frame", "batch_size")


class AbortTaggingException(Exception):  # noqa: N818 (models import it by this name)
    """Ends the program, whatever `continue_on_error` says.

    A model may raise it. The loop raises it for an `Error` that a producer yields and that no exception stands behind.
    """


def run_default(model: Any, batch_timeout: float = _DEFAULT_BATCH_TIMEOUT, batch_limit: Optional[int] = None) -> None:
    """Runs a model of any kind as a program, until standard input ends.

    `model` may be a class: it is then made without arguments, or with the user's parameters if it needs one argument:
    as a dictionary, or checked and typed if the argument's annotation is a dataclass or a pydantic model.
    Of the parameters, `continue_on_error` is honoured for every model; `fps`, `allow_single_frame` and `batch_size` for
    models that look at pictures.

    - `batch_timeout`: seconds to wait for more files of a batch. Up to the default nothing is waited for but lines that
      are written together.
    - `batch_limit`: the most files of a batch. Default: no limit.

    Raises what ends the program, after telling the runtime of it. Without `--output-path` the exit status is 2. With
    `--describe` it prints what the model is, as JSON, and ends the program; a class is not even made then.
    """
    if _arguments.asks_description():
        _describe.answer(model, _kinds.schema_of(model) if isinstance(model, type) else None)
    output_path = _arguments.output_path()
    if output_path is None:
        print("error: --output-path PATH is missing: the file to append messages to", file=sys.stderr)
        raise SystemExit(2)
    try:
        params = get_params()
        if isinstance(model, type):
            model = _kinds.construct(model, params)
        kind = _kinds.kind_of(model)
        in_frames = kind in (FrameModel, BatchFrameModel)
        looped = _loop_params(params, _FRAME_PARAMS if in_frames else ())
        common: Dict[str, Any] = {
            "output_path": output_path,
            "continue_on_error": looped.get("continue_on_error", False),
            "batch_timeout": batch_timeout,
            "batch_limit": batch_limit,
        }
        # What the user does not choose is left to the loop, and there to the model's own attributes.
        frames = {name: looped[name] for name in _FRAME_PARAMS if name in looped}
    except Exception as error:
        _report.report(error, output_path)
        raise
    if kind is TagMessageProducer:
        start_loop_from_producer(producer=model, **common)
    elif kind is FileTagger:
        start_loop_from_producer(producer=TagMessageProducer.from_file_tagger(model), **common)
    elif kind is AVModel:
        start_loop_from_av_model(model=model, **common)
    elif kind is TagProcessor:
        start_loop_from_processor(model=model, **common)
    else:
        start_loop_from_frame_model(model=model, **common, **frames)


def start_loop_from_producer(
    producer: TagMessageProducer,
    output_path: str,
    continue_on_error: bool = False,
    batch_timeout: float = _DEFAULT_BATCH_TIMEOUT,
    batch_limit: Optional[int] = None,
) -> None:
    """Hands batches of paths from `sys.stdin` to `producer` and appends what it yields to `output_path`.

    An error is written once; then it is raised, or with `continue_on_error` the next batch follows. The other arguments
    are those of `run_default`.
    """
    if batch_limit is not None and batch_limit < 1:
        raise ValueError(f"batch_limit is {batch_limit}; at least 1 is expected")
    # The default is met by lines that are written together, without waiting; only who asks for more waits for more.
    gather_seconds = batch_timeout if batch_timeout > _DEFAULT_BATCH_TIMEOUT else _batches.GATHER_SECONDS
    with open(output_path, "a", encoding="utf-8", newline="\n") as fout:
        for files in _batches.batches(_batches.open_lines(sys.stdin), gather_seconds, batch_limit):
            for file in files:
                _say(file)
            try:
                with _told(fout):
                    _write_all(producer.produce(files), fout, continue_on_error)
            except AbortTaggingException:
                raise
            except Exception:
                if not continue_on_error:
                    raise
                traceback.print_exc()
        with _told(fout):
            _write_all(producer.on_completion(), fout, continue_on_error)


def start_loop_from_av_model(
    model: AVModel,
    output_path: str,
    continue_on_error: bool = False,
    batch_timeout: float = _DEFAULT_BATCH_TIMEOUT,
    batch_limit: Optional[int] = None,
) -> None:
    """Runs a model that looks at whole files; see `start_loop_from_producer`."""
    start_loop_from_producer(
        producer=TagMessageProducer.from_model(model),
        output_path=output_path,
        continue_on_error=continue_on_error,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
    )


def start_loop_from_processor(
    model: TagProcessor,
    output_path: str,
    continue_on_error: bool = False,
    batch_timeout: float = 1,
    batch_limit: Optional[int] = None,
) -> None:
    """Runs a model of time ranges; see `start_loop_from_producer`. Waits longer, so that more ranges can be joined."""
    start_loop_from_producer(
        producer=TagMessageProducer.from_tag_processor(model),
        output_path=output_path,
        continue_on_error=continue_on_error,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
    )


def start_loop_from_frame_model(
    model: Union[FrameModel, BatchFrameModel],
    output_path: str,
    continue_on_error: bool = False,
    batch_timeout: float = _DEFAULT_BATCH_TIMEOUT,
    fps: float = 1,
    allow_single_frame: bool = True,
    batch_limit: Optional[int] = None,
    batch_size: Optional[int] = None,
) -> None:
    """Runs a model that looks at pictures; see `start_loop_from_producer` and `FileTagger.from_frame_model`."""
    start_loop_from_producer(
        producer=TagMessageProducer.from_model(model, fps, allow_single_frame, batch_size),
        output_path=output_path,
        continue_on_error=continue_on_error,
        batch_timeout=batch_timeout,
        batch_limit=batch_limit,
    )


@overload
def get_params() -> Dict[str, Any]: ...
@overload
def get_params(schema: Type[_params.S]) -> _params.S: ...
def get_params(schema: Any = None) -> Any:
    """What the user chose with `--params`: as given (`{}` without the option), or checked against `schema`.

    - `schema`: a dataclass or a pydantic model, of which a validated instance is returned. Its types, defaults, ranges
      and choices hold; nothing is converted but whole numbers to `float`, values to their `Enum`, and lists to tuples
      and sets. Of the loop's parameters it gets those that it names itself. With `--describe` the program prints what
      may be chosen, as JSON, and ends here.

    Raises `ValueError` for what is not one JSON object, and for parameters that the schema refuses: all that is wrong
    with them, in one message. The runtime is told of it.
    """
    if schema is None:
        try:
            return _arguments.params()
        except ValueError as error:
            _report.report(error, _arguments.output_path())
            raise
    if not _params.is_schema(schema):
        raise TypeError(f"get_params takes a dataclass or a pydantic model, the class itself, and not {schema!r}")
    if _arguments.asks_description():
        models = _kinds.models_in(sys.modules["__main__"])
        _describe.answer(models[0] if len(models) == 1 else None, schema)
    try:
        return _params.validated(schema, _arguments.params())
    except Exception as error:
        _report.report(error, _arguments.output_path())
        raise


def catch_errors() -> None:
    """From now on, tells the runtime of any exception that ends the program.

    Call it first, so that the user sees what goes wrong while the model is set up.
    """
    output_path = _arguments.output_path()
    previous = sys.excepthook

    def tell(kind: Type[BaseException], exception: BaseException, trace: Optional[TracebackType]) -> None:
        _report.report(exception, output_path)
        previous(kind, exception, trace)

    def tell_late() -> None:
        # A library may have put a hook of its own in place of ours; the interpreter keeps what ended it all the same.
        exception = getattr(sys, "last_value", None)
        if exception is not None:
            _report.report(exception, output_path)

    sys.excepthook = tell
    atexit.register(tell_late)


def write_message(msg: Message, fout: TextIO) -> None:
    """Appends one message as a line to an open text file, visible to a reader at once.

    Raises `ValueError` that names the field if the contract cannot carry the message.
    """
    fout.write(_wire.encode(msg) + "\n")
    fout.flush()


def _loop_params(params: Dict[str, Any], for_frames: Iterable[str]) -> Dict[str, Any]:
    """The loop's parameters among what the user chose, checked. 0 and 1 do for false and true."""
    chosen = {name: params[name] for name in ("continue_on_error", *for_frames) if name in params}
    for name in ("continue_on_error", "allow_single_frame"):
        if chosen.get(name) in (0, 1):
            chosen[name] = bool(chosen[name])
    faults, _ = _native.check_params(_native.schema_with_loop("{}", True), json.dumps(chosen, allow_nan=False))
    if faults:
        raise _params.InvalidParams("; ".join(text for _, text in faults))
    return chosen


@contextmanager
def _told(fout: TextIO) -> Iterator[None]:
    """Writes whatever is raised inside, unless the runtime knows of it, and lets it pass."""
    try:
        yield
    except Exception as error:
        if not _report.is_told(error):
            write_message(Error.of(error), fout)
            _report.mark(error)
        raise


def _say(file: str) -> None:
    try:
        print(f"Got {file}", flush=True)
    except UnicodeEncodeError:  # a name that standard output has no characters for
        print(f"Got {file!a}", flush=True)


def _write_all(messages: Optional[Iterable[Message]], fout: TextIO, continue_on_error: bool) -> None:
    """Writes messages as they come. One that cannot be written is raised where it was yielded."""
    iterator: Any = iter(messages if messages is not None else ())
    refused: Optional[_wire.InvalidMessage] = None
    while True:
        try:
            message = next(iterator) if refused is None else iterator.throw(refused)
        except StopIteration:
            return
        refused = None
        try:
            write_message(message, fout)
        except _wire.InvalidMessage as error:
            if not hasattr(iterator, "throw"):
                raise
            refused = error
        else:
            if isinstance(message, Error):
                _after_error(message, continue_on_error)


def _after_error(message: Error, continue_on_error: bool) -> None:
    cause = message.exception
    if not continue_on_error or isinstance(cause, AbortTaggingException):
        error = cause or AbortTaggingException(message.message)
        _report.mark(error)
        raise error
    if cause is None:
        print(f"error: {message.message}", file=sys.stderr)
    else:
        traceback.print_exception(type(cause), cause, cause.__traceback__)
