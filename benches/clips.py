"""The clips that are measured, made by commands from the two real sample clips. A clip that is there is kept.

The pictures are both samples in turns at the wanted size, with film grain over them, so that the coded pictures have
the sizes of real ones (about 4 Mbit/s at 1080p). One sample has a cut every two seconds, the other none; and encoders
begin a group of pictures at a cut, as they do unless told not to: "GOP 250" says how long a group may get. One clip
forbids that. `b-bias` holds B-pictures at about a third of the H.264 clips: with more of them, those who leave them out
would look better.
"""

import math
import os
import pathlib
import subprocess
from dataclasses import dataclass
from typing import List

ROOT = pathlib.Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "target/sample-media"
FOLDER = ROOT / "target/bench-media"
SAMPLE_CLIPS = ["bikes.mp4", "bigbuckbunny.mp4"]
SAMPLES_SECONDS = 15
"""How long they are one after the other, at least."""
FFMPEG = ["nice", "ffmpeg", "-nostdin", "-y", "-v", "error"]

X264 = "-c:v libx264 -preset veryfast -crf 23 -bf 3 -x264-params b-bias=-29"
X265 = "-c:v libx265 -preset superfast -crf 26 -tag:v hvc1 -x265-params"
X265_PARAMS = "keyint=50:open-gop=0:bframes=3:log-level=error"


@dataclass(frozen=True)
class Clip:
    """A clip at 25 frames a second: size in pixels, length in seconds, coding."""

    name: str
    width: int
    height: int
    seconds: int
    coding: str

    def told(self) -> str:
        """Its name in a table."""
        return f"{self.name}, {self.seconds} s"


FULL = [
    Clip("1080p H.264, GOP 50", 1920, 1080, 60, f"{X264} -g 50"),
    Clip("1080p H.264, GOP 250", 1920, 1080, 60, f"{X264} -g 250"),
    Clip("1080p H.264, uncut GOP 250", 1920, 1080, 60, f"{X264} -g 250 -sc_threshold 0"),
    Clip("480p H.264, GOP 50", 854, 480, 60, f"{X264} -g 50"),
    Clip("2160p H.264, GOP 50", 3840, 2160, 20, f"{X264} -g 50"),
    Clip("1080p HEVC, GOP 50", 1920, 1080, 40, f"{X265} {X265_PARAMS}"),
    Clip("1080p AV1, GOP 50", 1920, 1080, 20, "-c:v libsvtav1 -preset 10 -crf 35 -g 50"),
]
PLAIN = Clip("1080p plain", 1920, 1080, 60, "-c:v libx264 -preset veryfast -crf 35 -bf 3 -g 50")


class Clips:
    """Where clips are. `quick` makes them a fifth as long."""

    def __init__(self, quick: bool):
        self._shrink = 5 if quick else 1
        self._folder = FOLDER / "quick" if quick else FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)

    def named(self, start: str) -> Clip:
        """The clip whose name begins so, at the length it has here."""
        (found,) = [clip for clip in FULL if clip.name.startswith(start)]
        return self._shortened(found)

    def path(self, clip: Clip) -> pathlib.Path:
        """The file of a clip."""
        inputs = [SAMPLES / sample for sample in SAMPLE_CLIPS] * math.ceil(clip.seconds / SAMPLES_SECONDS)
        scaled = [f"[{nth}:v]fps=25,scale={clip.width}:{clip.height},setsar=1[v{nth}]" for nth in range(len(inputs))]
        joined = "".join(f"[v{nth}]" for nth in range(len(inputs))) + f"concat=n={len(inputs)}"
        filters = ";".join([*scaled, f"{joined},noise=alls=5:allf=t,format=yuv420p"])
        named = [word for path in inputs for word in ("-i", str(path))]
        command = [*named, "-filter_complex", filters, "-t", str(clip.seconds), "-an", *clip.coding.split()]
        return self._made(clip.name, command)

    def repeated(self, clip: Clip, seconds: int) -> pathlib.Path:
        """The clip over and over by stream copy, up to `seconds`."""
        return self._again(self.path(clip), f"{clip.name}, {seconds} s", seconds)

    def plain(self, seconds: int) -> pathlib.Path:
        """Pictures that cost few bits, over and over: what a long file needs of memory does not depend on its bits."""
        clip = self._shortened(PLAIN)
        source = f"testsrc=size={clip.width}x{clip.height}:rate=25:duration={clip.seconds}"
        once = self._made(clip.name, ["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *clip.coding.split()])
        return self._again(once, f"{clip.name}, {seconds} s", seconds)

    def stills(self, count: int) -> List[pathlib.Path]:
        """Small JPEG files."""
        folder = self._folder / f"stills-{count}"
        if not folder.exists():
            new = folder.with_suffix(".new")
            new.mkdir(exist_ok=True)
            source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", str(count), "-q:v", "4"]
            subprocess.run([*FFMPEG, *source, str(new / "%05d.jpg")], check=True)
            new.rename(folder)
        return sorted(folder.iterdir())

    def _shortened(self, clip: Clip) -> Clip:
        return Clip(clip.name, clip.width, clip.height, clip.seconds // self._shrink, clip.coding)

    def _again(self, once: pathlib.Path, name: str, seconds: int) -> pathlib.Path:
        """A file over and over. It is made again when that one was."""
        command = ["-stream_loop", "-1", "-i", str(once), "-t", str(seconds), "-c", "copy"]
        return self._made(name, command, once.with_suffix(".txt").read_text())

    def _made(self, name: str, command: List[str], source: str = "") -> pathlib.Path:
        """The file that the command makes. It is made again when its command changes, or the recipe of its source."""
        path = self._folder / f"{name.replace(', ', '-').replace(' ', '-').lower()}.mp4"
        recipe = path.with_suffix(".txt")
        told = "\n".join([*command, source])
        if not (path.exists() and recipe.exists() and recipe.read_text() == told):
            print(f"making {path.relative_to(ROOT)}", flush=True)
            new = path.with_suffix(".new.mp4")
            subprocess.run([*FFMPEG, *command, str(new)], env={**os.environ, "SVT_LOG": "1"}, check=True)
            new.rename(path)
            recipe.write_text(told)
        return path


def main() -> None:
    """Make what takes long, ahead of the measurements."""
    clips = Clips(quick=False)
    for clip in FULL:
        clips.path(clip)


if __name__ == "__main__":
    main()
