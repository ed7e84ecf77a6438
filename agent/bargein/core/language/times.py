"""Finds times of day in the caller's words, by the words of a language file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from .number_words import Numbers
from .numbers import cardinals
from .values import PAUSE, Repairs, Said, Unclear, is_figure, merged, wanted

_CLOCK = re.compile(r"([0-9]{1,2})[:.h]([0-9]{2})([^\W\d_]*)")
_HOUR_MARK = re.compile(r"(?<![0-9])([0-9]{1,2}) ?[hH](?:([0-9]{2}))?(?![^\W_])")  # 15h30, 15 h
_COMMA = re.compile(r"(?<![0-9])(0[0-9][:.h][0-9]{2}),(?=\s)")  # "08:00, in the afternoon I work"
_HOUR = re.compile(r"([0-9]{1,2})([^\W\d_]*)")
_FOUR = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])([^\W\d_]*)")  # 0900, 1530
HALF_DAY = 12
HOUR, DAY = 60, 24 * 60  # minutes


class HalfDayUnknown(Unclear):
    """The time may lie before or after noon."""


@dataclass(frozen=True, slots=True)
class Times:
    """Words for times of day.

    `forms`: what is said to minutes after the hour, with {h} for the hour and {m} for minutes: "half past {h}" 30,
    "{m} to {h}" "-m", "{m} vor halb {h}" "-30-m". The words of a form are matched one by one.
    """

    forms: tuple[tuple[tuple[str, ...], str], ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)  # "noon" 12:00
    morning: frozenset[str] = frozenset()  # "am", "in the morning"
    afternoon: frozenset[str] = frozenset()  # "pm", "in the evening"
    unclear: frozenset[str] = frozenset()  # "before", "between", "about"

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Times:
        """From the part `times` of a language file. Raises ValueError if it is wrong."""
        if unknown := sorted(set(data) - {"forms", "fixed", "morning", "afternoon", "unclear"}):
            raise ValueError(f"times: {unknown[0]!r} is not known")
        forms = [(tuple(str(form).split()), str(value)) for form, value in data.get("forms", {}).items()]
        for _, value in forms:
            if not re.fullmatch(r"-?(?:[0-9]+|m)|-30[+-]m", value):
                raise ValueError(f"times: {value!r} is no number of minutes, m, -m, -30+m or -30-m")
        return cls(
            tuple(sorted(forms, key=lambda form: -len(form[0]))),
            {str(word): str(value) for word, value in data.get("fixed", {}).items()},
            *(frozenset(data.get(name, ())) for name in ("morning", "afternoon", "unclear")),
        )

    @property
    def words(self) -> frozenset[str]:
        """The words of the forms: "half", "past"."""
        return frozenset(part for form, _ in self.forms for part in form if not part.startswith("{"))


def time_in(
    text: str,
    times: Times,
    numbers: Numbers,
    repairs: Repairs,
    earliest: time = time.min,
    latest: time = time.max,
) -> time | None:
    """The time of day that was said, None if there is none. Raises Unclear rather than guess.

    "three" may be 3:00 or 15:00; `earliest` and `latest` decide if only one of them lies between. If none does, the
    time is given as it was said, and the caller of this function refuses it.
    """
    reader = _TimeReader(repairs.marked(text), times, numbers)
    kept = wanted(reader.found, reader.words, repairs)
    if len({said.value for said in kept}) > 1 or (kept and reader.left_over):
        raise Unclear
    if not kept:
        return None
    minutes, is_whole = kept[0].value
    return _settled(minutes, is_whole, reader.half_day, earliest, latest)


def is_clock_time(text: str, times: Times, numbers: Numbers, before: frozenset[str] = frozenset()) -> bool:
    """Whether a time was said in a form that is nothing else: "half past three", "3 pm", "at three", but not "three".

    `before` are the words that stand in front of a time: "at".
    """
    try:
        reader = _TimeReader(text, times, numbers)
    except Unclear:
        return False  # "24.12." has the form of a time, and is none
    for said in reader.found:
        words = reader.words[said.start : said.end]
        introduced = said.start > 0 and reader.words[said.start - 1] in before
        if reader.half_day or introduced or len(words) > 1 or not words[0].isalnum() or words[0] in times.fixed:
            return True
    return False


def _settled(minutes: int, is_whole: bool, half_day: str, earliest: time, latest: time) -> time:
    """The time on a 24-hour clock. `is_whole`: the words leave only one half of the day."""
    candidates = [minutes % DAY]
    if not is_whole:
        early = minutes % (DAY // 2)
        candidates = [early, early + DAY // 2]
        if half_day:
            candidates = candidates[:1] if half_day == "morning" else candidates[1:]
    found = [time(m // HOUR, m % HOUR) for m in candidates]
    fitting = [t for t in found if earliest <= t <= latest]
    if len(fitting) > 1:
        raise HalfDayUnknown
    return (fitting or found)[0]


class _TimeReader:
    """Finds the times in one text: (minutes after midnight, whether the half of the day is known)."""

    def __init__(self, text: str, times: Times, numbers: Numbers) -> None:
        self._times, self._numbers = times, numbers
        phrases = (*times.fixed, *times.morning, *times.afternoon, *times.unclear)
        text = _HOUR_MARK.sub(lambda m: f"{m[1]}:{m[2]}" if m[2] else f"{m[1]} h", text)
        words = merged(numbers.words(_COMMA.sub(rf"\1 {PAUSE}", text)), phrases)
        self.words = [word for word in words if word not in numbers.parties]  # "19 Uhr zu viert"
        self._number_at = {said.start: said for said in cardinals(self.words, numbers)}
        self.found: list[Said[tuple[int, bool]]] = []
        self.half_day = ""
        self.left_over = False
        at = 0
        while at < len(self.words):
            at = self._step(at)

    def _step(self, at: int) -> int:
        word, times = self.words[at], self._times
        if word in times.morning or word in times.afternoon:
            self._half("morning" if word in times.morning else "afternoon")
            return at + 1
        if word in times.fixed:
            hour, minute = map(int, times.fixed[word].split(":"))
            self.found.append(Said((hour * HOUR + minute, True), at, at + 1))
            return at + 1
        said = self._time(at)
        if said is not None:
            self.found.append(said)
            return said.end
        number = self._number_at.get(at)
        alone = number is not None and number.end == at + 1 and word in self._numbers.articles
        if word in times.unclear or is_figure(word) or (number is not None and not alone):
            self.left_over = True
        return at + 1

    def _half(self, name: str) -> None:
        if self.half_day not in ("", name):
            self.left_over = True
        self.half_day = name

    def _time(self, at: int) -> Said[tuple[int, bool]] | None:
        if match := _CLOCK.fullmatch(self.words[at]):
            return self._clock(int(match[1]), int(match[2]), match[3], match[1], at)
        for form, minutes in self._times.forms:
            if (said := self._form(form, minutes, at)) is not None:
                return said
        if match := _FOUR.fullmatch(self.words[at]):
            return self._clock(int(match[1]), int(match[2]), match[3], match[1], at)
        match = _HOUR.fullmatch(self.words[at])
        if match and match[2] in self._times.morning | self._times.afternoon:
            return self._clock(int(match[1]), 0, match[2], match[1], at)
        return None

    def _clock(self, hour: int, minute: int, half: str, written: str, at: int) -> Said[tuple[int, bool]] | None:
        """A time in figures; "15:30" and "03:30" without "pm" are of the 24 hours, "3:30" may be either."""
        if half and half not in self._times.morning | self._times.afternoon:
            return None
        if hour > 24 or minute > 59 or (hour == 24 and minute):
            raise Unclear
        if half:
            self._half("morning" if half in self._times.morning else "afternoon")
        zero = written.startswith("0") and not half
        if zero and not self._times.afternoon.isdisjoint(self.words):  # "08:00 Uhr abends"
            behind = self.words[at + 1 : at + 3]
            beside = {*self.words[max(0, at - 2) : at], *(behind if PAUSE not in behind[:1] else ())}
            zero, self.left_over = False, self.left_over or self._times.afternoon.isdisjoint(beside)
        is_whole = hour > HALF_DAY or hour == 0 or zero
        return Said((hour * HOUR + minute, is_whole), at, at + 1)

    def _form(self, form: Sequence[str], minutes: str, start: int) -> Said[tuple[int, bool]] | None:
        """A time in words. Hours are 0 to 24, minutes 1 to 59."""
        hour = minute = None
        at = start
        for part in form:
            if at >= len(self.words):
                return None
            if part in ("{h}", "{m}"):
                number = self._number_at.get(at)
                if number is None or number.value != int(number.value):
                    return None
                value, at = int(number.value), number.end
                if part == "{h}" and 0 <= value <= 24:
                    hour = value
                elif part == "{m}" and 1 <= value <= 59:
                    minute = value
                else:
                    return None
            elif self.words[at] == part:
                at += 1
            else:
                return None
        assert hour is not None
        if part == "{m}" and form[-2:] == ("{h}", "{m}") and minute is not None and minute < 10:
            return None  # "three five" is no time
        if minutes == "-m" and (minute or 0) % 5 and len(form) == 3:
            return None  # "nine to five" is from nine to five
        said = minute or 0
        past = {"m": said, "-m": -said, "-30+m": said - 30, "-30-m": -30 - said}.get(minutes)
        total = hour * HOUR + (int(minutes) if past is None else past)
        return Said((total % DAY, hour > HALF_DAY or hour == 0), start, at)
