"""Words that look like part of a value, and are none."""

from __future__ import annotations

import pytest

from .spoken import ASK, clock, day, name, number


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("fr", "on n'est que deux", 2),
        ("fr", "ce n'est pas deux", ASK),
        ("en", "two, yes two please", 2),
        ("en", "two please, yes, two of us", 2),
        ("en", "three people, three of us", 3),
        ("en", "two adults, two children", ASK),
        ("de", "zwei bitte, ja, zwei", 2),
        ("de", "zwei Erwachsene, zwei Kinder", ASK),
        ("de", "zwei, und zwanzig Minuten", ASK),
        ("de", "zwei und zwanzig", 22),
        ("nl", "twee, en twintig minuten", ASK),
        ("nl", "twee en twintig", 22),
    ],
)
def test_numbers(language: str, text: str, value: object) -> None:
    assert number(text, language) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("je ne peux que vendredi", "2026-12-04"),
        ("vendredi je ne peux pas", ASK),
        ("je ne peux plus vendredi", ASK),
    ],
)
def test_only_friday(text: str, value: str) -> None:
    assert day(text, "fr") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Bo B O Smith", "Bo Smith"),
        ("Anna A N N A Smith", "Anna Smith"),
        ("Jo, J O", "Jo"),
        ("Smyth, S M Y T H", "Smyth"),
    ],
)
def test_the_words_behind_letters_stay(text: str, value: str) -> None:
    assert name(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "08:00, in the afternoon I work", ASK),
        ("en", "in the afternoon I work, 08:00", ASK),
        ("de", "08:00, nachmittags arbeite ich", ASK),
        ("en", "08:00 in the afternoon", "20:00"),
        ("en", "tomorrow evening, 08:00", "20:00"),
        ("en", "in the evening at 08:00 please", "20:00"),
        ("de", "08:00 abends bitte", "20:00"),
        ("de", "um 08:00 Uhr abends", "20:00"),
        ("en", "08:00 in the morning", "08:00"),
        ("en", "08:00", "08:00"),
    ],
)
def test_a_half_of_the_day_beside_a_leading_zero(language: str, text: str, value: str) -> None:
    assert clock(text, language) == value
