"""Words that ask for nothing."""

from __future__ import annotations

import pytest

from bargein.core.language.idle import (
    asking_words,
    asks_nothing,
    is_correction,
    is_echo,
    may_be_any_sound,
    without_echo,
    without_idle,
)
from bargein.core.language.words import compile_pattern, tokens
from bargein.dialogue.languages import load


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", ""),
        ("en", "Hello?"),
        ("en", "Hello? Hello, are you still there?"),
        ("en", "mm-hm okay"),
        ("en", "You? Hello."),
        ("en", "What? Hello?"),
        ("en", "is anybody there"),
        ("de", "Hallo? Sind Sie noch da?"),
        ("de", "Können Sie mich hören?"),
        ("de", "mhm ja"),
        ("es", "¿Hola? ¿Sigue ahí?"),
        ("es", "¿Me escucha?"),
        ("es", "ajá vale"),
    ],
)
def test_what_asks_for_nothing(language: str, text: str) -> None:
    assert asks_nothing(text, load(language))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "no"),
        ("en", "hello no"),
        ("en", "hello the blue one"),
        ("en", "are you there on Sunday"),
        ("en", "stop"),
        ("de", "hallo nein"),
        ("de", "ist da jemand am Sonntag"),
        ("es", "hola no"),
        ("es", "vale el azul"),
    ],
)
def test_what_asks_for_something(language: str, text: str) -> None:
    assert not asks_nothing(text, load(language))


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("en", "I want to go to Rome. Hello?", "I want to go to Rome."),
        ("en", "I want to go to Rome. You? Hello? Next week.", "I want to go to Rome. Next week."),
        ("en", "Hello. I want to go to Rome.", "Hello. I want to go to Rome."),
        ("en", "Hello? Are you there?", "Hello? Are you there?"),
        ("en", "No. Yeah.", "No. Yeah."),
        ("en", "Send it to you", "Send it to you"),
        ("de", "Ich will nach Rom. Hallo?", "Ich will nach Rom."),
        ("es", "Quiero ir a Roma. ¿Hola?", "Quiero ir a Roma."),
        ("es", "No. Sí.", "No. Sí."),
    ],
)
def test_idle_sentences_behind_a_request_are_left_out(language: str, text: str, left: str) -> None:
    assert without_idle(text, load(language)) == left


def test_what_is_left_without_idle_words() -> None:
    assert asking_words(["hello", "two", "blue", "ones", "are", "you", "there"], load("en")) == ["two", "blue", "ones"]


@pytest.mark.parametrize(
    ("text", "any_sound"),
    [
        ("below", True),
        ("more often", True),
        ("what alone", True),
        ("send it there", False),
        ("stop", False),
        ("no", False),
        ("twenty two", False),
        ("representative", False),
        ("the blue", False),
    ],
)
def test_which_words_may_be_any_sound(text: str, any_sound: bool) -> None:
    assert may_be_any_sound(text.split(), load("en"), expected=("the blue one",)) is any_sound


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "hang up"),
        ("en", "go back"),
        ("en", "speak up"),
        ("en", "wrong"),
        ("en", "forget it"),
        ("de", "falsch"),
        ("fr", "faux"),
        ("fr", "plus fort"),
        ("es", "más alto"),
        ("it", "sbagliato"),
        ("it", "annulla"),
        ("nl", "fout"),
        ("pt", "errado"),
        ("en", "cancel"),
        ("en", "Goodbye."),
        ("en", "louder"),
        ("en", "again"),
        ("de", "zurück"),
        ("de", "lauter"),
        ("de", "auf Wiederhören"),
        ("es", "repita"),
        ("es", "atrás"),
        ("fr", "répétez"),
        ("fr", "au revoir"),
        ("it", "ripeta"),
        ("it", "indietro"),
        ("nl", "luider"),
        ("nl", "terug"),
        ("pt", "repita"),
        ("pt", "cancelar"),
    ],
)
def test_a_command_is_no_word_for_any_sound(language: str, text: str) -> None:
    assert not may_be_any_sound(text.split(), load(language))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "what"),
        ("en", "huh"),
        ("en", "what sorry"),
        ("en", "la la la"),
        ("en", "bye"),
        ("de", "hä"),
        ("de", "wie bitte"),
        ("de", "tschüss"),
        ("es", "cómo"),
        ("fr", "hein"),
        ("it", "eh"),
        ("nl", "hè"),
        ("pt", "hein"),
    ],
)
def test_a_what_alone_and_a_word_over_and_over_may_be_any_sound(language: str, text: str) -> None:
    assert may_be_any_sound(text.split(), load(language))


@pytest.mark.parametrize(
    ("language", "text", "kind", "any_sound"),
    [
        ("en", "thursday", "date", False),
        ("en", "tomorrow", "date", False),
        ("en", "on monday", "time", False),
        ("de", "übermorgen", "date", False),
        ("en", "noon", "time", False),
        ("en", "thursday", "", True),
        ("en", "below", "date", True),
    ],
)
def test_a_day_or_a_time_means_something_where_one_is_expected(
    language: str, text: str, kind: str, any_sound: bool
) -> None:
    assert may_be_any_sound(text.split(), load(language), kind=kind) is any_sound


@pytest.mark.parametrize(
    ("text", "said", "left"),
    [
        ("one moment", "one moment please", ""),
        ("moment please", "one moment please", ""),
        ("moment", "one moment please", "moment"),
        ("moment one", "one moment please", "moment one"),
        ("one moment the blue one", "one moment", "the blue one"),
        ("einen tisch bitte", "einen moment bitte", "einen tisch bitte"),
        ("one", "", "one"),
    ],
)
def test_only_an_echo_is_taken_out(text: str, said: str, left: str) -> None:
    assert without_echo(text.split(), said.split()) == left.split()


def test_a_no_alone_refuses_nothing_in_a_story() -> None:
    assert may_be_any_sound(["no"], load("en"), kind="text")
    assert not may_be_any_sound(["no", "the", "other"], load("en"), kind="text")


@pytest.mark.parametrize(("text", "any_sound"), [("track parcel", False), ("parcel", True), ("my parcel", True)])
def test_a_command_of_the_flow_is_one(text: str, any_sound: bool) -> None:
    commands = (compile_pattern("track [my] parcel", {}),)
    assert may_be_any_sound(text.split(), load("en"), commands=commands) is any_sound


@pytest.mark.parametrize(
    ("text", "correction"),
    [
        ("no the blue one", True),
        ("I meant next Thursday", True),
        ("can you speak louder", True),
        ("the green mug then", True),  # expected
        ("that is your favorite", False),  # written for a breath, a laugh
        ("we have it", False),
        ("don't like that", False),
        ("no", False),
        ("no no no no", False),
    ],
)
def test_several_words_that_ask_for_something_else(text: str, correction: bool) -> None:
    assert is_correction(text.split(), load("en"), expected=("green mug",)) is correction


def test_several_words_that_are_a_command_of_the_flow() -> None:
    words = ["track", "my", "parcel"]
    assert not is_correction(words, load("en"))
    assert is_correction(words, load("en"), commands=(compile_pattern("track [my] parcel", {}),))


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("costs ten dollars", True),
        ("Cost ten dollar.", True),
        ("mug costs then", True),
        ("mug", True),
        ("ten costs", False),
        ("the blue mug", False),
        ("no", False),
        ("", False),
    ],
)
def test_an_echo_is_most_of_what_was_said_in_order(text: str, echo: bool) -> None:
    assert is_echo(tokens(text), tokens("now a mug costs ten dollars")) is echo
