"""What people write to choose calls: times, durations and outcomes. The terminal and the web pages take the same."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta

from ..clock import Clock, SystemClock
from ..core.turns.reply import CallResult
from ..store.filters import FATES

OUTCOMES = (*CallResult, "caller_hung_up")  # column `outcome`
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MOST = 1_000_000_000  # the largest number that every database accepts
WHEN = "expected 2h, 3d, today, yesterday, 2026-03-01 or 2026-03-01T09:30"


def span(text: str) -> timedelta:
    """`90d`, `12h`, `30m`, `2w`, `45s`. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not match:
        raise ValueError("expected a number and s, m, h, d or w, such as 90d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def moment(text: str, clock: Clock | None = None) -> datetime:
    """A time, or how long ago. Days begin at local midnight, also when the clocks change. Raises ValueError."""
    now = (clock or SystemClock()).utc()
    try:
        if text in ("today", "yesterday"):
            day = now.astimezone().date() - timedelta(days=text == "yesterday")
            return datetime(day.year, day.month, day.day).astimezone(UTC)
        if re.fullmatch(r"[0-9]+[smhdw]", text):
            return now - span(text)
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r}: {WHEN}") from None
    if at.year < 1970:
        raise ValueError(f"{text!r}: {WHEN}")
    return at


def milliseconds(text: str) -> int:
    """`30s`, `2m`, `500ms`, or a number of seconds; in ms. Raises ValueError."""
    try:
        ms = re.fullmatch(r"([0-9]{1,9})ms", text)
        whole = int(ms[1]) if ms else span(f"{text}s" if text.isdigit() else text) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r}: expected a duration such as 30s, 2m or 500ms") from None
    if whole > MOST:
        raise ValueError(f"{text!r}: too long")
    return whole


def fate(text: str) -> str:
    """What became of a call, as a table shows it. Raises ValueError with the list."""
    name = text.strip().lower().replace("_", " ").replace("-", " ")
    if name not in FATES:
        raise ValueError(f"{text!r} is none of {', '.join(FATES)}")
    return name


def outcome(text: str) -> str:
    """An outcome as the database or a table shows it; "" for a call in progress. Raises ValueError with the list."""
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    if name == "in_progress":
        return ""
    if name in OUTCOMES:
        return name
    near = difflib.get_close_matches(name, OUTCOMES, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(f"{text!r} is no outcome; {hint}outcomes are {', '.join([*OUTCOMES, 'in_progress'])}")
