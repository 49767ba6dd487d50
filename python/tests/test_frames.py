"""What models get to see, compared with PyAV and OpenCV, which decode for themselves."""

import io
import json
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from common_ml.tagging import run_helpers
from common_ml.tagging.file_tagger import FileTagger
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.producer import TagMessageProducer
from common_ml.video_processing import (
    get_duration,
    get_fps,
    get_frames,
    get_key_frames,
    get_planes,
    iter_frames,
    iter_planes,
)

CLIPS = ["film.mp4", "uneven.mkv", "late.mpeg"]


class Decoded:
    """A whole clip by PyAV, and the sampling rule of the contract over it."""

    def __init__(self, path):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            # Only recent releases tell a frame's duration; its packet's is the same.
            durations = {packet.pts: packet.duration for packet in container.demux(stream)}
            container.seek(0)
            frames = list(container.decode(stream))
            self.base = stream.time_base
            self.start = Fraction(container.start_time, 1_000_000)
        self.pts = [frame.pts for frame in frames]
        self.key = [index for index, frame in enumerate(frames) if frame.pict_type == av.video.frame.PictureType.I]
        self.images = [frame.to_ndarray(format="rgb24") for frame in frames]
        self.last_duration = durations[frames[-1].pts]

    def seconds(self, index):
        return self.pts[index] * self.base.numerator / self.base.denominator

    def sampled(self, fps):
        indices, point, last = [], self.seconds(0), self.seconds(len(self.pts) - 1)
        while point <= last:
            # `min` keeps the first of equals: the earlier frame on a tie.
            nearest = min(range(len(self.pts)), key=lambda index: abs(self.seconds(index) - point))
            if nearest not in indices:
                indices.append(nearest)
            point += 1 / fps
        return indices

    def time_ms(self, index):
        return round((self.pts[index] * self.base - self.start) * 1000)

    def duration_ms(self, index):
        following = [*self.pts[1:], self.pts[-1] + self.last_duration]
        return round((following[index] - self.pts[index]) * self.base * 1000)


class Keeping(FrameModel):
    """Keeps its pictures and tags each with its number, odd ones with `odd` too."""

    def __init__(self):
        self.images = []

    def tag_frame(self, img):
        assert img.dtype == np.uint8
        assert img.flags.c_contiguous
        assert img.flags.writeable
        self.images.append(img.copy())
        img[:] = 0  # it is the model's own
        number = len(self.images)
        return [FrameTag(f"frame {number}", {"x1": 0, "y1": 0, "x2": 1, "y2": 1}, {"n": number})] + [
            FrameTag("odd")
        ] * 2 * (number % 2)


class Batches(BatchFrameModel):
    """Remembers the shapes of its batches."""

    def __init__(self, batch_size=None):
        self.shapes = []
        if batch_size is not None:
            self.batch_size = batch_size

    def tag_frames(self, imgs):
        assert imgs.dtype == np.uint8
        assert imgs.flags.c_contiguous
        assert imgs.flags.writeable
        self.shapes.append(imgs.shape)
        return [[FrameTag(str(img.shape[1]))] for img in imgs]


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("fps", [1, 0.31, 12.5])
def test_frames_are_those_that_the_rule_names_at_their_own_times(media, clip, fps):
    reference = Decoded(media / clip)
    frames, indices, times = get_frames(str(media / clip), fps)
    assert indices == reference.sampled(fps)
    assert times == [reference.seconds(index) for index in indices]
    assert frames.dtype == np.uint8
    assert frames.flags.c_contiguous
    assert frames.flags.writeable
    assert np.array_equal(frames, [reference.images[index] for index in indices])


@pytest.mark.parametrize("clip", CLIPS)
def test_key_frames_are_all_that_stand_alone(media, clip):
    reference = Decoded(media / clip)
    frames, indices, times = get_key_frames(media / clip)
    assert indices == reference.key
    assert times == [reference.seconds(index) for index in indices]
    assert np.array_equal(frames, [reference.images[index] for index in indices])


@pytest.mark.parametrize("clip", CLIPS)
def test_frames_come_one_by_one_as_they_come_together(media, clip):
    images, indices, times = get_frames(media / clip, 3.7)
    one_by_one = list(iter_frames(media / clip, 3.7))
    assert [(index, time) for _, index, time in one_by_one] == list(zip(indices, times))
    assert all(np.array_equal(image, images[n]) for n, (image, _, _) in enumerate(one_by_one))


def test_planes_are_the_samples_of_the_stream(media):
    with av.open(str(media / "film.mp4")) as container:
        stored = next(container.decode(video=0))
    planes, indices, times = get_planes(media / "film.mp4", 1)
    height, width = stored.height, stored.width
    assert planes.y.shape == (len(indices), height, width)
    assert planes.u.shape == planes.v.shape == (len(indices), -(-height // 2), -(-width // 2))
    for ours, theirs in zip(planes, stored.planes):
        rows = np.frombuffer(theirs, np.uint8).reshape(-1, theirs.line_size)
        assert np.array_equal(ours[0], rows[: theirs.height, : theirs.width])
    one_by_one = list(iter_planes(media / "film.mp4", 1))
    assert [(index, time) for _, index, time in one_by_one] == list(zip(indices, times))
    assert all(np.array_equal(one, planes[k][n]) for n, (p, _, _) in enumerate(one_by_one) for k, one in enumerate(p))


def test_frames_have_the_size_and_the_pixels_that_are_asked_for(media):
    full, _, _ = get_frames(media / "film.mp4", 1)
    count, height, width, _ = full.shape
    half = get_frames(media / "film.mp4", 1, size=(width // 2, height))[0]
    assert half.shape == (count, height // 2, width // 2, 3)
    assert get_frames(media / "film.mp4", 1, size=(5 * width, height))[0].shape == full.shape
    assert get_key_frames(media / "film.mp4", size=(20, 30), keep_aspect=False)[0].shape[1:] == (30, 20, 3)
    gray = get_frames(media / "film.mp4", 1, pixels="gray")[0]
    assert gray.shape == (count, height, width)
    assert np.abs(gray - full @ [0.299, 0.587, 0.114]).mean() < 2  # chroma is clipped in RGB
    with pytest.raises(ValueError, match="ask for `rgb` or `gray`, or call get_planes"):
        get_frames(media / "film.mp4", 1, pixels="yuv")
    with pytest.raises(ValueError, match="cannot make frames of 0x5"):
        get_frames(media / "film.mp4", 1, size=(0, 5))


def test_damage_costs_frames_or_is_an_error_as_asked_for(media, tmp_path):
    data = bytearray((media / "film.mp4").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = bytes(20_000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    assert next(iter_frames(damaged, 5))[1] == 0
    assert len(list(iter_frames(damaged, 5))) > 1
    with pytest.raises(ValueError, match=r"`.*damaged\.mp4` is damaged"):
        for _ in iter_frames(damaged, 5, on_damage="fail"):
            pass
    whole = [index for _, index, _ in iter_frames(media / "film.mp4", 5, on_damage="fail")]
    assert whole == [index for _, index, _ in iter_frames(media / "film.mp4", 5)]
    with pytest.raises(ValueError, match="on_damage is skip or fail, not `stop`"):
        get_key_frames(media / "film.mp4", on_damage="stop")


@pytest.mark.parametrize("clip", CLIPS)
def test_frame_tags_carry_the_exact_time_and_the_model_sees_the_exact_picture(media, clip):
    reference, model = Decoded(media / clip), Keeping()
    tags = FileTagger.from_frame_model(model, fps=2).tag(str(media / clip))
    on_frames = [tag for tag in tags if tag.frame_info is not None and tag.tag != "odd"]
    indices = reference.sampled(2)
    assert [tag.frame_info.frame_idx for tag in on_frames] == indices
    assert [tag.start_time for tag in on_frames] == [reference.time_ms(index) for index in indices]
    assert all(tag.start_time == tag.end_time for tag in on_frames)
    assert [tag.additional_info["n"] for tag in on_frames] == [*range(1, len(indices) + 1)]
    assert np.array_equal(model.images, [reference.images[index] for index in indices])


@pytest.mark.parametrize("clip", CLIPS)
def test_ranges_run_from_the_first_frame_s_time_to_the_end_of_the_last(media, clip):
    reference = Decoded(media / clip)
    tags = FileTagger.from_frame_model(Keeping(), fps=2, allow_single_frame=True).tag(str(media / clip))
    spans = [(tag.start_time, tag.end_time) for tag in tags if tag.frame_info is None and tag.tag != "odd"]
    times = [(reference.time_ms(index), reference.duration_ms(index)) for index in reference.sampled(2)]
    assert spans == [(time, time + duration) for time, duration in times]


class Bright(FrameModel):
    def tag_frame(self, img):
        return [FrameTag("bright")] * 2 if img.mean() > 128 else []


def test_a_text_seen_on_consecutive_frames_makes_one_range(media):
    def ranges(fps, **options):
        tags = FileTagger.from_frame_model(Bright(), fps=fps, **options).tag(str(media / "flashes.mp4"))
        return [(tag.start_time, tag.end_time) for tag in tags if tag.frame_info is None]

    assert ranges(5) == [(0, 840), (2000, 2440)]
    # At one frame a second each flash is seen once, twice by name: dropped unless single frames are allowed.
    assert ranges(1) == []
    assert ranges(1, allow_single_frame=True) == [(0, 40), (2000, 2040)]


@pytest.mark.parametrize("name", ["still.png", "STILL.JPG"])
def test_a_still_is_tagged_at_time_0(media, name):
    model = Keeping()
    tags = FileTagger.from_frame_model(model).tag(str(media / name))
    reference = cv2.cvtColor(cv2.imread(str(media / name)), cv2.COLOR_BGR2RGB)
    # The JPEG decoders round transforms and colours each in their own way.
    assert np.abs(model.images[0].astype(int) - reference).max() <= (0 if name.endswith("png") else 4)
    assert [(tag.start_time, tag.end_time, tag.frame_info.frame_idx) for tag in tags] == [(0, 0, 0)] * 3


def test_batches_have_the_size_that_the_model_says(media):
    def shapes(of_the_model, **options):
        model = Batches(of_the_model)
        FileTagger.from_frame_model(model, fps=100, **options).tag(str(media / "flashes.mp4"))
        return [shape[0] for shape in model.shapes]

    assert shapes(None) == [16, 16, 16, 15]
    assert shapes(np.int64(25)) == [25, 25, 13]
    assert shapes(0) == [63]
    assert shapes(25, batch_size=40) == [40, 23]


def test_a_still_is_a_batch_of_one(media):
    model = Batches()
    assert [tag.tag for tag in FileTagger.from_frame_model(model).tag(str(media / "still.png"))] == ["64"]
    assert model.shapes == [(1, 48, 64, 3)]


@pytest.mark.parametrize(
    ("batch_size", "told"), [(-1, "batch_size is -1; a whole number from 0"), ("all", "batch_size is `all`; a whole")]
)
def test_a_batch_size_that_is_none_is_refused(media, batch_size, told):
    with pytest.raises((ValueError, TypeError), match=told):
        FileTagger.from_frame_model(Batches(batch_size)).tag(str(media / "flashes.mp4"))


def test_a_batch_ends_where_the_picture_changes_its_size(media):
    model = Batches()
    tags = FileTagger.from_frame_model(model, fps=100, allow_single_frame=True).tag(str(media / "resized.mpeg"))
    assert model.shapes == [(10, 48, 64, 3), (10, 32, 32, 3)]
    assert [tag.tag for tag in tags if tag.frame_info is None] == ["64", "32"]
    with pytest.raises(ValueError, match=r"the picture size of `.*resized.mpeg` changes after frame 9"):
        get_frames(media / "resized.mpeg", 10)


def test_batches_and_single_frames_give_the_same_tags(media):
    file = str(media / "film.mp4")
    one_by_one = FileTagger.from_frame_model(Keeping(), 5).tag(file)
    assert FileTagger.from_frame_model(BatchFrameModel.from_frame_model(Keeping()), 5).tag(file) == one_by_one
    assert AVModel.from_frame_model(Keeping(), 5, False).tag(file) == one_by_one
    assert FileTagger.from_video_model(AVModel.from_frame_model(Keeping(), 5, False)).tag(file) == one_by_one


def test_frames_come_one_by_one_and_tags_leave_before_the_next(media):
    looked_at = []

    class Looking(FrameModel):
        def tag_frame(self, img):
            looked_at.append(len(looked_at))
            return [FrameTag("t")]

    messages = TagMessageProducer.from_model(Looking(), fps=25).produce([str(media / "flashes.mp4")])
    next(messages)
    assert looked_at == [0]
    messages.close()


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "tag_frame on frame 0 of `{}` returned None; a list of FrameTag is expected, [] for nothing found"),
        (FrameTag("dog"), "tag_frame on frame 0 of `{}` returned FrameTag(tag='dog', box=None, additional_info=None)"),
        (("dog", None), "tag_frame on frame 0 of `{}` returned `dog` in its list; FrameTag(tag, box, additional_info)"),
        ([FrameTag(None)], "tag_frame on frame 0 of `{}` returned a tag whose text is None; a string is expected"),
    ],
)
def test_a_slip_of_the_model_s_author_is_named_with_its_frame(media, returned, told):
    class Slip(FrameModel):
        def tag_frame(self, img):
            return returned

    file = str(media / "film.mp4")
    with pytest.raises(TypeError) as caught:
        FileTagger.from_frame_model(Slip()).tag(file)
    assert str(caught.value).startswith(told.format(file))


def test_too_few_answers_for_a_batch_are_named(media):
    class Short(BatchFrameModel):
        def tag_frames(self, imgs):
            return [[]]

    with pytest.raises(ValueError, match=r"tag_frames on frames 0 to 72 of `.*` returned 1 lists of tags for 4 frames"):
        FileTagger.from_frame_model(Short()).tag(str(media / "film.mp4"))


def test_half_a_character_in_a_text_costs_a_question_mark(media):
    class Halves(FrameModel):
        def tag_frame(self, img):
            return [FrameTag("half \ud83d")]

    tags = FileTagger.from_frame_model(Halves(), allow_single_frame=True).tag(str(media / "flashes.mp4"))
    assert tags[-1].tag == "half ?"


def test_a_tuple_of_tags_is_as_good_as_a_list(media):
    class Tuples(FrameModel):
        def tag_frame(self, img):
            return (FrameTag("t"),)

    assert len(FileTagger.from_frame_model(Tuples()).tag(str(media / "still.png"))) == 1


def test_facts_of_a_clip(media):
    assert get_fps(media / "film.mp4") == pytest.approx(24000 / 1001, abs=1e-9)
    assert get_duration(str(media / "flashes.mp4")) == pytest.approx(2.52)
    with pytest.raises(ValueError, match=r"`.*tone.wav` has no video stream"):
        get_fps(media / "tone.wav")
    with pytest.raises(FileNotFoundError, match=r"missing.mp4"):
        get_duration(media / "missing.mp4")
    with pytest.raises(ValueError, match="frames a second"):
        get_frames(media / "film.mp4", 0)
    with pytest.raises(IsADirectoryError):
        get_frames(media, 1)


def test_the_user_s_parameters_reach_the_sampler(media, monkeypatch, tmp_path):
    output = tmp_path / "output.jsonl"
    params = {"fps": 5, "allow_single_frame": False, "batch_size": 3}
    monkeypatch.setattr(sys, "argv", ["model.py", "--output-path", str(output), "--params", json.dumps(params)])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{media / 'flashes.mp4'}\n"))
    model = Batches()
    run_helpers.run_default(model)
    assert [shape[0] for shape in model.shapes] == [3, 3, 3, 3, 1]


def test_a_child_made_by_fork_decodes_though_its_parent_has(run, media):
    ended = run("programs/fork.py", [media / "film.mp4"], arguments=[str(media / "film.mp4")])
    assert ended.status == 0
    assert "Traceback" not in ended.stderr
    assert len(ended.of("tag")) == 5
    assert len(ended.of("progress")) == 1


def test_megabytes_that_a_model_prints_and_workers_that_it_forks_do_no_harm(run, media):
    ended = run("programs/noisy.py", [media / "flashes.mp4"])
    assert ended.status == 0, ended.stderr[-2000:]
    seen = [tag["tag"] for tag in ended.of("tag") if tag["frame_info"]]
    assert seen == ["bright", "dark", "bright"]
    assert len(ended.of("progress")) == 1
    for said in (ended.stdout, ended.stderr):
        assert said.count("a word or two\n") == 75_000 * len(seen)
