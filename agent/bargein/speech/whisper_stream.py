"""One turn of the caller for a recognizer that recognizes pieces of speech as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

import numpy as np

from ..core.audio.pcm import RATE, WIDE, Pcm, dbfs
from ..core.turns.transcript import Transcript
from ..errors import EngineError
from .audio import activity, first_pause, from_pcm
from .whisper_text import Decoded, believable

LONGEST_S = 7.6  # of speech in one piece, what a window of 8 s takes; a longer turn is recognized piece by piece
CUT_FROM_S = 4.0  # a piece ends at the quietest place after this
MARGIN_SAMPLES = 800  # 100 ms kept around what is loud: weak consonants
DEADLINE_S = 4.0  # for words to come: the caller waits in silence
UPPER_DBFS = -65.0  # of what is above 4 kHz; less is what a phone at 8 kHz has, and not worth the encoder's time
SHORTEST_SAMPLES = 800  # 100 ms: less is no word


class PieceRecognizer(Protocol):
    """An engine that recognizes pieces of speech as a whole."""

    def submit(self, work: Callable[[], Transcript]) -> Future[Transcript]: ...

    def count_unanswered(self) -> None: ...

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """`upper`: what a line of 16 kHz has above 4 kHz, twice as many samples at 16 kHz."""


class WhisperStream:
    """One caller turn. The audio is recognized as a whole when asked; long turns are settled piece by piece.

    Whoever asks waits `deadline_s` at most. Then, or if the engine fails, they
    get the words that are known, or EngineError if there are none.
    """

    def __init__(
        self,
        engine: PieceRecognizer,
        language: str,
        hints: Sequence[str],
        deadline_s: float = DEADLINE_S,
        pause_s: float | None = None,
    ) -> None:
        self._pause_s = pause_s  # a silence so long parts two pieces
        self._known: tuple[tuple[int, int], Decoded] | None = None  # the newest piece: where it is loud, its words
        self._deadline_s = deadline_s
        self._engine = engine
        self._language = language
        self._hints = hints
        self._blocks: list[Pcm] = []  # all that was fed; the event loop appends, the engine's thread joins them
        self._uppers: list[Pcm] = []  # the same for what is above 4 kHz; none on a line of 8 kHz
        self._settled: list[Decoded] = []  # pieces of a long turn that will not change, and
        self._settled_samples = 0  # how much audio they are
        self._last = Transcript("", 0.0, 0.0, False)
        self._covered: tuple[int, int] | None = None  # the loud part that `_last` is of
        self._pending: Future[Transcript] | None = None
        self._turn = asyncio.Lock()  # one thing at a time
        self._cancelled = False

    def feed(self, pcm: Pcm) -> None:
        """Append 8 kHz samples."""
        if self._uppers:
            self._uppers.append(np.zeros(WIDE * len(pcm), np.int16))
        self._blocks.append(pcm)

    def feed_wide(self, pcm: Pcm, upper: Pcm) -> None:
        """Append 8 kHz samples, and twice as many at 16 kHz of what is above 4 kHz."""
        if not self._uppers:
            self._uppers.append(np.zeros(WIDE * sum(map(len, self._blocks)), np.int16))
        self._uppers.append(upper)
        self._blocks.append(pcm)

    async def partial(self) -> Transcript:
        """The words in all that was fed until the engine has come to it; at once if nothing loud is new."""
        return await self._run()

    async def final(self) -> Transcript:
        """The whole turn; costs nothing if a partial result has covered all that was loud."""
        return replace(await self._run(), final=True)

    def cancel(self) -> None:
        """Drop what is queued; what is being computed ends and is forgotten."""
        self._cancelled = True
        if self._pending is not None:
            self._pending.cancel()

    async def _run(self) -> Transcript:
        async with self._turn:
            if self._cancelled or self._loud(self._audio())[0] == self._covered:
                return self._last
            if self._pending is None or self._pending.done():  # else one that was late still runs: never two at a time
                self._pending = self._engine.submit(self._recognize)
            waiting = asyncio.wrap_future(self._pending)
            waiting.add_done_callback(_take_note)
            await asyncio.wait([waiting], timeout=self._deadline_s)
            if not waiting.done():
                self._engine.count_unanswered()
                self._pending.cancel()  # if it has not begun; the next request is for more audio anyway
                if not self._last.text:
                    raise EngineError(f"the recognizer does not keep up: no words within {self._deadline_s:g} s")
                return self._last
            if waiting.cancelled():
                return self._last
            if waiting.exception() is not None:
                self._engine.count_unanswered()
                if self._last.text:
                    return self._last
            return waiting.result()

    def _audio(self) -> Pcm:
        return _as_one(self._blocks)

    def _loud(self, audio: Pcm) -> tuple[tuple[int, int], bool]:
        """Where in `audio` the part that is not settled is loud, and whether silence follows."""
        rest = audio[self._settled_samples :]
        first, last = activity(from_pcm(rest), RATE)
        loud = (self._settled_samples + first, self._settled_samples + last)
        return loud, len(rest) >= last + MARGIN_SAMPLES

    def _recognize(self) -> Transcript:
        """In a thread of the engine, maybe long after it was asked for; never two at a time for one stream."""
        audio = self._audio()
        while cut := self._piece_end(audio[self._settled_samples :]):
            piece = audio[: self._settled_samples + cut]
            self._settled.append(self._decoded(piece, *self._loud(piece)))
            self._settled_samples += cut
        loud, whole = self._loud(audio)
        if loud != self._covered:
            self._last = _joined([*self._settled, self._decoded(audio, loud, whole)])
            self._covered = loud if whole else None
        return self._last

    def _piece_end(self, rest: Pcm) -> int:
        """Where the first piece of what is not settled ends; 0 if it is the last one."""
        pause = first_pause(from_pcm(rest), RATE, self._pause_s) if self._pause_s else None
        if pause is not None and pause[0] <= LONGEST_S * RATE:
            return sum(pause) // 2
        return _quietest(rest) if len(rest) > LONGEST_S * RATE else 0

    def _decoded(self, audio: Pcm, loud: tuple[int, int], whole: bool) -> Decoded:
        """The words of what is not settled in `audio`; the engine is not asked twice for the same sound.

        `loud` and `whole`: see `_loud`.
        """
        if self._known is not None and self._known[0] == loud:
            return self._known[1]
        first, last = (at - self._settled_samples for at in loud)
        begin, end = _with_margin(len(audio) - self._settled_samples, first, last)
        piece = audio[self._settled_samples :][begin:end]
        if self._cancelled or not len(piece):
            return Decoded("", 0.0, 1.0)
        if self._uppers:
            upper = _as_one(self._uppers)[WIDE * self._settled_samples :][WIDE * begin : WIDE * end]
            heard = upper if dbfs(upper) > UPPER_DBFS else None
            decoded = self._engine.decode(piece, self._language, self._hints, heard)
        else:
            decoded = self._engine.decode(piece, self._language, self._hints)
        self._known = (loud, decoded) if whole else None
        return decoded


def _as_one(blocks: list[Pcm]) -> Pcm:
    """All that was fed. The event loop may append meanwhile: that stays a block of its own."""
    count = len(blocks)
    audio = np.concatenate(blocks[:count]) if count else np.zeros(0, np.int16)
    blocks[:count] = [audio]
    return audio


def _take_note(done: asyncio.Future[Transcript]) -> None:
    """Of an error that comes when nobody waits any more: asyncio would log it as never retrieved."""
    if not done.cancelled():
        done.exception()


def loud_part(audio: Pcm) -> Pcm:
    """What of the audio may be words, with a margin; empty if it is too short for any."""
    begin, end = _with_margin(len(audio), *activity(from_pcm(audio), RATE))
    return audio[begin:end]


def _with_margin(length: int, first: int, last: int) -> tuple[int, int]:
    """Where the loud part of so many samples begins and ends with a margin; nowhere if it is too short for words."""
    if last - first < SHORTEST_SAMPLES:
        return 0, 0
    return max(0, first - MARGIN_SAMPLES), min(length, last + MARGIN_SAMPLES)


def _joined(pieces: Sequence[Decoded]) -> Transcript:
    believed = [piece for piece in pieces if believable(piece)]
    sound_probabilities = max(
        (piece.sound_probabilities for piece in pieces if piece.sound_probabilities),
        key=lambda sound_probabilities: sound_probabilities.word,
        default=None,
    )
    speech = 1.0 - max(piece.no_speech for piece in believed or pieces)
    text = " ".join(piece.text for piece in believed)
    confidence = float(np.exp(np.mean([piece.log_probability for piece in believed]))) if believed else 0.0
    ending = pieces[-1].ending if pieces and believable(pieces[-1]) else None
    return Transcript(
        text, confidence, speech, False, sound_probabilities, ending, pieces[-1].ended if pieces else None
    )


def _quietest(audio: Pcm) -> int:
    """Where to cut a long turn: the middle of the quietest 100 ms between `CUT_FROM_S` and `LONGEST_S`."""
    start, end = int(CUT_FROM_S * RATE), int(LONGEST_S * RATE)
    step = RATE // 50
    energy = np.square(from_pcm(audio[start:end])[: (end - start) // step * step].reshape(-1, step)).mean(axis=1)
    smooth = np.convolve(energy, np.ones(5), "valid")
    return start + (int(np.argmin(smooth)) + 2) * step + step // 2
