"""Aligns the frames we sent with the frames of the line."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from .echo_canceller import PARTITIONS

STALL_FRAMES = 3  # a clump of 60 ms; when the line lags more, the reference is doubtful
STEADY_FRAMES = 10  # a lag that has lasted this long is the line's new normal
LOST_FRAMES = 50  # a lag of a second is no jitter


class ReferenceAligner:
    """Which sent frame belongs to the next frame of the line, through clumps, jitter and minutes of nothing."""

    def __init__(self) -> None:
        self._waiting: deque[NDArray[np.float32]] = deque(maxlen=PARTITIONS + LOST_FRAMES)
        self._lag: deque[int] = deque(maxlen=STEADY_FRAMES)

    def push(self, frame: NDArray[np.float32]) -> None:
        """The next frame we sent."""
        self._waiting.append(frame)

    def due(self) -> tuple[list[NDArray[np.float32]], bool]:
        """The sent frames that the filter must be given before the line's frame, and whether they are aligned."""
        waiting = self._waiting
        if not waiting:
            self._lag.append(0)
            return [], True
        lag = len(waiting) - 1
        self._lag.append(lag)
        skip = min(self._lag) if len(self._lag) == STEADY_FRAMES or lag > LOST_FRAMES else 0
        if lag > LOST_FRAMES:
            skip = lag
        due = [waiting.popleft() for _ in range(1 + skip)]
        if skip:
            self._lag.clear()
        return due, lag - skip <= STALL_FRAMES
