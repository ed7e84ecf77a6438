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
        ("en", "not on Monday, Tuesday is fine"),
        ("en", "Monday is out, Tuesday"),
        ("en", "Monday is out of the question, make it Tuesday"),
        ("de", "Montag nicht, Dienstag"),
        ("de", "Montag passt mir nicht, Dienstag schon"),
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
        ("en", "Monday is out"),
        ("en", "Monday won't work"),
        ("en", "Monday doesn't suit me"),
        ("en", "anything but Monday"),
        ("en", "Monday is bad for me"),
        ("en", "Monday is ruled out"),
        ("en", "I'm booked on Monday"),
        ("en", "I have to work Monday"),
        ("en", "Monday is too early"),
        ("en", "if Monday isn't possible then Tuesday"),
        ("en", "Monday if Tuesday isn't possible"),
        ("en", "Monday works but Tuesday doesn't"),
        ("de", "Montag geht nicht Dienstag schon"),
        ("de", "wenn Montag nicht geht, Dienstag"),
        ("de", "Montag nicht"),
        ("de", "Montag ist schlecht"),
        ("de", "Montag fällt aus"),
        ("de", "Montag ist raus"),
        ("de", "Montag muss ich arbeiten"),
        ("de", "Montag ist zu früh"),
        ("es", "el lunes me viene mal"),
        ("fr", "lundi c'est exclu"),
        ("it", "lunedì è escluso"),
        ("nl", "maandag valt af"),
        ("pt", "segunda está fora de questão"),
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


@pytest.mark.parametrize("text", ["Monday works", "Monday suits me", "I'm free on Monday", "Monday is good for me"])
def test_a_day_that_suits_is_taken(text: str) -> None:
    assert day(text) == "2026-11-30"


@pytest.mark.parametrize("text", ["AB 4278", "it's AB-4278", "KL 42 78", "4278 AB", "A4278", "a b 4278"])
def test_a_code_with_letters_is_asked_for_again(text: str) -> None:
    """Letters that a slot of digits cannot keep are never lost without a word, whatever its length."""
    assert digits(text) == digits(text, 4, 4) == ASK


@pytest.mark.parametrize("text", ["PIN 4278", "my ID is 4278", "OK 4278", "it's a 4278", "No 4278"])
def test_what_a_code_is_called_is_no_part_of_it(text: str) -> None:
    assert digits(text, 4, 4) == "4278"


@pytest.mark.parametrize(("language", "text"), [("en", "3 mil"), ("en", "three mil"), ("en", "3 bn"), ("de", "3 mil")])
def test_a_scale_of_another_language_is_asked_for_again(language: str, text: str) -> None:
    assert number(text, language) == ASK
