"""What Whisper writes for a piece of audio, and whether to believe it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.turns.transcript import SoundProbabilities

MADE_UP = {"you", "thankyou", "bye", "im"}  # what Whisper answers to noise


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model makes of one piece of audio: mean log probability of a token, probability of "no speech"."""

    text: str
    log_probability: float
    no_speech: float
    sound_probabilities: SoundProbabilities | None = None  # by the bundled model alone
    ending: float | None = None  # see `Transcript.ending`
    ended: float | None = None  # see `Transcript.ended`; by the bundled model alone


def believable(piece: Decoded) -> bool:
    """False for what the model makes of coughs, barks and noise.

    The limits are those that part 195 recordings of noises from 400 of short words and phrases: 16 noises, most of
    them cries, are taken for words, and 6 words of 306 rightly recognized are lost.
    """
    words = re.sub(r"\([^)]*\)|\[[^]]*\]|\*[^*]*\*", "", piece.text)  # sounds, as "(coughs)"
    if not any(c.isalnum() for c in words) or re.search(r"(\w)\1{3}", words):  # or a cry: "Aaaah"
        return False
    if re.sub(r"\W", "", words).lower() in MADE_UP and piece.no_speech > 0.25:
        return False
    number = all(c.isdigit() or not c.isalnum() for c in words)  # written for a digit said alone, never for a noise
    doubtful = piece.no_speech > 0.4 and piece.log_probability < -0.8 and not number
    return not (doubtful or piece.no_speech > 0.6 or piece.log_probability < -1.5)


def without_echo(text: str) -> str:
    """The text without what the decoder says again after its end: "Who is it? Who is" loses the last two words."""
    words = text.split()
    plain = [re.sub(r"\W", "", word).lower() for word in words]
    for period in range(1, len(words)):
        again, first = plain[period:], plain[:-period]
        cut_off = bool(again) and first[-1].startswith(again[-1])  # the limit on tokens ends within a word
        if again[:-1] == first[:-1] and cut_off and (period > 2 or len(words) > 2 * period):
            return " ".join(words[:period])
    return text
