"""What Whisper knows of how turns end: its decoder of the next word, its encoder of how the last sounds are spoken.

The decoder predicts whether a sentence ends after the last word. The encoder's output over the last second, and over
the silence behind it, tells an end from a pause better than measures of pitch and level do: a linear score of it,
trained together with those measures by scripts/training/train-turn-end for the bundled tiny.en alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.trained import load_weights
from .whisper_sounds import VECTORS_A_SECOND

SILENCE_VECTORS, LAST_VECTORS = 15, 50  # after the end, and before it

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


def last_sounds(encoded: NDArray[Any], end_s: float) -> NDArray[np.float32]:
    """(2 d,) means of the encoder's output (vectors, d) after and before the end of the sound at `end_s`."""
    end = min(int(end_s * VECTORS_A_SECOND), len(encoded) - SILENCE_VECTORS)
    after, before = encoded[end : end + SILENCE_VECTORS], encoded[max(0, end - LAST_VECTORS) : end + 1]
    return np.concatenate([after.astype(np.float32).mean(0), before.astype(np.float32).mean(0)])


def ended(sounds: NDArray[np.float32], weights: Mapping[str, NDArray[np.float32]] | None = None) -> float:
    """`Transcript.ended` for these `last_sounds`. `weights`: others than those of whisper_ending.npz."""
    trained = load_weights("whisper_ending") if weights is None else weights
    return float(((sounds - trained["mean"]) * trained["scale"]) @ trained["weights"])


def without_runaway(text: str) -> str:
    """The text of a decoder that came to no end, without what it repeats there: "6, 1, 7, 7, 7, 7, 7" is 6 1 7."""
    words = text.split()
    plain = [word.strip(".,!?-").lower() for word in words]
    end = len(words)
    while end > 1 and plain[end - 1] == plain[end - 2]:
        end -= 1
    return " ".join(words[:end]) if len(words) - end >= RUNAWAY_WORDS else text
