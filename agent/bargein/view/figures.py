"""Statistics as people read them: local time, and what became of calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile
from typing import TYPE_CHECKING

from ..store.filters import FATES, HANDED_OVER

if TYPE_CHECKING:
    from ..store import Stats

WAIT_NAMES = {  # the parts of the time before a reply, by their columns in `turns`
    "endpoint_ms": "end of turn",
    "recognition_ms": "of it recognition",
    "planning_ms": "planning",
    "synthesis_ms": "first synthesis",
    "wait_ms": "whole wait",
}
STEPS_MS = (25, 50, 100, 200, 500)  # widths of a histogram's bins
MOST_BINS = 12


@dataclass(frozen=True, slots=True)
class DayCount:
    """Calls that began on one day, and how many of them were interrupted."""

    calls: int = 0
    interrupted: int = 0


def fates(counts: Mapping[str, int]) -> dict[str, int]:
    """Calls by what became of them, in order. All that went to people are `handed over`, whoever answered."""
    found = dict.fromkeys(("contained", "handed over", *FATES), 0) | dict(counts)
    found["handed over"] = sum(counts.get(name, 0) for name in HANDED_OVER)
    return {name: count for name, count in found.items() if count}


def by_local_day(stats: Stats) -> dict[str, DayCount]:
    """By day in local time, the latest first."""
    days: dict[str, DayCount] = {}
    for stored, count in stats.hours.items():
        day = f"{_local(stored):%Y-%m-%d}"
        known = days.get(day, DayCount())
        days[day] = DayCount(known.calls + count.calls, known.interrupted + count.interrupted)
    return dict(sorted(days.items(), reverse=True))


def by_local_hour(stats: Stats) -> dict[int, int]:
    """Calls by hour of the day in local time; empty if there were none."""
    hours: dict[int, int] = {}
    for stored, count in stats.hours.items():
        hour = _local(stored).hour
        hours[hour] = hours.get(hour, 0) + count.calls
    return dict(sorted(hours.items()))


def _local(stored: str) -> datetime:
    return datetime.fromisoformat(f"{stored}:00").replace(tzinfo=UTC).astimezone()


def histogram(counts: Mapping[int, int]) -> list[tuple[str, int]]:
    """At most MOST_BINS + 1 bins of equal width, the last one open: (`50 to 74 ms`, count). It
    begins with the first that has any."""
    if not counts:
        return []
    values = sorted(counts)
    total, seen, high = sum(counts.values()), 0, values[-1]
    for value in values:  # the slowest hundredth goes into the last bin
        seen += counts[value]
        if seen >= 0.99 * total:
            high = value
            break
    step = next((step for step in STEPS_MS if high < step * MOST_BINS), 1000)
    last = min(MOST_BINS, high // step + 1)
    bins = [0] * (last + 1)
    for value, count in counts.items():
        bins[min(value // step, last)] += count
    named = [(f"{at * step} to {(at + 1) * step - 1} ms", count) for at, count in enumerate(bins[:last])]
    named += [(f"{last * step} ms or more", bins[last])] if bins[last] else []
    return list(dropwhile(lambda named: not named[1], named))
