"""Business hours as an author writes them: `mon-fri: 09:00-12:00, 13:00-17:30`."""

from __future__ import annotations

import re
from datetime import date, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .model import Hours
from .source import Value

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*(?:-|to)\s*(\d{1,2}):(\d\d)")


def parse_hours(value: Value, zone: Value, holidays: Value) -> Hours:
    """Hours from `hours:`, `timezone:` and `holidays:`. Raises UserError with the line."""
    days: dict[int, tuple[tuple[time, time], ...]] = {}
    for name, spans in value.pairs():
        for day in _days(name, spans):
            days[day] = tuple(_span(text, spans) for text in _parts(spans))
    return Hours(_zone(zone), days, frozenset(_holiday(item) for item in holidays.items()))


def _parts(value: Value) -> list[str]:
    parts = [part.strip() for text in value.texts() for part in text.split(",")]
    return [part for part in parts if part and part != "closed"]


def _days(name: str, value: Value) -> list[int]:
    first, dash, last = name.lower().partition("-")
    try:
        begin = DAYS.index(first.strip()[:3])
        end = DAYS.index(last.strip()[:3]) if dash else begin
    except ValueError:
        value.fail(f"{name!r} is no day; write mon, tue ... sun, or mon-fri")
    return [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]


def _span(text: str, value: Value) -> tuple[time, time]:
    match = _SPAN.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        a, b, c, d = map(int, match.groups())
        first, last = time(a, b), time.max if (c, d) == (24, 0) else time(c, d)
    except ValueError:
        value.fail(f"{text!r} is no span of hours; write 09:00-17:30")
    if first >= last:
        value.fail(f"{text!r} ends before it begins; a night is two spans: 22:00-24:00 and 00:00-06:00")
    return first, last


def _zone(value: Value) -> ZoneInfo:
    name = value.text() or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        value.fail(f"the time zone {name!r} is not known; write one like Europe/Berlin")


def _holiday(value: Value) -> date:
    return value.attempt(lambda: date.fromisoformat(value.text()))
