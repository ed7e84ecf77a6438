"""Digits that a caller dictates, with Whisper: its decoder may write nothing but digits, one group at a time.

Left free, tiny.en writes "Oh, you know, 7" for "four oh seven". Restricted to the tokens of the ten digits it has to
choose between digits, and is right far more often. Its free text still decides whether digits were said at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from ..core.audio.pcm import RATE, Pcm
from ..core.turns.transcript import Transcript
from .whisper_text import Decoded

GROUP_PAUSE_S = 0.45  # silence between two groups; inside a group digits are closer together
PROMPT = " 407 159 2863. 55 1 900."  # the decoder has just written digits, so it goes on with digits
LONGEST = 14  # tokens of one group
RUNAWAY = 5  # this many equal digits at the end: the decoder has found no end
UNSURE = -1.2  # mean log probability of a token below which the digits are not believed
MARGIN = 0.0  # by which the free text may be likelier than the digits
FASTEST = 3.5  # digits a second, and one more
DIGITS_NO_SPEECH = 0.4  # at most, once several digits are believed: Whisper takes two clipped digits for "no speech"
READINGS = 5  # the decoder's best readings of a group
SURE_PROBABILITY, SURE_NO_SPEECH = -0.1, 0.1  # of digits that were told without the decoder
VOCABULARY = 51864  # tokens of the English models
SAID_OTHERWISE = {
    "double",
    "triple",
    "treble",
    "hundred",
    "thousand",
}  # the sounds of such a group are not single digits
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPOKEN = {name: str(digit) for digit, name in enumerate(NAMES)} | {"oh": "0", "o": "0"}


class DigitDecoder(Protocol):
    """What decodes speech that is probably digits."""

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]: ...

    def count_unanswered(self) -> None: ...

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded: ...


class DigitPieces:
    """The recognizer of pieces (see `PieceRecognizer`) for a stream of digits."""

    def __init__(self, engine: DigitDecoder) -> None:
        self._engine = engine

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]:
        """Run `work` in a thread of the engine."""
        return self._engine.submit(work)

    def count_unanswered(self) -> None:
        """A request failed, or its answer did not come in time."""
        self._engine.count_unanswered()

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """One group. Blocks. Hints do not help with digits; their sounds are known at 8 kHz."""
        return self._engine.decode_digits(pcm, language)


def digit_tokens(tokenizer: Any) -> dict[int, str]:
    """The ten tokens that stand for one digit each."""
    return {tokenizer.encode(f" {digit}")[0]: str(digit) for digit in range(10)}


def digits_or_words(free: Decoded, digits: Decoded, samples: int) -> Decoded:
    """What was said: the free text, or the digits that the decoder wrote when it could write nothing else.

    `samples` is the length of the speech. The limits were set on 72 dictated numbers and 150 other utterances.
    """
    read, spoken = digits.text.replace(" ", ""), plain_digits(free.text)
    if _otherwise(free):
        return _as_spoken(free)
    runaway = len(read) >= RUNAWAY and len(set(read[-RUNAWAY:])) == 1
    if not read or runaway or digits.log_probability < UNSURE:
        return free
    if spoken:  # both are digits; more of them are right unless nobody talks so fast
        more = len(read) < len(spoken) <= 1 + FASTEST * samples / RATE
        return free if more else _as_digits(free, digits)
    lone = len(read) == 1  # a single digit is what any short word comes out as
    return free if lone or free.log_probability - digits.log_probability > MARGIN else _as_digits(free, digits)


def readings_of(whisper: Any, encoded: Any, tokenizer: Any) -> dict[str, float]:
    """The decoder's readings when it can write nothing but digits, with their log probabilities. Blocks.

    `whisper` is a faster_whisper.WhisperModel, `encoded` what its decoder sees.
    """
    digits = digit_tokens(tokenizer)
    others = [token for token in range(VOCABULARY) if token not in digits and token != tokenizer.eot]
    prompt = whisper.get_prompt(tokenizer, tokenizer.encode(PROMPT), without_timestamps=True)
    result = whisper.model.generate(
        encoded,
        [prompt],
        beam_size=READINGS,
        num_hypotheses=READINGS,
        max_length=len(prompt) + LONGEST,
        return_scores=True,
        suppress_tokens=others,
    )[0]
    found = zip(result.sequences_ids, result.scores, strict=True)
    return {"".join(digits[token] for token in ids if token in digits): score * len(ids) for ids, score in found}


def best_reading(readings: Mapping[str, float], free: Decoded) -> Decoded:
    """The reading with the highest mean log probability of a token; its end counts as a token."""
    score, text = max(((total / (len(text) + 1), text) for text, total in readings.items()), default=(-10.0, ""))
    return Decoded(" ".join(text), score, free.no_speech)


def by_sound(read: str) -> Decoded:
    """Digits that were told by their sounds alone, without a doubt."""
    return Decoded(" ".join(read), SURE_PROBABILITY, SURE_NO_SPEECH)


def told_apart(free: Decoded, read: str) -> Decoded:
    """Digits that were told by their sounds; "oh" and "double" are in the free text alone."""
    words = re.findall(r"[a-z]+|[0-9]", free.text.lower())
    if _otherwise(free):
        return _as_spoken(free)
    if len(words) == len(read):
        read = "".join("0" if word in ("oh", "o") else digit for word, digit in zip(words, read, strict=True))
    score = max(free.log_probability, UNSURE)
    return _as_digits(free, Decoded(" ".join(read), score, free.no_speech))


def plain_digits(text: str) -> str:
    """The digits of a text that consists of digits only, as figures or words; else ""."""
    words = re.findall(r"[a-z]+|[0-9]", text.lower())
    found = [SPOKEN.get(word, word) for word in words]
    return "".join(found) if all(word.isdigit() for word in found) else ""


def _otherwise(free: Decoded) -> bool:
    """Whether the text holds more of a number than its digits."""
    return bool(SAID_OTHERWISE & set(re.findall(r"[a-z]+", free.text.lower())))


def _as_spoken(free: Decoded) -> Decoded:
    """The free text; "double five two", and nothing else, is no noise."""
    words = set(re.findall(r"[a-z]+|[0-9]", free.text.lower()))
    dictated = words <= SAID_OTHERWISE | set(SPOKEN) | set(SPOKEN.values())
    return replace(free, no_speech=min(free.no_speech, DIGITS_NO_SPEECH)) if dictated else free


def _as_digits(free: Decoded, digits: Decoded) -> Decoded:
    several = len(digits.text) > 1  # "Oh" is written for many a noise
    no_speech = min(free.no_speech, DIGITS_NO_SPEECH) if several else free.no_speech
    return replace(free, text=digits.text, log_probability=digits.log_probability, no_speech=no_speech)
