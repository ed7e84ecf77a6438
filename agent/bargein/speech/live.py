"""Speech that a server sends while it makes it: from its pieces of audio to a sentence that is played meanwhile.

The pieces come in a thread and are made 8 kHz speech there (`Arriving`). The event loop appends them to the sentence
(`LiveUtterance`), which ends the request when no call wants it any more, or when the server stalls.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from typing import Protocol, runtime_checkable

import numpy as np

from ..core.audio.growing import GrowingUtterance
from ..core.audio.pcm import RATE, WIDE, WIDE_RATE, Pcm, samples
from ..core.audio.utterance import Utterance, Word
from ..errors import EngineError
from .audio import PEAK, Resampler, Samples, activity, fitted, level_gain, to_pcm
from .trim import LEAD_MS, TAIL_MS

UNWANTED = "nobody wants the sentence any more"
STALL_S = 3.0  # without a piece of the sentence
FIRST_SAMPLES = samples(200)  # before a sentence begins: a late piece is not heard
SLOW_MARGIN = 1.1  # of what a server that is slower than speech must have sent before
WORTH_MS = 60  # the least to be resampled at a time
SOUND_PEAK = 0.01  # -40 dBFS: what is softer at the beginning is no speech
LETTER_SAMPLES = 540  # of a voice that has not spoken yet: 15 letters a second
TELLING_LETTERS = 20  # of a text whose pace counts
BURST_S = 0.3  # pieces that come so close together tell no pace

_NOTHING: Samples = np.zeros(0, np.float32)
Speech = tuple[Pcm, Pcm | None]  # at 8 kHz, and the same at 16 kHz if that is wanted


class Abort:
    """Ends a request that runs in another thread."""

    def __init__(self) -> None:
        self.wanted = False
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def of(self, connection: socket.socket | None) -> None:
        """The connection over which the request runs; None when it is over, and the connection serves another one."""
        with self._lock:
            self._connection = connection
        if self.wanted:
            self.now()

    def now(self) -> None:
        """End it: whoever reads from the connection gets nothing more."""
        self.wanted = True
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):  # it is over
                    socket.socket.shutdown(self._connection, socket.SHUT_RDWR)  # of the TCP connection below TLS, too


@runtime_checkable
class LiveTts(Protocol):
    """An engine that hands speech out while it gets it."""

    def pieces(self, text: str, language: str, voice: str, abort: Abort) -> Generator[tuple[Samples, int]]:
        """Samples and their rate, piece by piece; blocks. The text has letters. Raises EngineError."""


class Manner:
    """How a voice speaks, learned from its last sentences: how loud and how fast."""

    def __init__(self) -> None:
        self.gain: float | None = None  # to the wanted level
        self._letter_samples = float(LETTER_SAMPLES)

    def expected(self, spoken: str) -> int:
        """How many samples the text will probably take."""
        return round(self._letter_samples * len(spoken))

    def took(self, spoken: str, count: int) -> None:
        """The text has taken so many samples. A short one says little: "One." takes as long as ten letters."""
        if len(spoken) >= TELLING_LETTERS:
            self._letter_samples = count / len(spoken)


class Arriving:
    """Pieces of one sentence become 8 kHz speech at the right level, without the silence before it.

    The level is that of the voice's last sentence. For the first one it is measured on what comes first. With `wide`
    the speech comes at 16 kHz as well.
    """

    def __init__(self, manner: Manner, wide: bool = False) -> None:
        self._manner, self._gain = manner, manner.gain
        self._widens: Resampler | None = Resampler(WIDE_RATE, WIDE_RATE) if wide else None
        self._held, self._held_wide = _NOTHING, _NOTHING  # of either rate, what the other one still lacks
        self._rate = 0
        self._resampler = Resampler(RATE, RATE)
        self._waiting: list[Samples] = []  # pieces that are too short to be worth the work
        self._speech: list[Samples] = []  # at 8 kHz, without the gain
        self._begun = False

    def add(self, piece: Samples, rate: int) -> Speech:
        """The speech that is ready with the next `piece`. Raises EngineError."""
        if not self._rate:
            self._rate, self._resampler = rate, Resampler(rate, RATE)
            self._widens = self._widens and Resampler(rate, WIDE_RATE)
        elif rate != self._rate:
            raise EngineError("the speech server changes its sample rate within a sentence")
        self._waiting.append(piece)
        if sum(map(len, self._waiting)) < rate * WORTH_MS // 1000:
            return to_pcm(_NOTHING), None
        return self._ready(last=False)

    def end(self) -> tuple[Speech, int]:
        """The speech that was still held, and where the last sound of all ends. Raises EngineError for silence."""
        rest = self._ready(last=True)
        all_of_it = np.concatenate(self._speech) if self._begun else _NOTHING
        _, last = activity(all_of_it, RATE)
        if not last:
            raise EngineError("the speech server sends silence")
        self._manner.gain = level_gain(all_of_it, RATE)
        return rest, last

    def _ready(self, last: bool) -> Speech:
        speech, wide = self._resampled(np.concatenate([*self._waiting, _NOTHING]), last)
        self._waiting.clear()
        if not self._begun:
            first = self._first_sound(speech, last)
            if first is None:
                self._held, self._held_wide = speech, wide
                return to_pcm(_NOTHING), None
            self._begun = True
            speech, wide = speech[first:], wide[WIDE * first :]
        if self._widens is not None:
            count = len(speech) if last else min(len(speech), len(wide) // WIDE)
            self._held, self._held_wide = speech[count:], wide[WIDE * count :]
            speech, wide = speech[:count], wide[: WIDE * count]
        self._speech.append(speech)
        pcm = self._at_level(speech)
        return pcm, None if self._widens is None else fitted(self._at_level(wide), pcm)

    def _resampled(self, piece: Samples, last: bool) -> tuple[Samples, Samples]:
        """What is ready of either rate, with what was held."""
        speech = np.concatenate([self._held, self._resampler.add(piece, last)])
        self._held = _NOTHING
        if self._widens is None:
            return speech, _NOTHING
        return speech, np.concatenate([self._held_wide, self._widens.add(piece, last)])

    def _at_level(self, speech: Samples) -> Pcm:
        assert self._gain is not None
        return to_pcm(np.clip(speech * self._gain, -PEAK, PEAK))

    def _first_sound(self, speech: Samples, last: bool) -> int | None:
        """Where to begin; None if that, or the level, is not known yet."""
        first, until = activity(speech, RATE)
        if not until or float(np.abs(speech).max()) < SOUND_PEAK:
            return None
        if self._gain is None and len(speech) - first < FIRST_SAMPLES and not last:
            return None
        self._gain = self._gain or level_gain(speech[first:], RATE)
        return max(0, first - samples(LEAD_MS))


class LiveUtterance(GrowingUtterance):
    """A sentence that a server sends. The methods are for the event loop."""

    def __init__(self, text: str, lay: Callable[[int], tuple[Word, ...]], expected: int, wide: bool = False) -> None:
        super().__init__(text, lay, expected, wide)
        self.abort = Abort()
        self._error: EngineError | None = None
        self._moved = asyncio.Event()
        self._asked_s = self._first_s = 0.0  # when the server was asked, and when its first piece came
        self._first_samples = 0  # of that piece, and of those that came with it
        self._wanted = 0  # calls that say it

    def asked(self) -> None:
        """The request goes out."""
        self._asked_s = asyncio.get_running_loop().time()

    def arrived(self, pcm: Pcm, wide: Pcm | None = None) -> None:
        """The next piece."""
        self.append(pcm, wide)
        now = asyncio.get_running_loop().time()
        if not self._first_samples:
            self._first_s = now
        if now - self._first_s < BURST_S:
            self._first_samples = len(self.pcm)
        self._moved.set()

    def whole(self, last: int) -> Utterance:
        """All has come; the last sound ends at sample `last`. Raises EngineError if it was given up before."""
        if not self.grows:
            raise self._error or EngineError("the sentence is whole already")
        utterance = self.complete(last + samples(TAIL_MS), last)
        self._moved.set()
        return utterance

    def failed(self, error: EngineError) -> None:
        """No more will come."""
        self._error = self._error or error
        self.break_off()
        self._moved.set()

    @property
    def playable(self) -> bool:
        """Whether enough has come to begin: a server that is slower than speech needs a lead."""
        if not self.grows:
            return True
        had, now = len(self.pcm), asyncio.get_running_loop().time()
        if had < FIRST_SAMPLES:
            return False
        speed = _ratio(had, now - self._asked_s)
        if now - self._first_s >= BURST_S:
            speed = max(speed, _ratio(had - self._first_samples, now - self._first_s))
        return had >= SLOW_MARGIN * self.expected * (1 - speed)

    async def begun(self) -> None:
        """Wait until it is playable. Raises EngineError if it fails before."""
        while not self.playable:
            await self._moves()
        if self._error is not None:
            raise self._error

    async def finished(self) -> None:
        """Wait until all has come. Raises EngineError if it breaks off. If no call waits any more, the request ends."""
        self._wanted += 1
        try:
            while self.grows:
                try:
                    async with asyncio.timeout(STALL_S):
                        await self._moves()
                except TimeoutError:
                    self.give_up(f"the speech server sends nothing for {STALL_S:g} s within a sentence")
            if self._error is not None:
                raise self._error
        finally:
            self._wanted -= 1
            if not self._wanted:
                self.give_up(UNWANTED)

    def give_up(self, reason: str) -> None:
        """End the request, if it still runs."""
        if self.grows:
            self.abort.now()
            self.failed(EngineError(reason))

    async def _moves(self) -> None:
        self._moved.clear()
        await self._moved.wait()


def _ratio(count: int, seconds: float) -> float:
    """Samples in a time, as a multiple of the speed of speech."""
    return count / RATE / max(seconds, 1e-3)
