"""Hearing: the frames that we sent and the frames of the line in, evidence of the caller out. One per call."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import Pcm
from .block import DetectorBlock
from .vad_frame import VadFrame


class SpeechDetector:
    """push_reference() once per tick, process() for every frame of the line. Nothing is remembered beyond seconds.

    The state is a row of a block. `process_together` takes one frame of each of many calls through the detector at
    once; `process` is the same for a single call, with the same result.
    """

    def __init__(self, detector: Mapping[str, NDArray[np.float32]] | DetectorBlock) -> None:
        """detector: a block that the call shares with others, or weights for a block of its own."""
        self._block = detector if isinstance(detector, DetectorBlock) else DetectorBlock(detector)
        self._row = self._block.open_row()
        weakref.finalize(self, self._block.close_row, self._row)

    def push_reference(self, pcm: Pcm) -> None:
        """The 160 samples that we send at this tick, silence included."""
        self._block.push_reference(self._row, pcm)

    def rearm(self) -> None:
        """The pause is over: the onset may fire again."""
        self._block.rearm(self._row)

    def process(self, pcm: Pcm, sensitivity: float = 0.5) -> VadFrame:
        """The line's 160 samples. sensitivity: 0 to 1; at 0 only loud, clear speech counts, at 1 nearly anything."""
        return self._block.process([self._row], pcm[None], [sensitivity])[0]

    @staticmethod
    def process_together(
        block: DetectorBlock, detectors: Sequence[SpeechDetector], pcm: Pcm, sensitivities: Sequence[float]
    ) -> list[VadFrame]:
        """One frame of each of several calls of one block. pcm: (n, 160)."""
        return block.process([detector._row for detector in detectors], pcm, sensitivities)
