"""Starts model programs as a runtime would, and makes the clips they are given."""

import contextlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PATIENCE_SECONDS = 60  # for what must happen at once; a machine may be busy


class Ended:
    """What a program left behind."""

    def __init__(self, status, output, stdout, stderr):
        self.status = status
        self.output = output
        self.stdout = stdout
        self.stderr = stderr

    @property
    def messages(self):
        return [json.loads(line) for line in self.output.splitlines()]

    def of(self, kind):
        return [message["data"] for message in self.messages if message["type"] == kind]


def command(program, output_path, params=None, arguments=()):
    start = ["-m", "common_ml.runner", program] if str(program).startswith("model_") else [program]
    chosen = [] if params is None else ["--params", params if isinstance(params, str) else json.dumps(params)]
    return [sys.executable, *start, *arguments, "--output-path", str(output_path), *chosen]


@pytest.fixture
def run(tmp_path):
    """Runs a program over files to its end; `program` is relative to this folder."""

    def run(program, files=(), params=None, arguments=()):
        output_path = tmp_path / "output.jsonl"
        folder, name = (TESTS / program).parent, Path(program).name
        ended = subprocess.run(
            command(name, output_path, params, arguments),
            cwd=folder,
            input="".join(f"{file}\n" for file in files),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        output = output_path.read_text(encoding="utf-8") if output_path.exists() else ""
        return Ended(ended.returncode, output, ended.stdout, ended.stderr)

    return run


class Daemon:
    """A running program, whose output file is a named pipe: each line is seen when it is written."""

    def __init__(self, program, folder, params):
        fifo = folder / "output.jsonl"
        os.mkfifo(fifo)
        self._output = os.open(fifo, os.O_RDWR)  # both ways, so that opening does not wait for the program
        self._seen = b""
        self.process = subprocess.Popen(
            command(Path(program).name, fifo, params),
            cwd=(TESTS / program).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, *files):
        self.process.stdin.write("".join(f"{file}\n" for file in files))
        self.process.stdin.flush()

    def next_message(self):
        while b"\n" not in self._seen:
            assert select.select([self._output], [], [], PATIENCE_SECONDS)[0], "no message came"
            self._seen += os.read(self._output, 1 << 16)
        line, self._seen = self._seen.split(b"\n", 1)
        return json.loads(line)

    def wait(self):
        """Waits for the end of the program, with its input still open unless `end_input` came before."""
        return self.process.wait(PATIENCE_SECONDS)

    def end_input(self):
        self.process.stdin.close()

    def close(self):
        os.close(self._output)
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.__exit__(None, None, None)


@pytest.fixture
def start(tmp_path):
    """Starts a program that is then fed by the test."""
    daemons = []

    def start(program, params=None):
        daemons.append(Daemon(program, tmp_path, params))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.close()


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A folder of media, each file made by the command that stands here."""
    folder = tmp_path_factory.mktemp("media")
    pattern = ["-f", "lavfi", "-i"]
    h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
    # Four seconds at the rate of films, with frames that are coded out of order.
    ffmpeg(*pattern, "testsrc2=s=160x120:r=24000/1001:d=4", *h264, "-bf", 3, "-g", 24, folder / "film.mp4")
    # Frames at uneven times: of 30 a second, every third one, then all.
    uneven = "select='not(mod(n,3))+gt(n,45)'"
    ffmpeg(*pattern, "testsrc2=s=160x120:r=30:d=4", "-vf", uneven, "-vsync", "vfr", *h264, folder / "uneven.mkv")
    # A stream that begins at 1.4 s, as transport streams do, with sound that begins earlier.
    sound = [*pattern, "sine=d=2"]
    late = ["-itsoffset", 0.5, *pattern, "testsrc2=s=162x122:r=25:d=2", *sound, "-c:v", "mpeg2video", "-c:a", "mp2"]
    ffmpeg(*late, "-f", "mpegts", folder / "late.mpeg")
    # A second of white, one of black, and half a second of white; 25 frames a second.
    colours = "color={}:s=64x48:r=25:d={}"
    parts = [colours.format(colour, seconds) for colour, seconds in [("white", 1), ("black", 1), ("white", 0.5)]]
    inputs = [argument for part in parts for argument in [*pattern, part]]
    ffmpeg(*inputs, "-filter_complex", "concat=n=3", *h264, folder / "flashes.mp4")
    # The picture changes its size after ten frames.
    for size in ["64x48", "32x32"]:
        ffmpeg(*pattern, f"testsrc2=s={size}:r=10:d=1", *h264, "-f", "mpegts", folder / f"{size}.ts")
    ffmpeg("-i", f"concat:{folder}/64x48.ts|{folder}/32x32.ts", "-c", "copy", "-f", "mpegts", folder / "resized.mpeg")
    ffmpeg(*pattern, "testsrc2=s=64x48", "-frames:v", 1, folder / "still.png")
    ffmpeg(*pattern, "testsrc2=s=64x48", "-frames:v", 1, folder / "STILL.JPG")
    ffmpeg(*pattern, "sine=d=1", folder / "tone.wav")
    # A copy that was not finished.
    ffmpeg("-i", folder / "film.mp4", "-c", "copy", "-movflags", "faststart", folder / "cut.mp4")
    os.truncate(folder / "cut.mp4", (folder / "cut.mp4").stat().st_size * 2 // 3)
    # Pictures that are coded out of order and sound, in an MP4 of pieces; and the same without its end.
    streams = [*pattern, "testsrc2=s=160x120:r=24000/1001:d=4", *pattern, "sine=d=4", *h264, "-bf", 3, "-g", 24]
    pieces = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]
    ffmpeg(*streams, "-c:a", "aac", *pieces, folder / "pieces.mp4")
    (folder / "cut_pieces.mp4").write_bytes((folder / "pieces.mp4").read_bytes()[:-20000])
    # Four seconds of noise, and the same in files of a second, the last one shorter.
    noise = [*pattern, "anoisesrc=d=3.5:r=44100:seed=1:a=0.5", "-c:a", "flac", "-frame_size", 1024]
    ffmpeg(*noise, folder / "noise.flac")
    ffmpeg(*noise, "-f", "segment", "-segment_time", 1, folder / "noise_%d.flac")
    # Four minutes whose frames, 69 MB of them, are more than may wait for a model; and eight times as much.
    minutes = [*pattern, "testsrc2=s=160x120:r=5:d=240", *h264, "-preset", "ultrafast"]
    ffmpeg(*minutes, folder / "4_minutes.mp4")
    ffmpeg("-stream_loop", 7, "-i", folder / "4_minutes.mp4", "-c", "copy", folder / "32_minutes.mp4")
    (folder / "text.mp4").write_text("not a video")
    (folder / "notes.txt").write_text("not media")
    return folder
