"""A limit on what one connection may send: a caller speaks no faster than time passes."""

from __future__ import annotations

from ..audio.pcm import RATE, WIDE_RATE
from .audiosocket import FrameKind, ProtocolError

# A phone sends 1 s of audio a second, and what a network or a PBX held back comes late, never early. Only we can make
# it come all at once: what arrived while a call waited to be accepted is in the socket's buffer, and an event loop
# stands still for 10 s at most (WatchdogSec of systemd/bargein.service). Half of that again is for what is in flight.
MAX_AHEAD_S = 15.0
LEAST_S = 0.005  # for a frame without audio, or with less than any phone packs: they cost us work too


class RateLimiter:
    """A bucket that every frame fills by its length and that time empties; times in s, monotonic."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._ahead_s = 0.0

    def count(self, kind: int, size: int, now: float) -> None:
        """A frame came. `size`: bytes of its payload.

        Raises ProtocolError when more has come than time has passed, by MAX_AHEAD_S.
        """
        rate = WIDE_RATE if kind == FrameKind.WIDE_AUDIO else RATE
        length_s = max(size / (2 * rate), LEAST_S)
        ahead_s = self._ahead_s - (now - self._now)
        self._ahead_s = ahead_s + length_s if ahead_s > 0 else length_s
        self._now = now
        if self._ahead_s > MAX_AHEAD_S:
            raise ProtocolError(f"more than {MAX_AHEAD_S:g} s of audio ahead of time")
