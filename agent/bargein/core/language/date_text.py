"""What is written for a day, before it becomes words. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from .date_words import Dates
from .values import PAUSE


def written(text: str, dates: Dates) -> str:
    """The text with figures for days that have a name ("Christmas Eve"), and for ordinals that are made by a dot."""
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


def _any(words: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
