"""Names in what callers say, and what must never break, whatever they say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bargein.core.language.digits import read_back
from bargein.core.language.phrases import RULES
from bargein.dialogue.languages import available, load
from tests.core.language.spoken import ASK, clock, day, digits, name, number, phone


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my name is ada lovelace", "Ada Lovelace"),
        ("this is Ada speaking", "Ada"),
        ("Ada Lovelace here", "Ada Lovelace"),
        ("no, Smith", "Smith"),
        ("John Smith, please", "John Smith"),
        ("Smyth, S-M-Y-T-H", "Smyth"),
        ("S M I T H", "Smith"),
        ("John Smyth S M Y T H", "John Smyth"),
        ("J R R Tolkien", "J R R Tolkien"),
        ("Anna-Maria van der Berg", "Anna-Maria van der Berg"),
        ("my name is Will", "Will"),
        ("no name", ""),
        ("change the name", ""),
        ("my name is wrong", ""),
        ("I don't know", ""),
        ("skip that", ""),
        ("yes", ""),
        ("what", ""),
        ("I'm sorry", ""),
        ("I'm driving", ""),
        ("the sky is low today", ""),
        ("I want to talk to a person", ""),
        ("Smith or Smyth", ASK),
        ("Smith spelled S-M-Y-T-H", "Smyth"),
        ("[laughs] John", "John"),
        ("that's private", ""),
        ("anonymous", ""),
    ],
)
def test_the_name_is_found_in_what_a_caller_says(text: str, value: str) -> None:
    assert name(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("de", "Müller am Apparat", "Müller"),
        ("de", "ich heiße Ada", "Ada"),
        ("de", "kein Name", ""),
        ("de", "Name ändern", ""),
        ("es", "me llamo Ada", "Ada"),
        ("es", "cambiar el nombre", ""),
        ("fr", "Dupont à l'appareil", "Dupont"),
        ("fr", "changer le nom", ""),
        ("it", "mi chiamo Ada", "Ada"),
        ("it", "nessun nome", ""),
        ("pt", "me chamo João", "João"),
        ("pt", "mudar o nome", ""),
        ("nl", "u spreekt met Jansen", "Jansen"),
        ("nl", "geen naam", ""),
        ("de", "anonym", ""),
        ("fr", "Dupont s'écrit D U P O N D", "Dupond"),
    ],
)
def test_names_of_other_languages(language: str, text: str, value: str) -> None:
    assert name(text, language) == value


@pytest.mark.parametrize("language", available())
def test_a_language_file_is_complete(language: str) -> None:
    phrases, english = load(language), load("en")
    assert set(english.sayings) - {"morning", "afternoon"} <= set(phrases.sayings)
    assert all(phrases.rules[rule] for rule in RULES)
    assert set(phrases.dates.weekdays.values()) == set(range(7))
    assert set(phrases.dates.months.values()) == set(range(1, 13))
    assert set(range(21)) <= set(phrases.numbers.values.values())
    for words in (
        phrases.repairs.negations,
        phrases.repairs.joiners,
        phrases.not_names,
        phrases.slot_words,
        phrases.times.forms,
    ):
        assert words
    assert {"name_lead", "name_trail", "everything"} <= set(phrases.lists)


@given(st.text(max_size=60), st.sampled_from(available()))
def test_nothing_that_is_recognized_breaks_it(text: str, language: str) -> None:
    for read in (number, day, clock, name, phone):
        read(text, language)  # type: ignore[operator]
    digits(text, language=language)


SAID = (
    *(
        "two",
        "three",
        "hundred",
        "and",
        "no",
        "not",
        "or",
        "Monday",
        "May",
        "5th",
        "12/05",
        "at",
        "3:30",
        "pm",
        "in",
        "a",
    ),
    *("a", "week", "from", "+49", "(0)", "double", "oh", "1,200"),
)


@settings(deadline=None)  # the first call reads the language file
@given(st.lists(st.sampled_from(SAID), max_size=14))
def test_no_row_of_value_words_breaks_it(words: list[str]) -> None:
    for read in (number, day, clock, name, phone, digits):
        read(" ".join(words))  # type: ignore[operator]


@given(st.integers(0, 10**9))
def test_a_number_written_with_separators_is_that_number(value: int) -> None:
    assert number(f"{value:,}") == value
    assert number(f"{value:,}".replace(",", "."), "de") == value


@given(st.text("0123456789", min_size=1, max_size=15))
def test_digits_dictated_one_by_one_are_those_digits(text: str) -> None:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert digits(" ".join(words[int(d)] for d in text)) == text
    assert digits(read_back(text)) == text
