"""Business hours as an author writes them: `mon-fri: 09:00-12:00, 13:00-17:30`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, time, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .model import Hours
from .source import Value

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = ("daily", "every day", "always")
_LIST = re.compile(r"\s*[,;/+&]\s*|\s+(?:and|und|y|e|et|en)\s+", re.IGNORECASE)
_TO = r"(?:\s*[-\u2010-\u2015\u2212~]\s*|\s+(?:to|till|until|through|thru|bis|a|à|al|au|às|tot)\s+)"
_DASH = re.compile(_TO, re.IGNORECASE)
_SPAN = re.compile(rf"(\d{{1,2}}):(\d\d){_TO}(\d{{1,2}}):(\d\d)", re.IGNORECASE)


def zone_of(value: Value) -> tzinfo:
    """The time zone that `timezone:` names; UTC if it is left out. Raises UserError with the line."""
    name = value.text()
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        value.fail(f"the time zone {name!r} is not known; write one like Europe/Berlin")


def parse_hours(value: Value, zone: tzinfo, holidays: Value, weekdays: Mapping[str, int]) -> Hours:
    """Hours from `hours:` and `holidays:`. Raises UserError with the line.

    `weekdays` are the names of the days in the flow's language (Monday is 0); English names are always understood.
    """
    if not value.is_map and not value.is_empty:
        value.fail("hours: needs days with their hours, like  mon-fri: 09:00-17:30")
    days: dict[int, tuple[tuple[time, time], ...]] = {}
    given: dict[int, str] = {}
    for name, spans in value.pairs():
        for day in _days(name, spans, weekdays):
            if day in given:
                spans.fail(f"{DAYS[day]} is in {name!r} and in {given[day]!r}; name each day once")
            given[day] = name
            days[day] = _spans(spans)
    return Hours(zone, days, frozenset(_holiday(item) for item in holidays.items()))


def _days(name: str, value: Value, weekdays: Mapping[str, int]) -> list[int]:
    """The days that a key names: `mon`, `mon, wed`, `mon-fri`, `monday to friday`, `sat and sun`, `daily`."""
    if " ".join(name.lower().split()) in EVERY_DAY:
        return list(range(7))
    found: list[int] = []
    for part in _LIST.split(name.strip()):
        ends = [_day(end, name, value, weekdays) for end in _DASH.split(part)]
        if len(ends) > 2:
            value.fail(f"{name!r}: a range of days has two ends; write mon-fri")
        first, last = ends[0], ends[-1]
        found += [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
    if len(set(found)) < len(found):
        value.fail(f"{name!r} names a day twice")
    return found


def _day(word: str, name: str, value: Value, weekdays: Mapping[str, int]) -> int:
    """The day that a word names, whole or by its first letters. The flow's language counts before English."""
    word = word.strip().rstrip(".").lower()
    for names in (weekdays, dict(zip(DAYS, range(7), strict=True))):
        if word in names:
            return names[word]
        first: dict[int, str] = {}  # by day: "Samstag" and not "Sonnabend"
        for full, day in names.items():
            first.setdefault(day, full)
        matching = [day for day, full in first.items() if full.startswith(word)]
        if len(word) >= 2 and len(matching) == 1:
            return matching[0]
    if re.search(r"\d{4}-\d|\d\.|\d/\d+/|holiday|feiertag", name, re.IGNORECASE):
        value.fail(f"{name!r} is not a day of the week; closed days go under  holidays: [2026-12-25]")
    if "24" in name:
        value.fail(f"{name!r} is not a day; to be open at any time write  daily: 00:00-24:00")
    value.fail(f"{word or name!r} is not a day; write mon, tue ... sun, mon-fri, or a list: mon, wed")


def _spans(value: Value) -> tuple[tuple[time, time], ...]:
    parts = [part.strip() for text in value.texts() for part in text.split(",")]
    if [part for part in parts if part] in ([], ["closed"]):
        return ()
    spans = sorted(_span(part, value) for part in parts)
    _overlap(spans, value)
    return tuple(spans)


def _overlap(spans: Sequence[tuple[time, time]], value: Value) -> None:
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            value.fail(f"the hours overlap: one span begins at {after[0]:%H:%M}, another ends at {before[1]:%H:%M}")


def _span(text: str, value: Value) -> tuple[time, time]:
    match = _SPAN.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        a, b, c, d = map(int, match.groups())
        first, last = time(a, b), time.max if (c, d) == (24, 0) else time(c, d)
    except ValueError:
        value.fail(f"{text!r} is not a span of hours; write 09:00-17:30, or closed")
    if first >= last:
        value.fail(f"{text!r} ends before it begins; a night is two spans: 22:00-24:00 and 00:00-06:00")
    return first, last


def _holiday(value: Value) -> date:
    try:
        return date.fromisoformat(value.text())
    except ValueError:
        value.fail(f"{value.text()!r} is not a date; write 2026-12-25, one entry for each day")
