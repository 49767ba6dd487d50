"""Fails on every file whose name begins with `bad`, in the way that the first parameter tells."""

import sys

from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.run_helpers import AbortTaggingException, catch_errors, get_params, run_default

how = get_params().get("how")


class Model(AVModel):
    def tag(self, fpath):
        yield Tag(0, 1, "before", fpath)
        if fpath.startswith("bad"):
            if how == "raises":
                raise RuntimeError(f"cannot read {fpath}")
            if how == "aborts":
                raise AbortTaggingException("nothing will work any more")
            yield {"not a tag": Tag(0, 1, 2, fpath), "nan": Tag(0, 1, "t", fpath, "", {"score": float("nan")})}[how]
        yield Tag(1, 2, "after", fpath)


class Producer(TagMessageProducer):
    def produce(self, files):
        for file in files:
            if file.startswith("bad"):
                if how == "producer raises":
                    raise RuntimeError(f"cannot read {file}")
                yield Error("out of memory", file)
            yield Progress(file)

    def on_completion(self):
        if how == "completion raises":
            raise RuntimeError("cannot sum up")
        return [Error("a part of the sum is missing")] if how == "completion yields" else []


if get_params().get("catch"):
    catch_errors()
    # Some libraries put a hook of their own in place of the one that is there.
    sys.excepthook = sys.__excepthook__
if how == "setup raises":
    raise RuntimeError("no weights")
run_default(Producer() if how.startswith(("producer", "completion")) else Model())
