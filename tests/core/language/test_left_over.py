"""Whatever part of the caller's words was not used: the value is asked for again, never guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.core.language.only_values import only_values
from bargein.core.language.phrases import Phrases
from bargein.core.language.values import Unclear
from bargein.dialogue.flow.model import Slot
from bargein.dialogue.flow.values import Incomplete, Invalid, value_in
from bargein.dialogue.languages import available, load

SATURDAY = date(2026, 11, 28)
UNUSED = ("or", "maybe", "and", "to", "but perhaps", "through", ",", "and then also", "or even")
REPAIRS = ("no", "no,", "I mean", "sorry,", "make that", "actually")
CONNECTORS = {"en": "or", "de": "oder", "es": "o", "fr": "ou", "it": "o", "nl": "of", "pt": "ou"}
TWO = {
    "en": ("seven", "nine"), "de": ("sieben", "neun"), "es": ("siete", "nueve"), "fr": ("sept", "neuf"),
    "it": ("sette", "nove"), "nl": ("zeven", "negen"), "pt": ("sete", "nove"),
}  # fmt: skip


def value(text: str, kind: str, phrases: Phrases) -> str:
    """The value of a slot of this type; "" if it is asked for again."""
    try:
        return value_in(text, Slot("it", kind), phrases, SATURDAY)  # type: ignore[arg-type]
    except (Unclear, Invalid, Incomplete):
        return ""


PHONES = st.integers(10**6, 10**7 - 1).map(str)
NUMBERS = st.integers(2, 999_999).map(lambda n: f"{n:,}")
DAYS = st.dates(date(2026, 11, 29), date(2027, 11, 27)).map(lambda d: f"{d:%B} {d.day}, {d.year}")
TIMES = st.tuples(st.integers(13, 23), st.integers(0, 59)).map(lambda t: f"{t[0]}:{t[1]:02d}")
CODES = st.integers(1000, 999_999).map(str)


@pytest.mark.parametrize(("kind", "values"), [("number", NUMBERS), ("date", DAYS), ("time", TIMES), ("phone", PHONES)])
def test_of_two_values_none_is_taken_unless_one_is_taken_back(kind: str, values: st.SearchStrategy[str]) -> None:
    phrases = load("en")

    @given(values, values, st.sampled_from(UNUSED), st.sampled_from(REPAIRS))
    def check(first: str, second: str, between: str, repair: str) -> None:
        if value(first, kind, phrases) == value(second, kind, phrases):
            return
        taken = value(f"{first} {between} {second}", kind, phrases)
        assert taken == "" or (kind == "phone" and taken not in (first, second)), (first, between, second)
        assert value(f"{first} {repair} {second}", kind, phrases) in ("", value(second, kind, phrases))

    check()


@given(CODES, CODES, st.sampled_from(("or", "maybe it is", "for the first one and")))
def test_of_two_codes_none_is_taken(first: str, second: str, between: str) -> None:
    taken = value(f"{first} {between} {second}", "digits", load("en"))
    assert taken == "" or (first == second and taken == first)


@pytest.mark.parametrize("language", available())
def test_a_word_that_changes_a_value_is_never_passed_over(language: str) -> None:
    phrases = load(language)
    seven, nine = TWO[language]
    monday = next(word for word, number in phrases.dates.weekdays.items() if number == 0)
    clear = {
        "number": (seven, phrases.numbers.unclear),
        "date": (monday, phrases.dates.unclear),
        "time": ("15:30", phrases.times.unclear),
    }
    for kind, (said, words) in clear.items():
        plain = value(said, kind, phrases)
        assert plain
        for word in sorted(words):
            before = () if word in phrases.numbers.attached else (f"{word} {said}",)
            for text in (*before, f"{said} {word}"):
                taken = value(text, kind, phrases)
                assert taken != plain, (language, text)
    both = f"{seven} {CONNECTORS[language]} {nine}"
    assert value(both, "number", phrases) == ""
    assert value(f"15:30 {CONNECTORS[language]} 16:30", "time", phrases) == ""


@pytest.mark.parametrize("language", available())
def test_a_question_of_yes_or_no_is_not_answered_by_both(language: str) -> None:
    phrases = load(language)
    yes, no = phrases.lists["plain_yes"][0], phrases.lists["plain_no"][0]
    assert (value(yes, "yes_no", phrases), value(no, "yes_no", phrases)) == ("yes", "no")
    for text in (f"{yes} {no}", f"{no} {yes}", *phrases.lists["undecided"]):
        assert value(text, "yes_no", phrases) == "", (language, text)


@pytest.mark.parametrize("language", available())
def test_a_day_that_is_past_is_nothing_but_a_value(language: str) -> None:
    phrases = load(language)
    friday = next(iter(phrases.dates.weekdays))
    assert phrases.dates.past
    for last in phrases.dates.past:
        assert only_values(f"{phrases.lists['plain_no'][0]}, {last} {friday}", phrases), (language, last)
