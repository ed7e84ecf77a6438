"""The result of a recognizer."""

from __future__ import annotations

from dataclasses import dataclass

RECOGNIZER_LATE_MS = 4000  # a silence after which words are not waited for: half of a turn misleads more than waiting


@dataclass(frozen=True, slots=True)
class SoundProbabilities:
    """Probabilities of what a sound is, whatever the words written for it; they sum to 1."""

    word: float
    backchannel: float
    other: float  # a cough, a cry, a bang


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognized. `confidence` 0 to 1; `speech` is how sure the engine is that it was speech at all.

    `sound_probabilities`: from engines that tell words from other sounds. `ending`: log odds that a sentence ends after
    the last word, from engines that predict the next word. `ended`: what the recognizer's picture of the last sounds
    adds to the log odds that the turn has ended, from engines that give it.
    """

    text: str
    confidence: float = 1.0
    speech: float = 1.0
    final: bool = True
    sound_probabilities: SoundProbabilities | None = None
    ending: float | None = None
    ended: float | None = None
