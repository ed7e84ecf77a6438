"""The words of a language for days. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .values import NEVER

LONGEST_SHORT = 4  # letters of a shortened weekday: "thur"


@dataclass(frozen=True, slots=True)
class Dates:
    """Words for days. `weekdays`: Monday is 0. `order`: of day and month in figures, "dmy", "mdy", "" for unknown."""

    days: Mapping[str, int] = field(default_factory=dict)  # "today" 0, "tomorrow" 1
    weekdays: Mapping[str, int] = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)  # "first" 1 ... "thirty first" 31
    suffixes: frozenset[str] = frozenset()  # of a figure: "5th"
    units: Mapping[str, int] = field(default_factory=dict)  # in days: "week" 7
    idioms: Mapping[str, int] = field(default_factory=dict)  # in days: "acht Tage" 7, where a day stands before it
    month_of: Mapping[str, int] = field(default_factory=dict)  # the 5th of "next month" 1
    ahead: frozenset[str] = frozenset()  # "in" two days
    since: frozenset[str] = frozenset()  # a week "from" Monday
    later: frozenset[str] = frozenset()  # a week "from now"
    following: Mapping[str, int] = field(default_factory=dict)  # "the day after" 1; 0: "the next one", of weekdays
    coming: frozenset[str] = frozenset()  # beside a weekday: "next"
    this: frozenset[str] = frozenset()  # beside a weekday that is today: today, or in a week?
    after_next: frozenset[str] = frozenset()  # beside a weekday: "after next"
    next_week: frozenset[str] = frozenset()  # "Monday next week", whose first day is a Monday
    day_of: frozenset[str] = frozenset()  # in front of a day of the month that is a plain number: "le" 5
    past: frozenset[str] = frozenset()  # "last" Friday
    link: frozenset[str] = frozenset()  # between day and month: the fifth "of" May
    one: frozenset[str] = frozenset()  # "a" week
    parts: frozenset[str] = frozenset()  # of a day, which may be words for days themselves: "por la mañana"
    loose: frozenset[str] = frozenset()  # months that are common words, too: "may"
    in_month: frozenset[str] = frozenset()  # in front of such a word, which is a month then: "late" May
    at: frozenset[str] = frozenset()  # in front of a time of day
    clock: frozenset[str] = frozenset()  # behind a time of day: "o'clock", "pm"
    clear: frozenset[str] = frozenset()  # "has to": holds a word of `unclear`, and changes no day
    unclear: frozenset[str] = frozenset()  # "before", "weekend", "month"
    order: str = ""
    years: Mapping[str, int] = field(default_factory=dict)  # "next year" 1
    month_ordinals: bool = False  # "am fünften zwölften" is in December
    named: Mapping[str, str] = field(default_factory=dict)  # "christmas eve" 12-24; 00-00 is asked for again

    time_words: frozenset[str] = frozenset()  # of times of day behind `at`: "half", "past"
    holidays: re.Pattern[str] = NEVER  # finds those names

    @classmethod
    def of(cls, data: Mapping[str, Any], time_words: Iterable[str] = ()) -> Dates:
        """From the part `dates` of a language file, and the words of its times. Raises ValueError if it is wrong."""
        tables = ("days", "weekdays", "months", "ordinals", "units", "following", "years", "idioms", "month_of")
        words = (
            "suffixes", "ahead", "since", "later", "past", "link", "one", "parts", "loose", "in_month", "at", "clock",
            "clear", "unclear", "coming", "this", "after_next", "next_week", "day_of",
        )  # fmt: skip
        if unknown := sorted(set(data) - {*tables, *words, "order", "joined_parts", "month_ordinals", "named"}):
            raise ValueError(f"dates: {unknown[0]!r} is not known")
        if (order := str(data.get("order", ""))) not in ("", "dmy", "mdy"):
            raise ValueError("dates: order: is dmy or mdy")
        found: dict[str, Any] = {
            name: {str(word): int(value) for word, value in data.get(name, {}).items()} for name in tables
        }
        found |= {name: frozenset(data.get(name, ())) for name in words}
        if data.get("joined_parts") == "true":  # German: Freitagabend
            parts = [part for part in found["parts"] if " " not in part]
            long = {day: n for day, n in found["weekdays"].items() if len(day) > LONGEST_SHORT}
            found["weekdays"] |= {day + part: n for day, n in long.items() for part in parts}
        named = {str(name): str(day) for name, day in data.get("named", {}).items()}
        names = "|".join(re.escape(name).replace("'", "['\u2019]") for name in sorted(named, key=len, reverse=True))
        return cls(
            **found,
            time_words=frozenset(time_words),
            order=order,
            month_ordinals=data.get("month_ordinals") == "true",
            named=named,
            holidays=re.compile(rf"\b(?:{names})\b", re.IGNORECASE) if names else NEVER,
        )

    @property
    def before_month(self) -> frozenset[str]:
        """What makes a month of a word of `loose`: "in May", "late March"."""
        return self.ahead | self.in_month | self.this | self.coming | self.past | self.link

    @property
    def phrases(self) -> tuple[str, ...]:
        """What stands for one word, though it may have several."""
        return (
            *self.days, *self.ordinals, *self.parts, *self.unclear, *self.one, *self.link, *self.weekdays, *self.ahead,
            *self.since, *self.later, *self.clear, *self.at, *self.clock, *self.past, *self.following, *self.coming,
            *self.this, *self.after_next, *self.next_week, *self.day_of, *self.years, *self.idioms, *self.month_of,
        )  # fmt: skip
