"""Takes documents apart: blocks of code, headings, links."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<kind>.*)$")
FILE_NAME = re.compile(r"^(?:#|//) (?P<name>[\w./-]+\.\w+)$")
HEADING = re.compile(r"^#{1,6} (?P<text>.+)$")
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE_SPAN = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True)
class Block:
    """A fenced block: what kind it says it is, and its lines."""

    document: Path
    line: int
    kind: str
    lines: List[str]

    @property
    def place(self) -> str:
        """Where it stands, as editors take it."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def file_name(self) -> Optional[str]:
        """The file that the block is to be written as, if its first line is a comment that names one."""
        named = FILE_NAME.match(self.lines[0]) if self.lines else None
        return named and named["name"]

    @property
    def text(self) -> str:
        """What stands in it, without the line that names the file."""
        lines = self.lines[1:] if self.file_name else self.lines
        return "\n".join(lines).strip("\n") + "\n"


def documents() -> List[Path]:
    """All documents, sorted."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    opened: Optional[re.Match] = None
    start, lines = 0, []
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None:
            if fence:
                opened, start, lines = fence, number, []
        elif fence and fence["marks"].startswith(opened["marks"]) and not fence["kind"].strip():
            yield Block(document, start, opened["kind"].strip(), lines)
            opened = None
        else:
            lines.append(line[len(opened["indent"]) :] if line.startswith(opened["indent"]) else line)
    assert opened is None, f"{document}:{start}: the block has no end"


def prose(document: Path) -> List[str]:
    """The lines of a document outside its blocks; inside they are empty."""
    lines = document.read_text(encoding="utf-8").splitlines()
    for block in blocks(document):
        for number in range(block.line - 1, block.line + len(block.lines) + 1):
            lines[number] = ""
    return lines


def anchors(document: Path) -> List[str]:
    """The anchors of a document's headings, as code hosts make them."""
    seen: Dict[str, int] = {}
    found = []
    for line in prose(document):
        heading = HEADING.match(line)
        if heading:
            kept = re.sub(r"[^\w\- ]", "", heading["text"].strip().lower()).replace(" ", "-")
            found.append(f"{kept}-{seen[kept]}" if kept in seen else kept)
            seen[kept] = seen.get(kept, 0) + 1
    return found


def links(document: Path) -> Iterator["tuple[int, str]"]:
    """The lines and targets of a document's links, which may reach over a line's end."""
    text = CODE_SPAN.sub("", "\n".join(prose(document)))
    for link in LINK.finditer(text):
        yield text.count("\n", 0, link.start()) + 1, link["target"]
