"""A piece of agent speech: samples and the words in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # so that reading the call log does not load numpy
    from .pcm import Pcm


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where it is in its utterance: samples at 8 kHz, start inclusive, end exclusive."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A sentence or prompt ready to be played. `" ".join(w.text for w in words)` is `text`, spaces folded."""

    text: str
    pcm: Pcm
    words: tuple[Word, ...]
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
