"""What a terminal needs: text that cannot harm it, widths, colour used sparingly, tables, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ..core.language.neutral import JOINERS, neutral, neutral_character

PIPED_WIDTH = 100
FIXED = 24  # no column that is not flexible is wider: whoever calls chooses what is in some of them


def cells(text: str) -> int:
    """Columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or c in JOINERS else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def shorten(text: str, width: int, *, keep_end: bool = False) -> str:
    """At most `width` columns, an ellipsis for what is left out: the end, or the beginning."""
    if cells(text) <= width:
        return text
    if keep_end:
        return shorten(text[::-1], width)[::-1]
    kept = ""
    for character in text:
        if cells(kept + character) > width - 1:
            break
        kept += character
    return kept.rstrip() + "…" if width > 0 else ""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text goes: how wide it is and whether it shows colour."""

    width: int = PIPED_WIDTH
    color: bool = False

    @classmethod
    def of_stdout(cls) -> Screen:
        """The terminal as it is; NO_COLOR and FORCE_COLOR are heeded (no-color.org)."""
        tty = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        color = not os.environ.get("NO_COLOR") and (tty or bool(os.environ.get("FORCE_COLOR")))
        return cls(max(40, shutil.get_terminal_size((PIPED_WIDTH, 24)).columns), color)

    def paint(self, text: str, *codes: str) -> str:
        """The text with SGR codes around it, if colour is shown."""
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.color and codes and text else text

    def dim(self, text: str) -> str:
        return self.paint(text, "2")

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def strike(self, text: str) -> str:
        """Struck through: as ~~text~~ where no escape sequence may be."""
        return self.paint(text, "9", "2") if self.color else f"~~{text}~~" if text else ""


def write(lines: Iterable[str]) -> None:
    """Lines to stdout, whatever its encoding can show of them."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


def latency(ms: int | None) -> str:
    """`84 ms`, `1.3 s`; `-` for none."""
    if ms is None:
        return "-"
    return f"{ms} ms" if abs(ms) < 1000 else f"{ms / 1000:.1f} s"


def length(ms: int) -> str:
    """`12 s`, `1:05 min`, `2:00:01 h`."""
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} h" if hours else f"{minutes}:{seconds:02d} min"


def position(ms: int) -> str:
    """Where in a call: `0:04.1`."""
    tenths = ms // 100
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def local(time: datetime) -> str:
    """A time of day as the person's clock shows it."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. `flexible` ones give way when the terminal is narrow, `optional` ones go, last first."""

    title: str
    right: bool = False
    flexible: bool = False
    optional: bool = False
    keep_end: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen) -> list[str]:
    """Aligned lines, a dim heading first, none wider than the screen. Cells are neutralised here."""
    clean = [[neutral(cell) for cell in row] for row in rows]
    longest = [max([cells(c.title), *(cells(row[i]) for row in clean)]) for i, c in enumerate(columns)]
    natural = [need if c.flexible else min(need, FIXED) for c, need in zip(columns, longest, strict=True)]
    shown = [i for i, c in enumerate(columns) if any(row[i] for row in clean) or not c.optional]
    widths = _fitted(columns, natural, shown, screen.width)
    while sum(widths.values()) + 2 * (len(widths) - 1) > screen.width and len(shown) > 1:
        optional = [i for i in shown if columns[i].optional]
        shown.remove(optional[-1] if optional else shown[-1])
        widths = _fitted(columns, natural, shown, screen.width)

    def line(row: Sequence[str]) -> str:
        parts = []
        for i, width in widths.items():
            text = shorten(row[i], width, keep_end=columns[i].keep_end)
            gap = " " * (width - cells(text))
            parts.append(gap + text if columns[i].right else text + gap)
        return "  ".join(parts).rstrip()

    return [screen.dim(line([c.title for c in columns])), *map(line, clean)]


def _fitted(columns: Sequence[Column], natural: Sequence[int], shown: Sequence[int], room: int) -> dict[int, int]:
    """Width of each column shown: flexible ones share what the others leave, none below 10 or its need."""
    flexible = [i for i in shown if columns[i].flexible]
    left = room - 2 * (len(shown) - 1) - sum(natural[i] for i in shown if i not in flexible)
    widths = {}
    for rank, i in enumerate(sorted(flexible, key=lambda i: natural[i])):
        share = max(min(10, natural[i]), left // (len(flexible) - rank))
        widths[i] = min(natural[i], share)
        left -= widths[i]
    return {i: widths.get(i, natural[i]) for i in shown}


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken between words."""
    return textwrap.wrap(text, max(width, 10)) or [""]


def plain(value: Any) -> Any:
    """A dataclass, or rows of them, as JSON's types; times in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def to_json(value: Any, indent: int | None = 2) -> str:
    """JSON in readable UTF-8; characters that could act on a terminal are \\u escapes, so nothing is lost."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    return re.sub(r"[^\x00-\x7e]", _escaped, text)  # json itself escapes the control characters but DEL


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return json.dumps(character)[1:-1] if neutral_character(character) != character else character


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines of CSV, heading first (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(plain(row[name])) for name in names])
    return buffer.getvalue().splitlines()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value if not isinstance(value, list | dict) else json.dumps(value)
    text = neutral(value)
    return f"'{text}" if re.match(r"[=@]|[+-](?![\d ()/-]*$)", text) else text
