"""The speech detector of one call: frames that we sent and frames of the line in, evidence of the caller out."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import Pcm
from .block import DetectorBlock
from .vad_frame import VadFrame


class SpeechDetector:
    """Call `push_reference` once per tick and `process` for every frame of the line. It remembers only seconds.

    The state is a row of a block. `analyse_together` does the work for the frames of many calls at once.
    """

    def __init__(self, detector: Mapping[str, NDArray[np.float32]] | DetectorBlock) -> None:
        """detector: a block that the call shares with others, or weights for a block of its own."""
        self._block = detector if isinstance(detector, DetectorBlock) else DetectorBlock(detector)
        self._row = self._block.open_row()
        self._give_back = weakref.finalize(self, self._block.close_row, self._row)

    def close(self) -> None:
        """The call is over: its row is free for another. Call no other method afterwards."""
        self._give_back()

    def push_reference(self, pcm: Pcm) -> None:
        """The 160 samples that we send at this tick, silence included. They must not change afterwards."""
        self._block.push_reference(self._row, pcm)

    def rearm(self) -> None:
        """The sound has been dealt with: an onset may fire again."""
        self._block.rearm(self._row)

    def nothing(self) -> Pcm | None:
        """The line without our echo, if the frame was analysed together with others and no sound begins in it.

        It is done then, without `process`. Only for a call in which no sound goes on.
        """
        return self._block.nothing(self._row)

    def process(self, pcm: Pcm, sensitivity: float = 0.5) -> VadFrame:
        """The line's 160 samples. sensitivity: 0 to 1; at 0 only loud, clear speech counts, at 1 nearly anything."""
        return self._block.process(self._row, pcm, sensitivity)


def analyse_together(detectors: Sequence[SpeechDetector], pcm: Pcm, sensitivities: Sequence[float]) -> None:
    """Do the work of `process` for one frame of each of several calls at once. pcm: (n, 160).

    Call each call's `nothing` or `process` before its next frame comes. The calls may belong to several blocks.
    """
    of_block: dict[DetectorBlock, list[int]] = {}
    for at, detector in enumerate(detectors):
        of_block.setdefault(detector._block, []).append(at)
    for block, part in of_block.items():
        rows, asked = [detectors[at]._row for at in part], [sensitivities[at] for at in part]
        block.analyse(rows, pcm if len(part) == len(pcm) else pcm[part], asked)
