"""Speech of an engine that does not say when each word begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..core.audio.pcm import RATE
from ..core.audio.utterance import Utterance, spread
from ..errors import EngineError
from .audio import Samples, for_line
from .trim import trim


def silent(text: str) -> Utterance:
    """What is said for a text without letters or digits."""
    return Utterance(text, np.zeros(0, np.int16), spread(text, 0, 0))


def untimed(text: str, audio: Samples, rate: int) -> Utterance:
    """8 kHz speech without the silence around it; the words are laid over it by their length. Empty for silence."""
    begin, first, last, end = trim(audio, rate)
    if not last:
        return silent(text)
    pcm, original = for_line(audio[begin:end], rate)
    words = spread(text, (first - begin) * RATE // rate, (last - begin) * RATE // rate)
    return Utterance(text, pcm, words, original=original)


def by_server(text: str, asked: Callable[[str], Iterator[tuple[Samples, int]]]) -> Utterance:
    """What a speech server says: `asked` gives samples and their rate, in pieces, for a text with single spaces.

    A text without letters or digits is silent, and the server is not asked. Raises EngineError.
    """
    text = " ".join(text.split())
    if not any(c.isalnum() for c in text):
        return silent(text)
    pieces = list(asked(text))
    said = untimed(text, np.concatenate([piece for piece, _ in pieces]), pieces[0][1]) if pieces else silent(text)
    if not len(said.pcm):
        raise EngineError("the speech server sends silence")
    return said
