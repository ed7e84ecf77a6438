"""What tests of values ask: the value in a text, or ASK."""

from __future__ import annotations

from datetime import date, time

from bargein.core.language.dates import date_in
from bargein.core.language.digits import digits_in, telephone_number_in
from bargein.core.language.numbers import number_in
from bargein.core.language.person_name import name_in
from bargein.core.language.times import HalfDayUnknown, time_in
from bargein.core.language.values import Unclear
from bargein.dialogue.languages import load

SATURDAY = date(2026, 11, 28)
ASK = "ask"  # what is asked back


def number(text: str, language: str = "en") -> object:
    phrases = load(language)
    try:
        return number_in(
            text, phrases.numbers, phrases.repairs, phrases.dates.ordinals, phrases.known | phrases.fillers
        )
    except Unclear:
        return ASK


def digits(text: str, low: int = 0, high: int = 0, language: str = "en") -> str:
    phrases = load(language)
    try:
        return digits_in(text, phrases.numbers, phrases.repairs, low, high)
    except Unclear:
        return ASK


def phone(text: str, language: str = "en") -> str:
    phrases = load(language)
    try:
        return telephone_number_in(text, phrases.numbers, phrases.repairs, 5, 15)
    except Unclear:
        return ASK


def day(text: str, language: str = "en", today: date = SATURDAY) -> str | None:
    phrases = load(language)
    try:
        found = date_in(text, phrases.dates, phrases.numbers, today, phrases.repairs)
    except Unclear:
        return ASK
    return found.isoformat() if found else None


def clock(text: str, language: str = "en", earliest: time = time.min, latest: time = time.max) -> str | None:
    phrases = load(language)
    try:
        found = time_in(text, phrases.times, phrases.numbers, phrases.repairs, earliest, latest)
    except HalfDayUnknown:
        return "am or pm"
    except Unclear:
        return ASK
    return found.strftime("%H:%M") if found else None


def name(text: str, language: str = "en") -> str:
    try:
        return name_in(text, load(language))
    except Unclear:
        return ASK
