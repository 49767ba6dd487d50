"""Draws the tags of one clip as a picture: `python docs/timeline.py TAGS.jsonl >PICTURE.svg`.

A lane a track. A tag over time is a bar; a tag on one frame is a dot above the bars.
"""

import json
import sys
from html import escape
from typing import Any, Dict, List

WIDTH, MARGIN, LABELS, RIGHT = 960, 16, 140, 32
LANE, BAR, AXIS = 58, 26, 30
FONT = "font-family='system-ui,DejaVu Sans,sans-serif'"
COLOURS = ["#4c6ef5", "#f59f00", "#12b886", "#e64980", "#7950f2", "#868e96"]


def draw(tags: List[Dict[str, Any]]) -> str:
    """Gives the picture of a clip's tags, as SVG text."""
    tracks = list(dict.fromkeys(tag["track"] for tag in tags))
    end_ms = max(tag["end_time"] for tag in tags)
    height = 2 * MARGIN + LANE * len(tracks) + AXIS

    def x(time_ms: int) -> float:
        return round(LABELS + (WIDTH - LABELS - RIGHT) * time_ms / end_ms, 1)

    parts = [f"<rect width='{WIDTH}' height='{height}' rx='8' fill='#ffffff' stroke='#dee2e6'/>"]
    for nth, track in enumerate(tracks):
        own = [tag for tag in tags if tag["track"] == track]
        parts += lane(track, own, MARGIN + nth * LANE, x)
    parts += axis(end_ms, MARGIN + len(tracks) * LANE, x)
    body = "\n".join(parts)
    title = f"<title>{escape(tags[0]['content'])}: tags over time</title>"
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}>\n{title}\n{body}\n</svg>\n"


def lane(track: str, tags: List[Dict[str, Any]], top: int, x: Any) -> List[str]:
    """Draws the tags of one track."""
    texts = list(dict.fromkeys(tag["tag"] for tag in tags))
    bar_top = top + LANE - BAR - 6
    parts = [words(MARGIN, bar_top + 17, track, "start", "#212529", bold=True)]
    bars = 0
    # A bar too short for its text has it to the right, if nothing is there.
    taken = [WIDTH, *(x(tag["start_time"]) for tag in tags if tag["end_time"] > tag["start_time"])]
    for tag in tags:
        left, right = x(tag["start_time"]), x(tag["end_time"])
        # Where all tags say the same, neighbours are told apart by shade.
        colour = COLOURS[texts.index(tag["tag"]) % len(COLOURS)]
        if tag["start_time"] == tag["end_time"]:
            parts.append(f"<circle cx='{left}' cy='{bar_top - 10}' r='4' fill='{colour}'/>")
            continue
        shade = 0.9 if len(texts) > 1 or bars % 2 == 0 else 0.6
        bars += 1
        room = round(right - left, 1)
        shape = (
            f"<rect x='{left}' y='{bar_top}' width='{room}' height='{BAR}' rx='3' fill='{colour}' opacity='{shade}'>"
        )
        parts.append(f"{shape}<title>{escape(tag['tag'])}</title></rect>")
        if room > 8 * len(tag["tag"]):
            parts.append(words(left + room / 2, bar_top + 17, tag["tag"], "middle", "#ffffff"))
        elif all(not left < other < right + 12 + 8 * len(tag["tag"]) for other in taken):
            parts.append(words(right + 4, bar_top + 17, tag["tag"], "start", colour))
    return parts


def axis(end_ms: int, top: int, x: Any) -> List[str]:
    """Draws seconds, about ten of them."""
    step = next(step for step in (1, 2, 5, 10, 30, 60, 300, 600, 3600, 36000) if end_ms / 1000 / step <= 12)
    parts = [f"<path d='M{x(0)} {top + 6}H{x(end_ms)}' stroke='#adb5bd'/>"]
    for second in range(0, end_ms // 1000 + 1, step):
        at = x(second * 1000)
        parts.append(f"<path d='M{at} {top + 2}v8' stroke='#adb5bd'/>")
        parts.append(words(at, top + 24, f"{second} s", "middle", "#495057"))
    return parts


def words(x: float, y: float, text: str, anchor: str, colour: str, bold: bool = False) -> str:
    """Draws text."""
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{round(x, 1)}' y='{y}' font-size='13' text-anchor='{anchor}' fill='{colour}'{weight}>"
        f"{escape(text)}</text>"
    )


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(draw([json.loads(line) for line in file]))
