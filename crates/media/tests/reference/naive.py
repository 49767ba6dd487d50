"""Decodes whole files with PyAV and picks frames by the rule as it is worded: slow, plain, and nobody's but PyAV's."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


@dataclass
class Frame:
    """A frame with what the rule needs of it, and its upright pixels."""

    index: int
    pts: Fraction
    seconds: float
    time_ms: int
    duration_ms: int
    intra: bool
    turns: int
    pixels: np.ndarray


def millis(seconds: Fraction) -> int:
    """Whole milliseconds; Python rounds halves to even, as the rule does."""
    return round(seconds * 1000)


def decode(path: Path, pixels: str = "rgb24") -> list[Frame]:
    """Every frame of the first video stream. A packet that cannot be decoded is left out."""
    frames: list[Frame] = []
    own_durations: list[Fraction] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        starts = [s.start_time * s.time_base for s in container.streams if s.start_time is not None]
        start = min(starts, default=Fraction(0))
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in decoded:
                base = frame.time_base or stream.time_base
                if frame.pts is None:  # a raw stream: no time at all but the frame's number
                    pts = len(frames) / stream.average_rate
                    seconds = len(frames) * float(1 / stream.average_rate)
                else:
                    pts = frame.pts * Fraction(base)
                    seconds = frame.time
                turns = frame.rotation // 90  # the display matrix tells degrees counter-clockwise
                own_durations.append((frame.duration or 0) * Fraction(base))
                frames.append(
                    Frame(
                        index=len(frames),
                        pts=pts,
                        seconds=seconds,
                        time_ms=millis(pts - start),
                        duration_ms=0,
                        intra=frame.pict_type == av.video.frame.PictureType.I,
                        turns=turns,
                        pixels=np.ascontiguousarray(np.rot90(frame.to_ndarray(format=pixels), turns)),
                    )
                )
    distance = Fraction(0)
    for number, (this, own) in enumerate(zip(frames, own_durations)):
        if number + 1 < len(frames):
            distance = frames[number + 1].pts - this.pts
        elif own:
            distance = own
        this.duration_ms = millis(distance)
    return frames


def sample(frames: list[Frame], fps: float) -> list[Frame]:
    """For each point of the grid the frame nearest in time, the earlier one on a tie, each frame once."""
    taken: list[Frame] = []
    point = frames[0].seconds
    while point <= frames[-1].seconds:
        nearest = min(frames, key=lambda frame: abs(frame.seconds - point))  # the first of equals
        if not taken or taken[-1] is not nearest:
            taken.append(nearest)
        point += 1 / fps
    return taken
