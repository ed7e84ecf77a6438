"""Dictated digits: groups are recognized one by one, and digits are told from other words."""

from __future__ import annotations

import pytest

from bargein.core.audio.pcm import RATE
from bargein.speech.whisper_digits import digits_or_words, plain_digits
from bargein.speech.whisper_text import Decoded


def chosen(free: tuple[str, float], digits: tuple[str, float], seconds: float = 1.5) -> str:
    words, figures = (Decoded(text, score, 0.3) for text, score in (free, digits))
    return digits_or_words(words, figures, int(seconds * RATE)).text


@pytest.mark.parametrize(
    ("free", "digits", "expected"),
    [
        (("Oh, you know, 7", -0.85), ("4 0 7", -0.33), "4 0 7"),
        (("Your four four", -1.0), ("2 4 4", -0.2), "2 4 4"),
        (("I want a person.", -0.3), ("1 1", -0.9), "I want a person."),
        (("No.", -0.4), ("9", -0.3), "No."),  # a single digit may be any word
        (("Nine.", -0.4), ("9", -0.3), "9"),
        (("Zero four two", -0.7), ("0 4", -1.1), "Zero four two"),
        (("5, 1, 6, 4, 4, 7, 6, 4, 4, 7", -0.3), ("5 1 6", -0.2), "5 1 6"),  # too many for the time
        (("Take me", -1.0), ("2 2 3 3 3 3 3 3", -0.4), "Take me"),
        (("A mirror.", -0.9), ("1 2", -1.3), "A mirror."),
        (("Double five two.", -0.9), ("7 5 2", -0.5), "Double five two."),
        (("Yes", -0.9), ("", -0.1), "Yes"),
    ],
)
def test_digits_or_words(free: tuple[str, float], digits: tuple[str, float], expected: str) -> None:
    assert chosen(free, digits) == expected


def test_what_is_believed_to_be_digits_counts_as_speech() -> None:
    clipped = digits_or_words(Decoded("8 2", -0.5, 0.87), Decoded("8 2", -0.18, 0.87), RATE)
    assert clipped.no_speech < 0.5
    lone = digits_or_words(Decoded("Oh", -0.7, 0.83), Decoded("0", -0.5, 0.83), RATE)
    assert lone.no_speech > 0.8  # a noise


@pytest.mark.parametrize(
    ("text", "digits"),
    [("4, 0, 7.", "407"), ("four oh seven", "407"), ("My number is 4", ""), ("90, 60,", "9060"), ("", "")],
)
def test_a_text_is_taken_for_digits_only_if_it_is_nothing_else(text: str, digits: str) -> None:
    assert plain_digits(text) == digits
