"""The wheel that carries its own FFmpeg, in an environment of its own: it installs, it reads what the build here reads,
and it loads no library of the system's FFmpeg. `make test-all` builds it and runs this."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

WHEEL = os.environ.get("TAGGER_WHEEL")
CLIPS = os.environ.get("TAGGER_CLIPS", "")
pytestmark = pytest.mark.skipif(WHEEL is None, reason="builds FFmpeg: `make test-all` does")

INSTALLED_BYTES = 120 << 20  # of the package and all it needs

# A digest of each sampled frame: the least difference between two decoders shows.
MODEL = """
import zlib
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag

class Digest(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(f"{img.shape} {zlib.crc32(img.tobytes()):08x}")]
"""
# Copies packets into the containers that are written: a plain MP4, and pieces of sound as fragmented MP4 and WAV.
COPIES = """
import sys, zlib
from common_ml.utils.audio import AudioStitcher
from common_ml.video_processing import unfrag_video

folder, film, *sounds = sys.argv[1:]
unfrag_video(film, f"{folder}/plain.mp4")
print(zlib.crc32(open(f"{folder}/plain.mp4", "rb").read()))
for sound in sounds:
    print(zlib.crc32(AudioStitcher.probe([sound]).stitch(200, 1300)))
"""
# What the process has loaded of FFmpeg and dav1d.
LOADED = """
import common_ml._native
for line in open("/proc/self/maps"):
    path = line.split(None, 5)[5:]
    if path and any(name in path[0] for name in ("libav", "libsw", "libdav1d")):
        print(path[0].strip())
"""
VIDEO = ["h264.mp4", "hevc.mp4", "hevc_10bit.mp4", "vp8.webm", "vp9.webm", "av1.mp4", "mpeg4.avi", "mpeg2.mpeg"]
VIDEO += ["mjpeg.avi", "prores.mov", "ffv1_rgb.mkv", "fragmented.mp4", "h264.flv"]
SOUND = ["stereo_48000.m4a", "stereo_44100.mp3", "stereo_48000.opus", "stereo_48000.flac", "stereo_48000.ac3"]


def oldest_python():
    """The oldest interpreter on the search path that the wheel is for, and runs."""
    for name in [*(f"python3.{minor}" for minor in range(8, 30)), "python3"]:
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return sys.executable


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The interpreter of a fresh environment that the wheel is installed in."""
    folder = tmp_path_factory.mktemp("wheel") / "venv"
    subprocess.run([oldest_python(), "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--only-binary", ":all:", WHEEL], check=True)
    return python


def run(python, folder, *arguments, **options):
    """Runs an interpreter with nothing of this checkout or this machine's programs in reach; gives what it printed."""
    environment = {"PATH": str(Path(python).parent), "HOME": str(folder)}
    done = subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tags(python, folder):
    """The lines of the model that digests frames, over every clip."""
    folder.mkdir()
    (folder / "digest.py").write_text(MODEL)
    (folder / "mpeg2.mpeg").symlink_to(f"{CLIPS}/mpeg2.ts")  # under a name that models know
    files = [folder / name if name == "mpeg2.mpeg" else Path(CLIPS, name) for name in VIDEO]
    run(
        python,
        folder,
        "-m",
        "common_ml.runner",
        "digest.py",
        "--output-path",
        "tags.jsonl",
        input="".join(f"{file}\n" for file in files),
    )
    # The copies' folder differs, and is part of each line.
    return (folder / "tags.jsonl").read_text().replace(str(folder), "").splitlines()


def test_it_tags_a_clip_of_each_codec_as_the_build_here_does(installed, tmp_path):
    expected = tags(sys.executable, tmp_path / "here")
    assert all(any(name in line for line in expected) for name in VIDEO)
    assert tags(installed, tmp_path / "there") == expected


def test_it_copies_into_the_same_files(installed, tmp_path):
    def copies(python, folder):
        folder.mkdir()
        files = [f"{CLIPS}/{name}" for name in ["fragmented.mp4", *SOUND]]
        return run(python, folder, "-c", COPIES, folder, *files).splitlines()

    expected = copies(sys.executable, tmp_path / "here")
    assert len(expected) == 1 + len(SOUND)
    assert copies(installed, tmp_path / "there") == expected


def test_every_library_of_ffmpeg_that_it_loads_is_its_own(installed, tmp_path):
    loaded = set(run(installed, tmp_path, "-c", LOADED).splitlines())
    names = {Path(path).name.split("-")[0].split(".")[0] for path in loaded}
    assert names == {"libavcodec", "libavformat", "libavutil", "libswresample", "libswscale", "libdav1d"}
    home = str(installed.parents[1])
    assert [path for path in loaded if not path.startswith(home)] == []


def test_with_all_it_needs_it_is_small(installed):
    packages = next((installed.parents[1] / "lib").glob("python3*")) / "site-packages"
    assert sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) <= INSTALLED_BYTES


def test_it_fits_every_python_and_tells_its_glibc_and_its_licences():
    name = Path(WHEEL).name
    assert "-cp38-abi3-manylinux_2_" in name
    with zipfile.ZipFile(WHEEL) as wheel:
        assert wheel.testzip() is None
        (metadata,) = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
        text = wheel.read(metadata).decode()
        folder = metadata.replace("METADATA", "licenses/")
        licenses = [line.split(": ")[1] for line in text.splitlines() if line.startswith("License-File: ")]
        assert {folder + each for each in licenses} <= set(wheel.namelist())
    assert {"FFMPEG-COPYING.LGPLv2.1", "DAV1D-COPYRIGHT", "FFMPEG-SOURCE"} <= set(licenses)
    assert "LGPL-2.1-or-later" in text
