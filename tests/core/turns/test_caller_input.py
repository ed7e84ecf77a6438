"""What the caller has said and keyed, and what of it the ledger has not been told."""

from __future__ import annotations

from bargein.core.audio.pcm import samples
from bargein.core.turns.caller_input import DIGIT_GAP, CallerEntry, CallerInput


def entry(text: str, at_ms: int = 0) -> CallerEntry:
    return CallerEntry(text, 0.9, samples(at_ms), samples(at_ms + 500))


def test_words_add_up_until_a_reply_is_heard() -> None:
    given = CallerInput()
    assert not given
    given.add(entry("the blue one"))
    given.add(entry("and a red one", 1000))
    assert given.text == "the blue one and a red one"
    given.clear()
    assert not given
    assert given.text == ""


def test_words_that_come_late_stand_where_they_were_said() -> None:
    given = CallerInput()
    given.add(entry("the blue one", 1000))
    given.add(entry("no", 0))
    assert given.text == "no the blue one"
    assert given.until == samples(1500)


def test_a_backchannel_is_logged_and_does_not_count() -> None:
    given = CallerInput()
    given.add(entry("uh-huh"), counts=False)
    assert not given
    assert [e.text for e in given.take_unlogged(digits=True)] == ["uh-huh"]


def test_the_ledger_is_told_everything_once_and_digits_when_they_are_complete() -> None:
    given = CallerInput()
    given.add(entry("my number is"))
    given.key("4", samples(1000))
    assert [e.text for e in given.take_unlogged(digits=False)] == ["my number is"]
    given.key("7", samples(1300))
    assert [(e.text, e.started) for e in given.take_unlogged(digits=True)] == [("47", samples(1300))]
    given.key("1", samples(1600))
    assert [e.text for e in given.take_unlogged(digits=True)] == ["1"]
    assert given.take_unlogged(digits=True) == []
    assert given.digits == "471"


def test_a_digit_before_the_last_words_is_logged_before_them() -> None:
    given = CallerInput()
    given.key("3", samples(1000))
    given.add(entry("stop", 1400))
    assert [e.text for e in given.take_unlogged(digits=True)] == ["3", "stop"]


def test_digits_are_complete_at_their_number_a_hash_or_two_seconds_of_nothing() -> None:
    given = CallerInput()
    assert not given.digits_complete(4, 0)
    given.key("4", 0)
    assert given.digits_complete(0, 0)  # a menu: one digit
    assert not given.digits_complete(4, DIGIT_GAP - 1)
    assert given.digits_complete(4, DIGIT_GAP)
    given.key("#", 0)
    assert given.digits_complete(4, 0)


def test_a_second_number_begins_at_zero() -> None:
    given = CallerInput()
    given.key("4", 0)
    given.take_unlogged(digits=True)
    given.clear()
    given.key("9", samples(3000))
    assert [e.text for e in given.take_unlogged(digits=True)] == ["9"]
