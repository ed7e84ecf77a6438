"""Dictated digits told by their sounds."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import RATE, Pcm
from bargein.speech.whisper_digit_sounds import digit_sounds, digits_alike, each_levelled, likeliest, sure_digits
from bargein.speech.whisper_digits import told_apart
from bargein.speech.whisper_text import Decoded


def tones(*parts: tuple[float, float]) -> Pcm:
    """Tones of (seconds, amplitude), 0.2 s apart."""
    gap = np.zeros(RATE // 5)
    said = [amplitude * np.sin(np.arange(int(seconds * RATE)) * 0.3) for seconds, amplitude in parts]
    return np.concatenate([gap, *(x for tone in said for x in (tone, gap))]).astype(np.int16)


def scores(digits: str, sure: float = 0.8) -> np.ndarray:
    rows = np.full((len(digits), 10), -0.1, np.float32)
    rows[np.arange(len(digits)), [int(digit) for digit in digits]] = sure
    return rows


def test_a_group_has_as_many_sounds_as_digits() -> None:
    found = digit_sounds(tones((0.3, 8000), (0.4, 3000), (0.25, 8000)))
    assert [round((last - first) / RATE, 1) for first, last in found] == [0.3, 0.4, 0.2]
    assert digit_sounds(np.zeros(RATE, np.int16)) == []


def test_digits_that_fall_away_come_to_the_same_level() -> None:
    pcm = tones((0.3, 8000), (0.3, 800))
    spans = digit_sounds(pcm)
    first, second = (float(np.std(each_levelled(pcm, spans)[a:b])) for a, b in spans)
    assert first == pytest.approx(second, rel=0.1)


def test_the_sounds_say_how_many_digits_there_are_and_the_decoder_helps_to_tell_which() -> None:
    readings = {"3309": -3.0, "349": -3.5, "309": -3.2}
    assert likeliest(scores("349"), readings) == "349"
    undecided = scores("349")
    undecided[1, 0] = 0.75
    assert likeliest(undecided, {"309": -0.5, "349": -3.0}) == "309"
    assert likeliest(scores("84"), {}) == "84"


@pytest.mark.parametrize(
    ("digits", "sure", "seconds", "alike"),
    [("349", 0.8, 0.4, True), ("349", 0.2, 0.4, False), ("3", 0.35, 0.4, False), ("3", 0.5, 0.4, True),
     ("34", 0.8, 1.0, False)],
)  # fmt: skip
def test_what_sounds_like_no_digit_or_lasts_too_long_is_none(
    digits: str, sure: float, seconds: float, alike: bool
) -> None:
    spans = [(0, int(seconds * RATE))] * len(digits)
    assert digits_alike(scores(digits, sure), spans) == alike


def test_the_decoder_is_asked_only_if_a_digit_is_in_doubt() -> None:
    spans = [(0, 2000)] * 3
    assert sure_digits(scores("349"), spans) == "349"
    assert sure_digits(scores("349", 0.4), spans) == ""
    doubtful = scores("349")
    doubtful[1, 0] = 0.7
    assert sure_digits(doubtful, spans) == ""
    assert sure_digits(np.zeros((0, 10), np.float32), []) == ""


@pytest.mark.parametrize(
    ("free", "read", "expected"),
    [
        ("Be all night", "349", "3 4 9"),
        ("four oh seven", "447", "4 0 7"),
        ("double five two", "152", "double five two"),
        ("3, 2, 3, 3,", "33", "3 3"),
    ],
)
def test_what_only_the_words_tell_is_taken_from_the_words(free: str, read: str, expected: str) -> None:
    told = told_apart(Decoded(free, -1.4, 0.9), read)
    assert told.text == expected
    assert told.no_speech <= 0.4 or told.text == free
