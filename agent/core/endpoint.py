"""The caller's turn: when it began, whether the caller still speaks, and when it is over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from .evidence import Evidence
from .pcm import FRAME_SAMPLES, Pcm, ms, samples

PREROLL_SAMPLES = samples(300)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How long a silence ends the caller's turn, in ms."""

    min_ms: int = 300  # after words that are complete
    usual_ms: int = 600  # when one cannot tell
    max_ms: int = 900  # after "and ..." or a trailing "uh"

    def silence_ms(self, complete: bool | None) -> int:
        """The silence to wait for after words that are complete (True), open (False), or neither (None)."""
        return {True: self.min_ms, None: self.usual_ms, False: self.max_ms}[complete]


class Preroll:
    """The last 300 ms of the line: what the recognizer gets first, so that no first syllable is lost."""

    def __init__(self) -> None:
        self._frames: deque[Pcm] = deque(maxlen=PREROLL_SAMPLES // FRAME_SAMPLES)

    def push(self, frame: Pcm) -> None:
        self._frames.append(frame)

    def take(self) -> Pcm:
        """All of it, oldest first."""
        out = np.concatenate(list(self._frames)) if self._frames else np.zeros(0, np.int16)
        self._frames.clear()
        return out


@dataclass(slots=True)
class CallerTurn:
    """One stretch of the caller's sound, in samples of the call. `now` comes with each call."""

    id: int
    onset: int
    last_voiced: int
    voice: float = 0.0
    evidence: float = 0.0

    def hear(self, evidence: Evidence, now: int) -> None:
        """One frame that ends at `now`."""
        if evidence.voiced:
            self.last_voiced = now
            self.evidence = max(self.evidence, evidence.score)
        self.voice = evidence.voice

    def voiced_ms(self) -> int:
        return ms(self.last_voiced - self.onset)

    def silent_ms(self, now: int) -> int:
        return ms(now - self.last_voiced)
