"""Hearing: the frames that we sent and the frames of the line in, evidence of the caller out. One per call."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .echo import PARTITIONS, EchoCanceller
from .evidence import Evidence
from .pcm import FRAME_SAMPLES, Pcm
from .speech import Features

STALL_FRAMES = 3  # a clump of 60 ms; when the line lags more, the reference is doubtful
STEADY_FRAMES = 10  # a lag that has lasted this long is the line's new normal


@dataclass(frozen=True)
class HearingSettings:
    """sensitivity: 0 is deaf, 1 jumps at anything."""

    sensitivity: float = 0.5


class Reference:
    """Which sent frame belongs to the next frame of the line, through clumps, jitter and minutes of nothing."""

    def __init__(self) -> None:
        self._waiting: deque[NDArray[np.float32]] = deque(maxlen=PARTITIONS + 50)
        self._lag: deque[int] = deque(maxlen=STEADY_FRAMES)

    def sent(self, frame: NDArray[np.float32]) -> None:
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
        skip = min(self._lag) if len(self._lag) == STEADY_FRAMES or lag > 50 else 0
        if lag > 50:
            skip = lag
        due = [waiting.popleft() for _ in range(1 + skip)]
        if skip:
            self._lag.clear()
        return due, lag - skip <= STALL_FRAMES


class Hearing:
    """sent() once per tick, heard() for every frame of the line; no I/O, nothing remembered beyond seconds."""

    def __init__(
        self, weights: Mapping[str, NDArray[np.float32]], settings: HearingSettings = HearingSettings()
    ) -> None:
        self.sensitivity = settings.sensitivity
        self._weights = weights
        self._reference = Reference()
        self._canceller = EchoCanceller()
        self._features = Features()
        self._armed = True
        self._run = 0
        self._voiced_for = 0
        self._score = 0.0

    def sent(self, pcm: Pcm) -> None:
        """The 160 samples that we send at this tick, silence included."""
        self._reference.sent(pcm.astype(np.float32) / np.float32(32768))

    def rearm(self) -> None:
        """The pause is over: the onset may fire again."""
        self._armed = True
        self._run = 0

    def heard(self, pcm: Pcm) -> Evidence:
        """The line's 160 samples."""
        due, aligned = self._reference.due()
        for frame in due:
            self._canceller.far(frame)
        cancelled = self._canceller.near(pcm.astype(np.float32) / np.float32(32768), aligned)
        self._features.of(cancelled)
        excess = self._features.excess
        bands = int(np.count_nonzero(excess > 0))
        strong = int(np.count_nonzero(excess > 6))
        self._score = min(1.0, bands / 10)
        solid = bands >= 5 or strong >= 3
        self._run = self._run + 1 if solid else max(0, self._run - 1)
        onset = self._armed and self._run >= 3
        if onset:
            self._armed = False
        self._voiced_for = 4 if bands >= 4 else max(0, self._voiced_for - 1)
        near = pcm if not cancelled.active else np.clip(cancelled.near * 32768, -32768, 32767).astype(np.int16)
        return Evidence(
            score=self._score,
            onset=onset,
            onset_samples_ago=self._run * FRAME_SAMPLES,
            voiced=self._voiced_for > 0,
            voice=0.5,
            level_dbfs=self._features.level_db,
            floor_dbfs=self._features.floor_db,
            echo_dbfs=self._features.echo_db,
            near=near,
        )
