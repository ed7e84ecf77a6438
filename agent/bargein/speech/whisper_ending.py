"""What Whisper's decoder knows of how sentences go on: whether one ends after the last word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

RUNAWAY_WORDS = 3  # said again at the end
SENTENCE_ENDS, BROKEN_OFF = (".", "?", "!"), (",", "...", "-", " -", "--", "…")


def ending_log_odds(logits: Sequence[Any], ids: Sequence[int], tokenizer: Any) -> float | None:
    """Log odds that a sentence ends after the last word: ".", "?" or "!" against more words, a comma or "...".

    `logits` holds the decoder's logits for each step, `ids` the tokens that it chose. None without a word.
    """
    marks = {mark: tokenizer.encode(mark)[0] for mark in (*SENTENCE_ENDS, *BROKEN_OFF)}
    last = len(ids) - 1
    while last >= 0 and ids[last] in marks.values():
        last -= 1
    if last < 0 or last + 1 >= len(logits):
        return None
    step = np.asarray(logits[last + 1], np.float32)[: tokenizer.eot]  # words and marks, without special tokens
    chances = np.exp(step - step.max())
    ends = float(sum(chances[marks[mark]] for mark in SENTENCE_ENDS))
    goes_on = float(chances.sum()) - ends
    return float(np.log((ends + 1e-6) / (goes_on + 1e-6)))


def without_runaway(text: str) -> str:
    """The text of a decoder that came to no end, without what it repeats there: "6, 1, 7, 7, 7, 7, 7" is 6 1 7."""
    words = text.split()
    plain = [word.strip(".,!?-").lower() for word in words]
    end = len(words)
    while end > 1 and plain[end - 1] == plain[end - 2]:
        end -= 1
    return " ".join(words[:end]) if len(words) - end >= RUNAWAY_WORDS else text
