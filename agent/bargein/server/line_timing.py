"""Finds the place of the caller's audio in a recording, although the network delivers it unevenly."""

from __future__ import annotations

import numpy as np

from ..core.audio.pcm import RATE, Pcm

JITTER_SAMPLES = 60 * RATE // 1000  # a frame that is less late is placed at once
HOLD_SAMPLES = RATE // 2  # how long a later frame is held, to see whether the line catches up
SETTLE_SAMPLES = RATE  # in the first second the least delayed frame sets the position of all


class LineTiming:
    """Audio of the line on a time axis of samples.

    A frame that arrives at time `t` was spoken before `t`. The least delayed frames say how much before, and the
    others are placed by counting samples from them: after a gap in the network the frames come in a burst, and belong
    into the gap. If no burst follows a gap, the line was silent (a muted phone sends nothing), and the audio belongs
    where it arrived.
    """

    def __init__(self) -> None:
        self._audio = np.zeros(2 * RATE, np.int16)
        self._start = 0  # the time of the first sample in `_audio`
        self._end = 0  # audio is placed up to here
        self._received = 0
        self._offset: int | None = None  # the time of the line's sample 0
        self._held: list[tuple[int, Pcm]] = []  # (the number of its first sample, audio)
        self._held_offset = 0  # the smallest that a held frame has
        self._held_since = 0

    def add(self, pcm: Pcm, now: int) -> None:
        """Audio that arrived at `now`."""
        first, self._received = self._received, self._received + len(pcm)
        offset = now - self._received
        if self._offset is None:
            self._offset = offset
        early = 0 if first < SETTLE_SAMPLES else -JITTER_SAMPLES
        if not self._held and offset - self._offset < early:
            self._offset = offset
        if self._held or offset - self._offset > JITTER_SAMPLES:
            self._hold(first, pcm, offset, now)
        else:
            self._place(first + self._offset, pcm)

    def take(self, until: int, now: int) -> Pcm:
        """The audio up to the time `until`, silence where there was none. It cannot change afterwards."""
        if self._held and now - self._held_since > HOLD_SAMPLES:
            self._release(self._held_offset)
        count = until - self._start
        self._reserve(count)
        taken = self._audio[:count].copy()
        rest = self._audio[count:]
        self._audio = np.concatenate([rest, np.zeros(count, np.int16)])
        self._start, self._end = until, max(self._end, until)
        return taken

    def finish(self) -> None:
        """No more audio will come."""
        if self._held:
            self._release(self._held_offset)

    def _hold(self, first: int, pcm: Pcm, offset: int, now: int) -> None:
        assert self._offset is not None
        if not self._held:
            self._held_since, self._held_offset = now, offset
        self._held.append((first, pcm))
        self._held_offset = min(self._held_offset, offset)
        if offset - self._offset <= JITTER_SAMPLES:
            self._release(self._offset)

    def _release(self, offset: int) -> None:
        held, self._held, self._offset = self._held, [], offset
        for first, pcm in held:
            self._place(first + offset, pcm)

    def _place(self, at: int, pcm: Pcm) -> None:
        """Put audio on the axis. Leave out what would overlap audio that is there already."""
        overlap = max(0, self._end - at)
        if overlap >= len(pcm):
            return
        index = at + overlap - self._start
        self._reserve(index + len(pcm) - overlap)
        self._audio[index : index + len(pcm) - overlap] = pcm[overlap:]
        self._end = at + len(pcm)

    def _reserve(self, count: int) -> None:
        if count > len(self._audio):
            self._audio = np.concatenate([self._audio, np.zeros(count - len(self._audio), np.int16)])
