"""A piece of agent speech: samples and the words in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # so that reading the call log does not load numpy
    import numpy as np
    from numpy.typing import NDArray

    from .pcm import Pcm


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where it is in its utterance: samples at 8 kHz, start inclusive, end exclusive."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """Speech as an engine made it, at `rate`; times `gain` it has the level of the line. Full scale is 1.0."""

    samples: NDArray[np.float32]
    rate: int
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A sentence or prompt ready to be played. `" ".join(w.text for w in words)` is `text`, spaces folded.

    `wide` is `pcm` at 16 kHz, with two samples for each one; None if nobody asked for it. An engine gives the
    `original`, and `speech.voice.Voice` makes `wide` of it.
    """

    text: str
    pcm: Pcm
    words: tuple[Word, ...]
    wide: Pcm | None = None
    original: Original | None = None
    grows: ClassVar[bool] = False  # all of it is there
    broken: ClassVar[bool] = False


def spread(text: str, first: int, last: int) -> tuple[Word, ...]:
    """The words of `text`, spread between samples `first` and `last` in proportion to their letters.

    For engines and recordings without word timings.
    """
    parts = text.split()
    weights = [sum(c.isalnum() for c in part) + 1 for part in parts]
    total = sum(weights)
    out, at = [], 0
    for part, weight in zip(parts, weights, strict=True):
        start = first + (last - first) * at // total
        at += weight
        out.append(Word(part, start, first + (last - first) * at // total))
    return tuple(out)
