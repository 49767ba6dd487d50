"""What the runtime and the user get to know when something goes wrong."""

import pytest

FILES = ["good.mp4", "bad.mp4", "other.mp4"]


def errors(ended):
    return [(error["message"], error["source_media"]) for error in ended.of("error")]


def finished(ended):
    return [progress["source_media"] for progress in ended.of("progress")]


def tags(ended):
    return [(tag["tag"], tag["source_media"]) for tag in ended.of("tag")]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raises", "RuntimeError: cannot read bad.mp4"),
        (
            "not a tag",
            "InvalidMessage: tag 2 (int) of `bad.mp4`: the text is 2 (int); a string is expected",
        ),
        (
            "nan",
            "InvalidMessage: tag `t` of `bad.mp4`: additional_info.score is nan, which JSON cannot hold",
        ),
    ],
)
@pytest.mark.parametrize("catch", [False, True])
def test_a_failing_file_ends_the_program_with_one_error_that_names_it(run, how, message, catch):
    ended = run("programs/failing.py", FILES, params={"how": how, "catch": catch})
    assert ended.status == 1
    assert ended.messages[-1]["type"] == "error"
    assert errors(ended) == [(message, "bad.mp4")]
    assert finished(ended) == ["good.mp4"]
    assert tags(ended) == [("before", "good.mp4"), ("after", "good.mp4"), ("before", "bad.mp4")]
    assert "Traceback" in ended.stderr
    assert message in ended.stderr


@pytest.mark.parametrize("how", ["raises", "not a tag", "nan"])
def test_with_continue_on_error_the_next_file_follows(run, how):
    ended = run("programs/failing.py", FILES, params={"how": how, "continue_on_error": True})
    assert ended.status == 0
    assert [source for _, source in errors(ended)] == ["bad.mp4"]
    assert finished(ended) == ["good.mp4", "other.mp4"]
    assert ended.stderr.count("Traceback") == 1


def test_a_model_may_abort_whatever_continue_on_error_says(run):
    ended = run("programs/failing.py", FILES, params={"how": "aborts", "continue_on_error": True})
    assert ended.status == 1
    assert errors(ended) == [("AbortTaggingException: nothing will work any more", "bad.mp4")]
    assert finished(ended) == ["good.mp4"]


@pytest.mark.parametrize("catch", [False, True])
def test_a_producer_that_raises_ends_the_program_with_one_error(run, catch):
    ended = run("programs/failing.py", FILES, params={"how": "producer raises", "catch": catch})
    assert ended.status == 1
    assert errors(ended) == [("RuntimeError: cannot read bad.mp4", None)]
    assert finished(ended) == ["good.mp4"]


def test_a_producer_that_yields_an_error_ends_the_program_with_it(run):
    ended = run("programs/failing.py", FILES, params={"how": "producer yields"})
    assert ended.status == 1
    assert errors(ended) == [("out of memory", "bad.mp4")]
    assert finished(ended) == ["good.mp4"]
    assert "AbortTaggingException: out of memory" in ended.stderr


def test_a_producer_that_yields_an_error_may_go_on_when_asked(run):
    ended = run("programs/failing.py", FILES, params={"how": "producer yields", "continue_on_error": True})
    assert (ended.status, errors(ended)) == (0, [("out of memory", "bad.mp4")])
    assert finished(ended) == FILES


def test_after_a_failed_batch_the_next_one_follows_when_asked(start):
    daemon = start("programs/failing.py", params={"how": "producer raises", "continue_on_error": True})
    for file, kind in [("bad.mp4", "error"), ("good.mp4", "progress")]:
        daemon.send(file)
        assert daemon.next_message()["type"] == kind
    daemon.end_input()
    assert daemon.wait() == 0


@pytest.mark.parametrize("continue_on_error", [False, True])
def test_a_failing_completion_step_always_ends_the_program(run, continue_on_error):
    params = {"how": "completion raises", "continue_on_error": continue_on_error}
    ended = run("programs/failing.py", ["good.mp4"], params=params)
    assert (ended.status, errors(ended)) == (1, [("RuntimeError: cannot sum up", None)])
    assert finished(ended) == ["good.mp4"]


@pytest.mark.parametrize(("continue_on_error", "status"), [(False, 1), (True, 0)])
def test_a_completion_step_may_yield_an_error(run, continue_on_error, status):
    params = {"how": "completion yields", "continue_on_error": continue_on_error}
    ended = run("programs/failing.py", ["good.mp4"], params=params)
    assert (ended.status, errors(ended)) == (status, [("a part of the sum is missing", None)])


@pytest.mark.parametrize(("catch", "told"), [(True, [("RuntimeError: no weights", None)]), (False, [])])
def test_what_happens_during_setup_is_told_if_asked(run, catch, told):
    ended = run("programs/failing.py", params={"how": "setup raises", "catch": catch})
    assert (ended.status, errors(ended)) == (1, told)
    assert ended.stderr.count("RuntimeError: no weights") == 1


def test_params_that_are_no_json_are_told_without_being_asked(run):
    ended = run("programs/failing.py", FILES, params="{fps: 2}")
    assert ended.status == 1
    ((message, source_media),) = errors(ended)
    assert message.startswith("ValueError: --params must be one JSON object, such as '{\"fps\": 2}': ")
    assert source_media is None


def test_after_an_error_the_program_ends_though_its_input_is_open(start):
    daemon = start("programs/failing.py", params={"how": "raises"})
    daemon.send("bad.mp4")
    assert [daemon.next_message()["type"] for _ in range(2)] == ["tag", "error"]
    assert daemon.wait() == 1
    assert "Fatal Python error" not in daemon.process.stderr.read()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("notes.txt", "ValueError: a frame model takes images and video, not `{}` (unknown by its extension)"),
        ("tone.wav", "ValueError: a frame model takes images and video, not `{}` (audio by its extension)"),
        ("missing.mp4", "FileNotFoundError: `{}` does not exist"),
        ("missing.png", "FileNotFoundError: `{}` does not exist"),
        ("text.mp4", "ValueError: `{}` is not media that can be read"),
    ],
)
def test_a_file_that_a_frame_model_cannot_take_is_named(run, media, file, told):
    ended = run("guide/main.py", [media / "still.png", media / file])
    assert ended.status == 1
    ((message, source_media),) = errors(ended)
    assert source_media == str(media / file)
    assert message.startswith(told.format(media / file))
    assert finished(ended) == [str(media / "still.png")]


def test_a_file_whose_end_is_missing_keeps_its_tags_with_a_warning(run, media):
    ended = run("guide/main.py", [media / "cut.mp4"])
    assert (ended.status, finished(ended)) == (0, [str(media / "cut.mp4")])
    assert len(ended.of("tag")) >= 4
    assert ended.stderr.startswith(f"warning: `{media / 'cut.mp4'}`: ")
    assert "the end is missing" in ended.stderr


BOX = "a dictionary of x1 y1 x2 y2, or of x1 y1 … x4 y4 for a quadrilateral, is expected"


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ("none", "TypeError: tag on `{}` returned None; a list of Tag is expected, [] for nothing found"),
        ("pair", "TypeError: tag on `{}` returned `dog` in its list; Tag(start_time, end_time, tag, source_media) is"),
        ("text", "TypeError: tag on `{}` returned `dog`; a list of Tag is expected"),
        ("dictionary", "TypeError: tag on `{}` returned {{'tag': 'dog'}} (dict) in its list; Tag(start_time, "),
        ("track", "InvalidMessage: tag `dog` of `{}`: track is 7 (int); a string is expected"),
        ("no text", "InvalidMessage: tag None of `{}`: the text is None; a string is expected"),
        ("info", "InvalidMessage: tag `dog` of `{}`: additional_info.scores[1] is nan, which JSON cannot hold"),
        ("box", f"InvalidMessage: tag `dog` of `{{}}`: box has left width; {BOX}"),
        ("frame none", "TypeError: tag_frame on frame 0 of `{}` returned None; a list of FrameTag is expected"),
        ("frame pair", "TypeError: tag_frame on frame 0 of `{}` returned `dog` in its list; FrameTag(tag, box, "),
        ("frame box", f"InvalidMessage: tag `dog` of `{{}}`: box has x y w h; {BOX}"),
        ("frame no text", "TypeError: tag_frame on frame 0 of `{}` returned a tag whose text is None; a string is"),
        ("frame info", "InvalidMessage: tag `dog` of `{}`: additional_info.model is <class 'object'> (type), which"),
        ("frame raises", "ZeroDivisionError: no pixels"),
    ],
)
def test_an_early_slip_is_one_message_with_file_tag_and_what_was_expected(run, media, slip, told):
    still = str(media / "still.png")
    ended = run("programs/slips.py", [still], params={"slip": slip})
    assert ended.status == 1
    ((message, source_media),) = errors(ended)
    assert message.startswith(told.format(still))
    assert source_media == still
    assert finished(ended) == []
