"""The most general kind of model: batches of files in, messages out."""

from abc import ABC, abstractmethod
from typing import Iterator, List, Optional, Union, cast

from common_ml.tagging import _frames, _ranges, _returned
from common_ml.tagging.file_tagger import AVModel, FileTagger
from common_ml.tagging.messages import Error as Error
from common_ml.tagging.messages import Message as Message
from common_ml.tagging.messages import Progress as Progress
from common_ml.tagging.messages import Tag as Tag
from common_ml.tagging.models.processor import TagProcessor


class TagMessageProducer(ABC):
    """A model that gets batches of files and writes its own messages.

    Files whose lines arrive together form one batch. A file counts as finished once its `Progress` is written.
    """

    @abstractmethod
    def produce(self, files: List[str]) -> Iterator[Message]:
        """Works through a batch; each message is written as it is yielded.

        Whatever is raised, and an `Error` that is yielded, ends the program, or the batch if the user chose
        `continue_on_error`.
        """

    def on_completion(self) -> Iterator[Message]:
        """Runs once, after the last file; what it yields is written. Default: nothing."""
        return iter(())

    @staticmethod
    def from_file_tagger(t: FileTagger) -> "TagMessageProducer":
        """Each file's tags, then its progress; for a file that fails, an error that names it."""
        return _FileByFile(t)

    @staticmethod
    def from_model(
        model: Union[_frames.AnyFrameModel, AVModel],
        fps: float = 1.0,
        allow_single_frame: bool = True,
        batch_size: Optional[int] = None,
    ) -> "TagMessageProducer":
        """File by file, with a model for pictures or for whole files.

        The other arguments are for models of pictures; see `FileTagger.from_frame_model`.
        """
        # What derives from nothing is told by its methods.
        looks_at_pictures = hasattr(model, "tag_frame") or hasattr(model, "tag_frames")
        if isinstance(model, AVModel) or not looks_at_pictures:
            return _FileByFile(FileTagger.from_video_model(cast(AVModel, model)))
        return _FileByFile(FileTagger.from_frame_model(model, fps, allow_single_frame, batch_size))

    @staticmethod
    def from_tag_processor(p: TagProcessor) -> "TagMessageProducer":
        """Files that name time ranges, joined where they touch, with a model that fetches its own media."""
        return _RangeByRange(p)


class _FileByFile(TagMessageProducer):
    def __init__(self, tagger: FileTagger):
        self._tagger = tagger

    def produce(self, files: List[str]) -> Iterator[Message]:
        for file in files:
            try:
                # Not `yield from`: the loop raises here what it cannot write, as the fault of this file.
                for tag in _returned.stream_tags(self._tagger, file):  # noqa: UP028
                    yield tag
            except Exception as error:
                yield Error.of(error, file)
            else:
                yield Progress(file)


class _RangeByRange(TagMessageProducer):
    def __init__(self, processor: TagProcessor):
        self._work = _ranges.RangeWork(processor)

    def produce(self, files: List[str]) -> Iterator[Message]:
        return self._work.batch(files)

    def on_completion(self) -> Iterator[Message]:
        return self._work.completion()
