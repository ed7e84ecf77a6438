"""A value that is denied behind it: "Monday doesn't work, Tuesday"."""

from __future__ import annotations

import pytest

from .spoken import ASK, clock, day, digits, number

TUESDAY = "2026-12-01"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Monday I can't, Tuesday I can"),
        ("en", "Monday isn't an option. Tuesday?"),
        ("en", "it can't be Monday, it has to be Tuesday"),
        ("de", "Montag nicht, Dienstag"),
        ("de", "Montag geht nicht, aber Dienstag"),
        ("de", "Montag geht nicht aber Dienstag"),
        ("de", "Montag kann ich nicht, Dienstag schon"),
        ("de", "Montag habe ich keine Zeit, dann Dienstag"),
        ("fr", "lundi je ne peux pas, mardi"),
        ("es", "el lunes no puedo, el martes sí"),
        ("it", "lunedì non posso, martedì sì"),
        ("nl", "maandag niet, dinsdag"),
        ("nl", "maandag kan ik niet, dinsdag wel"),
        ("pt", "segunda não posso, terça sim"),
    ],
)
def test_the_day_behind_the_denied_one_is_meant(language: str, text: str) -> None:
    assert day(text, language) == TUESDAY


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Monday doesn't work"),
        ("en", "if Monday isn't possible then Tuesday"),
        ("en", "Monday if Tuesday isn't possible"),
        ("en", "Monday works but Tuesday doesn't"),
        ("de", "Montag geht nicht Dienstag schon"),
        ("de", "wenn Montag nicht geht, Dienstag"),
        ("de", "Montag nicht"),
    ],
)
def test_where_none_is_clear_the_agent_asks(language: str, text: str) -> None:
    assert day(text, language) == ASK


def test_a_day_in_front_of_a_denial_of_another_stays() -> None:
    assert day("Tuesday, not Monday") == TUESDAY
    assert day("Dienstag, nicht Montag", "de") == TUESDAY
    assert day("not December 4, 2027, December 5, 2027") == "2027-12-05"


def test_numbers_digits_and_times() -> None:
    assert number("five isn't enough, six") == 6
    assert number("fünf stimmt nicht, es sind sechs", "de") == 6
    assert number("there are five of us but one can't come") == ASK
    assert digits("4278 isn't right, it's 4279") == "4279"
    assert clock("15 Uhr geht nicht, 16 Uhr", "de") == "16:00"
