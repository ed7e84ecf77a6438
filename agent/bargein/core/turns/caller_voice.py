"""How this caller sounds, learned from the turns of one call and forgotten with it: does somebody else talk there?"""

from __future__ import annotations

from collections import deque

import numpy as np

from ..audio.pcm import samples
from .overlap import Schedule, at
from .prosody import Floats

TURNS, KNOWN_AFTER = 5, 1  # the last 5 turns count
ONE_TURN_DB = 3.0  # after one turn the caller's level is less sure
QUIETER_DB: Schedule = ((150, 14.0), (330, 11.0), (800, 9.0))  # ms since the onset: what is softer is somebody else
SEMITONE_DB = 2.0  # a semitone beyond the caller's own range counts as so much softer
# A sound so near to the caller's level counts, as the phone may have been handed over. Words begin softly.
NEAR_DB: Schedule = ((150, 10.0), (330, 7.0), (800, 5.0))
OTHER_SAMPLES = samples(10_000)  # for so long somebody else who was heard is expected again ...
OTHER_DB, OTHER_NEAR_DB = 1.0, 7.0  # ... a little louder. Then only a sound so near to the caller's level counts
LEAST_VOICED = 6  # measures of the pitch, one each 10 ms


class CallerVoice:
    """The caller's level and pitch range. It lives as long as the call. `now` is in samples of the call."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=TURNS)  # of each turn, in dBFS
        self._pitch: deque[Floats] = deque(maxlen=TURNS)
        self._range: tuple[float, float] | None = None  # semitones
        self._other_dbfs, self._other_until = -100.0, -1

    @property
    def known(self) -> bool:
        """Whether the caller has been heard."""
        return len(self._levels) >= KNOWN_AFTER

    def learn(self, level_dbfs: float, pitch: Floats) -> None:
        """A turn of the caller is over. `pitch`: what is voiced in it, in semitones, one for each 10 ms.

        `level_dbfs`: what its loudest frames reached, but a knock at the receiver does not.
        """
        self._levels.append(level_dbfs)
        self._pitch.append(pitch)
        own = np.concatenate(self._pitch)
        if len(own) >= LEAST_VOICED:
            self._range = float(np.percentile(own, 10)), float(np.percentile(own, 90))

    def reject(self, loudest_dbfs: float, now: int) -> None:
        """A sound was softer than `least_dbfs`: somebody else talks there."""
        if now > self._other_until:
            self._other_dbfs = -100.0
        self._other_dbfs, self._other_until = max(self._other_dbfs, loudest_dbfs), now + OTHER_SAMPLES

    def least_dbfs(self, now: int, since_ms: int, pitch: Floats) -> float:
        """What the loudest frame of a sound reaches if it is the caller's, `since_ms` after its onset.

        `pitch`: what was voiced since then, as for `learn`.
        """
        if not self.known:
            return -100.0
        usual, newest = sorted(self._levels)[(len(self._levels) - 1) // 2], list(self._levels)[-2:]
        usual = min(usual, max(newest))  # a caller who has become softer, or another one
        quieter = at(QUIETER_DB, since_ms) - SEMITONE_DB * self._beyond(pitch)
        least = usual - max(at(NEAR_DB, since_ms), quieter) - (ONE_TURN_DB if len(self._levels) == 1 else 0.0)
        if now > self._other_until:
            return least
        return max(least, min(self._other_dbfs + OTHER_DB, usual - OTHER_NEAR_DB))

    def _beyond(self, pitch: Floats) -> float:
        """How many semitones the middle of `pitch` is beyond what this caller usually does."""
        if self._range is None or len(pitch) < LEAST_VOICED:
            return 0.0
        low, high, middle = *self._range, float(np.median(pitch))
        return max(0.0, low - middle, middle - high)
