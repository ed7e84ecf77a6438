"""An engine's speech without the silence around it."""

from __future__ import annotations

from typing import NamedTuple

from .audio import Samples, activity
from .word_times import Span

LEAD_MS = 10  # silence kept before the first sound
TAIL_MS = 120  # and after the last


class Trim(NamedTuple):
    """Samples of the engine's audio, at its rate: what is kept, `begin` to `end`, and the sound in it."""

    begin: int
    first: int
    last: int
    end: int

    def within(self, span: Span) -> Span:
        """A span of the audio as one of what is kept, no later than the last sound."""
        start, end = span
        return min(max(start, self.begin), self.last) - self.begin, min(max(end, self.begin), self.last) - self.begin


def trim(audio: Samples, rate: int) -> Trim:
    """Where to cut. `first` and `last` are 0 if there is no sound."""
    first, last = activity(audio, rate)
    begin, end = max(0, first - rate * LEAD_MS // 1000), min(len(audio), last + rate * TAIL_MS // 1000)
    return Trim(begin, first, last, end)
