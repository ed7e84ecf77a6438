"""Terminal output: harmless text, display widths, colour, tables, JSON and CSV."""

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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..core.language.neutral import JOINERS, neutral, neutral_character

UNLIMITED = 1_000_000  # the width of a pipe or a file: programs get every character
MARK = "\u200e"  # left-to-right mark: has no width
SHORT_ID = 8  # characters of an id that are enough to name a call
FIXED = 24  # the widest fixed column on a terminal: callers choose the contents of some columns


def cells(text: str) -> int:
    """Number of terminal columns that the text occupies."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(c) or c in JOINERS or c == MARK
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def shorten(text: str, width: int, *, keep_end: bool = False) -> str:
    """Cut the text to `width` columns with an ellipsis at the end, or at the beginning with `keep_end`."""
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


def folded(text: str, width: int, indent: int = 0) -> list[str]:
    """The text in lines of at most `width` columns, broken between words; all but the first are indented."""
    lines, used = [""], 0
    for word in text.split(" "):
        if used and used + 1 + cells(word) > width:
            lines.append(" " * indent + word)
            used = indent + cells(word)
        else:
            lines[-1] += f" {word}" if used else word
            used += cells(word) + bool(used)
    return lines


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text goes: its width in columns, and whether it shows colour."""

    width: int = UNLIMITED
    color: bool = False

    @classmethod
    def of_stdout(cls) -> Screen:
        """The current stdout. Obeys NO_COLOR and FORCE_COLOR (no-color.org). Only a terminal limits the width."""
        tty = sys.stdout.isatty()
        color = tty and os.environ.get("TERM") != "dumb"
        color = not os.environ.get("NO_COLOR") and (color or bool(os.environ.get("FORCE_COLOR")))
        return cls(max(40, shutil.get_terminal_size((100, 24)).columns) if tty else UNLIMITED, color)

    def paint(self, text: str, *codes: str) -> str:
        """The text with SGR codes around it, if the screen shows colour."""
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.color and codes and text else text

    def dim(self, text: str) -> str:
        return self.paint(text, "2")

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def isolated(self, text: str) -> str:
        """Text that turns nothing around it, if it is written from right to left and the terminal knows how."""
        turns = self.width < UNLIMITED and any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
        return f"{MARK}{text}{MARK}" if turns else text

    def strike(self, text: str) -> str:
        """Struck through, or ~~text~~ without colour."""
        return self.paint(text, "9", "2") if self.color else f"~~{text}~~" if text else ""


def write(lines: Iterable[str]) -> None:
    """Write lines to stdout. Characters that its encoding lacks become `?`."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


def clock_length(ms: int) -> str:
    """`3:10`, as a telephone's display has it."""
    return f"{round(ms / 1000) // 60}:{round(ms / 1000) % 60:02d}"


def counted(count: int, noun: str) -> str:
    """A number and its noun: `1 call`, `1,200 calls`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def local(time: datetime) -> str:
    """A point in time in the local time zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. On a narrow terminal, `flexible` columns shrink; `spare` ones go, then `optional` ones, the
    last first."""

    title: str
    right: bool = False
    flexible: bool = False
    optional: bool = False
    spare: bool = False
    keep_end: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen) -> list[str]:
    """Aligned lines, a dim heading first, none wider than the screen. Neutralizes every cell."""
    clean = [[neutral(cell) for cell in row] for row in rows]
    widths = _fitting(columns, clean, screen)

    def line(row: Sequence[str]) -> str:
        parts = []
        for i, width in widths.items():
            text = shorten(row[i], width, keep_end=columns[i].keep_end)
            gap = " " * (width - cells(text))
            text = screen.isolated(text)
            parts.append(gap + text if columns[i].right else text + gap)
        return "  ".join(parts).rstrip()

    return [screen.dim(line([c.title for c in columns])), *map(line, clean)]


def hidden_text(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen) -> list[str]:
    """Dim lines with the columns that `table` leaves out because the screen is narrow; nothing if it shows all."""
    shown = _fitting(columns, [[neutral(cell) for cell in row] for row in rows], screen)
    left_out = [columns[i].title for i in _filled(columns, rows) if i not in shown]
    if not rows or not left_out:
        return []
    told = f"not shown, the window is narrow: {', '.join(left_out)}"
    return ["", *map(screen.dim, textwrap.wrap(told, screen.width))]


def write_list(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen, none: str) -> None:
    """A table and what it leaves out; `none` if there are no rows."""
    write(table(columns, rows, screen) if rows else [none])
    write(hidden_text(columns, rows, screen))


def _filled(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """The columns that have something to show."""
    return [i for i, column in enumerate(columns) if not column.optional or any(row[i] for row in rows)]


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: Screen) -> dict[int, int]:
    """Width of each column that the screen has room for."""
    longest = [max([cells(c.title), *(cells(row[i]) for row in rows)]) for i, c in enumerate(columns)]
    most = FIXED if screen.width < UNLIMITED else UNLIMITED
    natural = [need if c.flexible else min(need, most) for c, need in zip(columns, longest, strict=True)]
    shown = _filled(columns, rows)
    widths = _fitted(columns, natural, shown, screen.width)
    while sum(widths.values()) + 2 * (len(widths) - 1) > screen.width and len(shown) > 1:
        spare = [i for i in shown if columns[i].spare]
        optional = [i for i in shown if columns[i].optional]
        shown.remove((spare or optional or shown)[-1])
        widths = _fitted(columns, natural, shown, screen.width)
    return widths


def _fitted(columns: Sequence[Column], natural: Sequence[int], shown: Sequence[int], room: int) -> dict[int, int]:
    """Width of each visible column. Flexible ones share the remaining room; each gets at least 10 or its need."""
    flexible = [i for i in shown if columns[i].flexible]
    left = room - 2 * (len(shown) - 1) - sum(natural[i] for i in shown if i not in flexible)
    widths = {}
    for rank, i in enumerate(sorted(flexible, key=lambda i: natural[i])):
        share = max(min(10, natural[i]), left // (len(flexible) - rank))
        widths[i] = min(natural[i], share)
        left -= widths[i]
    return {i: widths.get(i, natural[i]) for i in shown}


def plain(value: Any) -> Any:
    """A dataclass, or a collection of them, as JSON types. Times are in UTC."""
    if value is None or isinstance(value, str | int | float):  # most values: an export has 200 for each call
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def to_json(value: Any, indent: int | None = 2) -> str:
    """JSON in readable UTF-8. Characters that could act on a terminal become \\u escapes, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=plain)
    return re.sub(r"[^\x00-\x7e]", _escaped, text)  # json itself escapes the control characters but DEL


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return json.dumps(character)[1:-1] if neutral_character(character) != character else character


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines of CSV, heading first (RFC 4180). A cell that looks like a formula gets an apostrophe in front."""
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
