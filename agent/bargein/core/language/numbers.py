"""Spoken numbers and days, by the words of a language file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

LONGEST = 18  # digits of a number


@dataclass(frozen=True, slots=True)
class Numbers:
    """Number words. `values`: "seven" 7, "twenty" 20; `scales`: "hundred" 100; `repeats`: "double" 2; `glue`: "and"."""

    values: Mapping[str, int] = field(default_factory=dict)
    scales: Mapping[str, int] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    glue: frozenset[str] = frozenset()
    days: Mapping[str, int] = field(default_factory=dict)  # "today" 0, "tomorrow" 1
    weekdays: Mapping[str, int] = field(default_factory=dict)  # Monday is 0
    months: Mapping[str, int] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)  # "first" 1 ... "thirtieth" 30

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Numbers:
        """From the part `numbers` of a language file. Raises ValueError for what is no number."""

        def table(name: str) -> dict[str, int]:
            return {str(word): int(value) for word, value in data.get(name, {}).items()}

        values = table("values")
        if link := data.get("compound"):  # German: einundzwanzig
            tens = {word: n for word, n in values.items() if n >= 20 and n % 10 == 0}
            units = {word: n for word, n in values.items() if 0 < n < 10}
            values |= {unit + link + ten: m + n for ten, m in tens.items() for unit, n in units.items()}
        return cls(
            values=values,
            scales=table("scales"),
            repeats=table("repeats"),
            glue=frozenset(data.get("glue", ())),
            days=table("days"),
            weekdays=table("weekdays"),
            months=table("months"),
            ordinals=table("ordinals"),
        )


def digits_in(words: Sequence[str], numbers: Numbers) -> str:
    """Digits dictated one by one or in groups: "four two double seven", "twenty three five", "4277". "" if none."""
    out, times, tens = "", 1, False
    for word in words:
        if word in numbers.repeats:
            times = numbers.repeats[word]
            continue
        value = _value(word, numbers)
        if value is None:
            times, tens = 1, False
            continue
        if tens and 0 < int(value) < 10 and not word.isdigit():
            out = out[:-1]  # "twenty three" is 23, not 203
        out += value * times
        times, tens = 1, not word.isdigit() and int(value) >= 20 and int(value) % 10 == 0
    return out


def number_in(words: Sequence[str], numbers: Numbers) -> int | None:
    """The last quantity said: "two", "a hundred and twenty five", "1,200" as tokens "1" "200" is not joined."""
    found: int | None = None
    total, current, inside = 0, 0, False
    for word in [*words, ""]:
        value = _value(word, numbers)
        if value is not None:
            grows = inside and 0 < int(value) < 10 and current % 10 == 0 and current >= 20
            fresh = inside and current % 100 == 0 and current > 0
            if inside and not grows and not fresh and current:
                total, current = 0, 0  # a new number: "two, no, three"
            current, inside = current + int(value), True
        elif word in numbers.scales:
            scale, inside = numbers.scales[word], True
            if scale >= 1000:
                total, current = total + max(current, 1) * scale, 0
            else:
                current = max(current, 1) * scale
        elif inside and word in numbers.glue:
            continue
        elif inside:
            found, total, current, inside = total + current, 0, 0, False
    return found


def _value(word: str, numbers: Numbers) -> str | None:
    if word.isascii() and word.isdigit():
        return word if len(word) <= LONGEST else None
    return str(numbers.values[word]) if word in numbers.values else None


def date_in(words: Sequence[str], numbers: Numbers, today: date) -> date | None:
    """A day said: "tomorrow", "next Friday", "the fifth of May", "May 5th". Days without a year lie ahead."""
    for phrase, days in sorted(numbers.days.items(), key=lambda item: -len(item[0])):
        if f" {phrase} " in f" {' '.join(words)} ":
            return today + timedelta(days=days)
    month = next((numbers.months[word] for word in words if word in numbers.months), 0)
    if month:
        day = next((d for word in words if (d := _day(word, numbers))), 0)
        return _ahead(today, month, day) if day else None
    for word in words:
        if word in numbers.weekdays:
            return today + timedelta(days=(numbers.weekdays[word] - today.weekday() - 1) % 7 + 1)
    return None


def _day(word: str, numbers: Numbers) -> int:
    digits = "".join(c for c in word if c.isascii() and c.isdigit())
    value = int(digits[:LONGEST]) if digits else numbers.ordinals.get(word, numbers.values.get(word, 0))
    return value if 1 <= value <= 31 else 0


def _ahead(today: date, month: int, day: int) -> date | None:
    for year in range(today.year, today.year + 9):  # the 29th of February may be 8 years away
        try:
            if (found := date(year, month, day)) >= today:
                return found
        except ValueError:
            continue
    return None
