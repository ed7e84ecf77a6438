"""Single digits by their sound: what Whisper's encoder knows of each sound of a dictated group.

The decoder drops a clipped digit, says one twice, or writes "Be all night" for "three four nine". But callers leave a
gap between digits. So the sounds of a group tell how many digits it has, and a linear classifier of the encoder's
output over each sound tells which, and whether it is a digit at all. Trained by scripts/training/train-whisper-digits
for the bundled tiny.en alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio.pcm import RATE, Pcm
from ..data.trained import load_weights
from .audio import Samples, from_pcm, levelled, sounds
from .whisper_sounds import VECTORS_A_SECOND

GAP_S = 0.1  # a silence of this length separates two digits; the closure within "six" or "eight" is shorter
LONGEST_S = 0.8  # a longer sound is not a single digit
MARGIN_S = 0.04  # kept around a sound
LEAST_VECTORS = 3
SHARPNESS = 8.0  # from scores to log probabilities
LEAST_PROBABILITY = 1e-4
TRIED = 3  # digits for each sound, besides the decoder's readings
UNHEARD = 2.0  # log probability by which a reading that the decoder did not think of is worse than its worst
ALIKE, LONE_ALIKE, LEAST_ALIKE = 0.3, 0.42, 0.12  # mean score of digits; of a lone one; of the least of several

SURE, AHEAD = 0.45, 0.25  # score of each digit, and its lead: with these all groups of unknown speakers were right

Span = tuple[int, int]


def digit_sounds(pcm: Pcm) -> list[Span]:
    """Where the sounds of a group are, in samples."""
    return sounds(from_pcm(pcm), RATE, GAP_S)


def each_levelled(pcm: Pcm, spans: Sequence[Span]) -> Samples:
    """The same speech with each sound at the same level and nothing between: people let a number fall away."""
    x, margin = from_pcm(pcm), int(MARGIN_S * RATE)
    out = np.zeros_like(x)
    for first, last in spans:
        around = slice(max(0, first - margin), last + margin)
        out[around] = levelled(x[around], RATE)
    return out


def pooled_digits(encoded: NDArray[Any], spans: Sequence[Span], lead_s: float) -> NDArray[np.float32]:
    """(sounds, 4 d + 1) of the encoder's output (vectors, d): means over a sound and its thirds, and its length.

    `lead_s` is the silence before the speech.
    """
    rows = []
    for begins, ends in spans:
        first = int((lead_s + begins / RATE) * VECTORS_A_SECOND)
        last = max(first + LEAST_VECTORS, int((lead_s + ends / RATE) * VECTORS_A_SECOND) + 1)
        sound = encoded[first:last].astype(np.float32)
        parts = [sound, *np.array_split(sound, 3)]
        rows.append(np.concatenate([*(part.mean(0) for part in parts), [np.float32(np.log(len(sound)))]]))
    return np.array(rows, np.float32)


def digit_scores(pooled: NDArray[np.float32]) -> NDArray[np.float32]:
    """(sounds, 10): about 0.9 for the digit that a sound is, about -0.1 for the others."""
    trained = load_weights("whisper_digits")
    return np.asarray(pooled @ trained["w"] + trained["b"])


def sure_digits(scores: NDArray[np.float32], spans: Sequence[Span]) -> str:
    """The digits, if there is no doubt about any of them; else "". Then the decoder need not be asked."""
    ordered = np.sort(scores, axis=1) if digits_alike(scores, spans) else np.zeros((1, 2), np.float32)
    best, second = ordered[:, -1], ordered[:, -2]
    if best.min() < SURE or (best - second).min() < AHEAD:
        return ""
    return "".join(map(str, scores.argmax(axis=1).tolist()))


def digits_alike(scores: NDArray[np.float32], spans: Sequence[Span]) -> bool:
    """Whether each of the sounds is a single digit."""
    if not spans or any(last - first > LONGEST_S * RATE for first, last in spans):
        return False
    best = scores.max(axis=1)
    if len(spans) == 1:
        return bool(best[0] >= LONE_ALIKE)
    return bool(best.mean() >= ALIKE and best.min() >= LEAST_ALIKE)


def likeliest(scores: NDArray[np.float32], readings: Mapping[str, float]) -> str:
    """The digits of the sounds. `readings`: what the decoder made of the group, with its log probability in all."""
    sharp = SHARPNESS * scores
    chance = np.exp(sharp - sharp.max(axis=1, keepdims=True))
    heard = np.log(chance / chance.sum(axis=1, keepdims=True) + LEAST_PROBABILITY)
    count = len(heard)
    tried = product(*(np.argsort(-row)[:TRIED] for row in heard))
    candidates = {"".join(map(str, digits)) for digits in tried} | {text for text in readings if len(text) == count}
    unheard = min(readings.values(), default=0.0) - UNHEARD

    def both(text: str) -> float:
        return readings.get(text, unheard) + float(sum(heard[i, int(digit)] for i, digit in enumerate(text)))

    return max(sorted(candidates), key=both)
