"""What the decoder says of the end of a sentence, and what it repeats when it finds none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bargein.speech.whisper_ending import ending_log_odds, without_runaway

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
