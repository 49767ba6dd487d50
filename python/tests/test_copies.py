"""Files made by copying packets, decoded by PyAV and compared with what they were made from."""

import io
import os
import shutil

import av
import numpy as np
import pytest

from common_ml.utils.audio import AudioPart, AudioStitcher
from common_ml.video_processing import get_duration, unfrag_video

RATE = 44100
PACKET_SAMPLES = 1024


def decoded(path, kind):
    """Every frame's time in seconds and its data."""
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_ndarray().tobytes()) for frame in container.decode(**{kind: 0})]


def boxes(data):
    names, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        names.append(data[at + 4 : at + 8].decode())
        at += size
    return names


def noises(media):
    return [str(media / f"noise_{number}.flac") for number in range(4)]


def samples(source):
    with av.open(source) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def test_a_plain_copy_has_the_same_pictures_and_sound_at_the_same_times(media, tmp_path):
    source, plain = media / "pieces.mp4", tmp_path / "plain.mp4"
    assert boxes(source.read_bytes()).count("moof") > 1
    unfrag_video(str(source), str(plain))
    assert set(boxes(plain.read_bytes())) == {"ftyp", "free", "mdat", "moov"}
    for kind in ("video", "audio"):
        assert decoded(plain, kind) == decoded(source, kind)
    assert get_duration(plain) == pytest.approx(get_duration(source), abs=0.1)
    assert os.listdir(tmp_path) == ["plain.mp4"]


def test_a_copy_may_take_the_place_of_its_source(media, tmp_path):
    file = tmp_path / "pieces.mp4"
    shutil.copy(media / "pieces.mp4", file)
    unfrag_video(file, file)
    assert "moof" not in boxes(file.read_bytes())
    assert decoded(file, "video") == decoded(media / "pieces.mp4", "video")


def test_of_a_file_without_its_end_the_rest_is_copied_with_a_warning(media, tmp_path, capsys):
    source, plain = media / "cut_pieces.mp4", tmp_path / "plain.mp4"
    unfrag_video(source, plain)
    told = capsys.readouterr().err
    assert told.startswith(f"warning: `{source}`: the end is missing (the last ")
    whole, copied = decoded(media / "pieces.mp4", "video"), decoded(plain, "video")
    assert 48 <= len(copied) < len(whole)
    assert copied[:48] == whole[:48]


@pytest.mark.parametrize(
    ("name", "target", "error", "told"),
    [
        ("missing.mp4", "plain.mp4", FileNotFoundError, "missing.mp4` does not exist"),
        ("text.mp4", "plain.mp4", ValueError, "text.mp4` is not media that can be read"),
        ("tone.wav", "plain.mp4", ValueError, "into MP4: it does not hold pcm_s16le; transcode it"),
        ("pieces.mp4", "no/such/plain.mp4", OSError, "cannot write `.*no/such/plain.mp4`"),
    ],
)
def test_a_copy_that_cannot_be_made_is_an_error_and_leaves_nothing(media, tmp_path, name, target, error, told):
    with pytest.raises(error, match=told):
        unfrag_video(media / name, tmp_path / target)
    assert os.listdir(tmp_path) == []


def test_parts_follow_one_another_to_the_sample(media):
    stitcher = AudioStitcher.probe(noises(media))
    assert [part.path for part in stitcher.parts] == noises(media)
    lengths = [len(samples(path)) for path in noises(media)]
    assert [part.duration for part in stitcher.parts] == pytest.approx([length * 1000 / RATE for length in lengths])
    offset = 0
    for part in stitcher.parts:
        assert part.start_offset == pytest.approx(offset)
        offset += part.duration
        assert part.end_offset == pytest.approx(offset)
    assert offset == pytest.approx(3500)


def test_a_part_is_a_plain_record():
    part = AudioPart("a.flac", 1000, 500)
    assert part == AudioPart(path="a.flac", duration=1000, start_offset=500)
    assert part.end_offset == 1500
    with pytest.raises(AttributeError):
        part.duration = 0


@pytest.mark.parametrize(("start", "end"), [(0, 3500), (200, 400), (900.5, 3100), (3400, 9000), (2000, float("inf"))])
def test_a_range_holds_the_samples_of_the_whole_and_a_packet_more_at_most(media, start, end):
    stitched = AudioStitcher.probe(noises(media)).stitch(start, end)
    assert boxes(stitched)[:2] == ["ftyp", "moov"]
    assert "moof" in boxes(stitched)
    whole, part = samples(str(media / "noise.flac")), samples(io.BytesIO(stitched))
    first, last = round(start * RATE / 1000), min(round(min(end, 9000) * RATE / 1000), len(whole))
    begins = [at for at in range(max(0, first - PACKET_SAMPLES), first + 1) if (whole[at : at + 64] == part[:64]).all()]
    assert len(begins) == 1
    assert (whole[begins[0] : begins[0] + len(part)] == part).all()
    assert last <= begins[0] + len(part) < last + PACKET_SAMPLES


def test_a_stitcher_takes_the_files_that_it_probes(media):
    stitcher = AudioStitcher()
    with pytest.raises(ValueError, match=r"no files to stitch; call probe\(files\) first"):
        stitcher.stitch(0, 1000)
    assert stitcher.probe([media / "noise_1.flac"]) is stitcher
    assert stitcher.stitch(0, 500) == AudioStitcher.probe([media / "noise_1.flac"]).stitch(0, 500)


def test_a_part_of_another_length_is_named_unless_it_is_the_last(media):
    first, second, third, short = noises(media)
    with pytest.raises(
        ValueError, match=rf"`{short}` lasts \d+ ms, `{first}` \d+ ms; files of one length are expected"
    ):
        AudioStitcher.probe([first, short, third])
    assert len(AudioStitcher.probe([first, short, third], expect_same_length=False).parts) == 3
    assert len(AudioStitcher.probe([first, second, short]).parts) == 3


def test_a_file_that_was_refused_leaves_the_stitcher_as_it_was(media):
    stitcher = AudioStitcher.probe(noises(media))
    with pytest.raises(FileNotFoundError):
        stitcher.probe([*noises(media), media / "missing.flac"])
    assert len(stitcher.parts) == 4


@pytest.mark.parametrize(
    ("files", "error", "told"),
    [
        ([], ValueError, "files is empty; at least one path is expected"),
        ("noise_0.flac", TypeError, "files is `noise_0.flac`; a list of paths is expected"),
        (["flashes.mp4"], ValueError, "no sound in `.*flashes.mp4`"),
        (["missing.flac"], FileNotFoundError, "missing.flac` does not exist"),
    ],
)
def test_files_that_cannot_be_probed_are_named(media, files, error, told):
    with pytest.raises(error, match=told):
        AudioStitcher.probe(files if isinstance(files, str) else [media / file for file in files])


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (500, 500, "cannot stitch from 500 ms to 500 ms; an end behind the start is expected"),
        (0, float("nan"), "cannot stitch from 0 ms to nan ms"),
        (9000, 9500, "nothing is heard from 9.000 s to 9.500 s"),
    ],
)
def test_a_range_without_sound_is_refused(media, start, end, told):
    with pytest.raises(ValueError, match=told):
        AudioStitcher.probe(noises(media)).stitch(start, end)


def test_files_of_two_streams_are_not_joined(media):
    stitcher = AudioStitcher.probe([media / "noise_0.flac", media / "pieces.mp4"])
    with pytest.raises(ValueError, match="it holds aac of 44100 Hz and 1 channels, the one before it flac"):
        stitcher.stitch(0, 2000)
