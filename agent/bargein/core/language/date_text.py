"""Days as they are written: figures, names and commas. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from .date_words import Dates
from .values import PAUSE, Unclear

_ISO = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_FIGURES = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})(?:\2([0-9]{4}|[0-9]{2}))?")
_SHORT_YEAR = re.compile(r"(?<=[\w,.] )['\u2019]([0-9]{2})(?![\w'\u2019])")
_APOSTROPHE_S = re.compile(r"['\u2019]s\b", re.IGNORECASE)
CENTURY = 100
CLEAR_YEARS = 20  # a year of two digits further away may be of another century: "3/3/85"


def written(text: str, dates: Dates, today: date) -> str:
    """The text with figures for days that have a name ("Christmas Eve"), and for ordinals that are made by a dot.

    "December 5, '27" has its whole year, "Monday's fine" two words. Raises Unclear for a year of an unknown century.
    """
    text = _SHORT_YEAR.sub(lambda year: str(_full_year(year[1], today)), text)
    if _APOSTROPHE_S.search(text):
        text = re.sub(rf"(?i)\b({_any({*dates.weekdays, *dates.days, *dates.units})})['\u2019]s\b", r"\1 is", text)
    text = dates.holidays.sub(lambda said: f" 0000-{dates.named[said[0].lower().replace(chr(0x2019), chr(39))]} ", text)
    if dates.month_ordinals:  # "am fünften, sechsten" are two days
        ordinal = rf"\b(?:{_any(dates.ordinals)})"
        text = re.sub(rf"(?i)({ordinal}),(?=\s+{ordinal}\b)", rf"\1 {PAUSE}", text)
    if "." not in dates.suffixes:
        return text
    text = re.sub(r"\b([0-9]{1,2})\. ([0-9]{1,2})\.", r"\1.\2.", text)  # "am 5. 12."
    # "am 5." as "am 5te", at the end: a month follows elsewhere
    return re.sub(rf"(?i)\b({_any(dates.link)}) ([0-9]{{1,2}})\.(?=\s*(?:$|[,!?]))", r"\1 \2te", text)


def paused(text: str, dates: Dates) -> str:
    """The text with PAUSE for a comma beside "next week": "Friday, next week I'm away" names no day of that week."""
    week = rf"\b(?:{_any(dates.next_week)})\b"
    text = re.sub(rf"(?i)[,.;:!?]+\s+(?={week})", f" {PAUSE} ", text)
    return re.sub(rf"(?i)({week})[,.;:!?]+(?=\s+\w)", rf"\1 {PAUSE}", text)


def in_figures(word: str, order: str, today: date) -> tuple[int, int, int] | None:
    """Year (0 if there is none), month and day of "2027-12-05", "5.12.2027" or "12/25"; None for anything else.

    `order` is that of the language. Raises Unclear for "12/05", which may be a day in May.
    """
    if match := _ISO.fullmatch(word):
        return int(match[1]), int(match[3]), int(match[4])
    match = _FIGURES.fullmatch(word)
    if match is None or (match[2] == "-" and not match[4]):
        return None
    a, b = int(match[1]), int(match[3])
    if match[2] == ".":
        order = "dmy"
    elif not order:
        order = "dmy" if a > 12 or a == b else "mdy" if b > 12 else ""
    if not order:
        raise Unclear
    year = _full_year(match[4], today) if match[4] else 0
    return (year, b, a) if order == "dmy" else (year, a, b)


def _full_year(written: str, today: date) -> int:
    if len(written) != 2:
        return int(written)
    year = today.year // CENTURY * CENTURY + int(written)
    if abs(year - today.year) > CLEAR_YEARS:
        raise Unclear
    return year


def _any(words: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
