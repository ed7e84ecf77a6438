"""A voice engine that reads text as it is spoken, and reports the words as they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..core.audio.utterance import Utterance, Word, spread
from .base import TextToSpeech
from .speakable import Spoken, speakable


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is written and as it is spoken."""

    groups: list[Spoken]
    written: str
    spoken: str

    @classmethod
    def of(cls, text: str, language: str) -> Reading:
        """The reading of `text`."""
        groups = speakable(text, language)
        written = " ".join(" ".join(group.written) for group in groups)
        return cls(groups, written, " ".join(group.spoken for group in groups if group.spoken))

    def lay(self, last: int) -> tuple[Word, ...]:
        """The words as written, laid over `last` samples of speech by their length."""
        return as_written(self.groups, spread(self.spoken, 0, last))


class SpeakableTts:
    """Any engine behind `speakable`. The ledger of a call holds the written form: "555-0104", not "five five five"."""

    def __init__(self, engine: TextToSpeech) -> None:
        self._engine = engine
        self.name = engine.name

    def load(self) -> None:
        """Load the engine's model. Raises EngineError."""
        self._engine.load()

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        """8 kHz speech; a Word for every whitespace-separated piece of `text`. Raises EngineError."""
        reading = Reading.of(text, language)
        written, spoken = reading.written, reading.spoken
        if not spoken:
            return Utterance(written, np.zeros(0, np.int16), spread(written, 0, 0))
        said = self._engine.synthesize(spoken, language, voice)
        return said if spoken == written else replace(said, text=written, words=as_written(reading.groups, said.words))


def as_written(groups: list[Spoken], words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words as written, each with the time that what is spoken for it takes.

    A word that is not spoken has no length. Several that are spoken as one share its time by their length.
    """
    out: list[Word] = []
    at = 0
    for group in groups:
        count = len(group.spoken.split())
        here = words[at : at + count]
        at += count
        end = out[-1].end if out else 0
        if not here:
            out += [Word(piece, end, end) for piece in group.written]
        elif count == len(group.written):
            out += [Word(piece, word.start, word.end) for piece, word in zip(group.written, here, strict=True)]
        else:
            out += spread(" ".join(group.written), here[0].start, here[-1].end)
    return tuple(out)
