"""What the decoder says of the end of a sentence, and what it repeats when it finds none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bargein.speech.whisper_ending import ended, ending_log_odds, last_sounds, without_runaway

MARKS = {".": 0, "?": 1, "!": 2, ",": 3, "...": 4, "-": 5, " -": 6, "--": 7, "…": 8}
WORD, EOT = 9, 20
TOKENIZER = SimpleNamespace(encode=lambda mark: [MARKS[mark]], eot=EOT)


def step(token: int, logit: float = 9.0) -> np.ndarray:
    logits = np.zeros(EOT + 1, np.float32)
    logits[token] = logit
    return logits


def test_a_full_stop_after_the_last_word_is_an_end_and_a_comma_is_none() -> None:
    ends = ending_log_odds([step(WORD), step(MARKS["."]), step(EOT)], [WORD, MARKS["."]], TOKENIZER)
    goes_on = ending_log_odds([step(WORD), step(MARKS[","]), step(EOT)], [WORD, MARKS[","]], TOKENIZER)
    assert ends is not None
    assert goes_on is not None
    assert ends > 4 > -4 > goes_on


def test_a_decoder_that_was_stopped_in_a_word_tells_nothing() -> None:
    assert ending_log_odds([step(WORD)], [WORD], TOKENIZER) is None
    assert ending_log_odds([step(EOT)], [], TOKENIZER) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("6, 1, 7, 7, 7, 7, 7,", "6, 1, 7,"),
        ("four two two", "four two two"),
        ("no no no no no", "no"),
        ("one two", "one two"),
        ("", ""),
    ],
)
def test_what_a_runaway_decoder_repeats_is_left_out(said: str, meant: str) -> None:
    assert without_runaway(said) == meant


@pytest.mark.parametrize("end_s", [0.1, 1.5, 7.99])  # a short word, a phrase, speech that fills the window
def test_the_last_sounds_are_those_around_the_end(end_s: float) -> None:
    encoded = np.zeros((400, 384), np.float32)
    encoded[: int(end_s * 50)] = 1.0
    sounds = last_sounds(encoded, end_s)
    assert sounds.shape == (768,)
    assert np.isfinite(ended(sounds))
    assert sounds[384:].mean() > 0.8 > 0.2 > sounds[:384].mean() or end_s > 7
