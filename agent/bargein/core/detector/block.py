"""The detector's state of many calls, a row each, and the steps that take all of them through a frame at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, SILENCE, Pcm
from . import decision, reference
from .compiled import Floats, Indices, Rows, Spectra, compiled
from .echo_canceller import cancel, keep_far
from .echo_row import BINS, BLOCK, CANCELLER_ROW, SHIFTS, begin_canceller
from .echo_shift import choose_shift, shifted_echoes
from .features import FEATURES_ROW, VoiceActivity, begin_features, extract
from .network import NETWORK_ROW, Network, begin_network, infer
from .vad_frame import VadFrame

# The state of one call. Every compiled function takes rows of this type alone: a second type is compiled a second time.
ROW = np.dtype(
    [
        (name, kind[0])
        for part in (CANCELLER_ROW, FEATURES_ROW, NETWORK_ROW, decision.DECISION_ROW, reference.REFERENCE_ROW)
        for name, kind in (part.fields or {}).items()
    ],
    align=True,
)

# The fields of VadFrame, in their order, without `near`.
REPORT = np.dtype(
    [
        ("score", np.float64), ("onset", np.bool_), ("onset_samples_ago", np.int64), ("voiced", np.bool_),
        ("speechlike", np.float64), ("level_dbfs", np.float64), ("floor_dbfs", np.float64), ("echo_dbfs", np.float64),
        ("retracted", np.bool_), ("background", np.float64),
    ]
)  # fmt: skip


class DetectorBlock:
    """Rows are handed out by `open_row` and taken back by `close_row`; the block grows as calls come."""

    def __init__(self, weights: Mapping[str, Floats], capacity: int = 1) -> None:
        self._network = Network.of(weights)
        self._rows: Rows = np.zeros(capacity, ROW)
        self._activity = [VoiceActivity() for _ in range(capacity)]
        self._free = list(range(capacity))

    def open_row(self) -> int:
        """A row at the start of a call."""
        if not self._free:
            size = len(self._rows)
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._activity += [VoiceActivity() for _ in range(size)]
            self._free = list(range(size, 2 * size))
        at = self._free.pop()
        self._rows[at] = 0
        self._activity[at] = VoiceActivity()
        _begin(self._rows, at)
        return at

    def close_row(self, at: int) -> None:
        """The call is over."""
        self._free.append(at)

    def push_reference(self, at: int, pcm: Pcm) -> None:
        """The 160 samples that a call sends at this tick."""
        _push(self._rows, at, pcm)

    def rearm(self, at: int) -> None:
        """The pause of a call is over."""
        _rearm(self._rows, at)

    def warm(self) -> None:
        """Compile all that is compiled: seconds of work for the first process on a machine, a moment for the others."""
        at = self.open_row()
        self.push_reference(at, SILENCE)
        self.process([at], SILENCE[None], [0.5])
        self.rearm(at)
        none, spectra = np.zeros(0, np.int64), np.zeros((0, len(SHIFTS), BINS), np.complex64)
        shifted_echoes(self._rows, none, spectra)
        choose_shift(self._rows, none, np.zeros((0, len(SHIFTS), BLOCK), np.float32))
        _keep(self._rows, none, np.zeros((0, BINS), np.complex64))
        self.close_row(at)

    def process(self, which: Sequence[int], pcm: Pcm, sensitivity: Sequence[float]) -> list[VadFrame]:
        """One frame of the line of each of the calls `which`. pcm: (n, 160)."""
        rows, calls = self._rows, np.array(which)
        _begin_frame(rows, calls, pcm)
        blocks, takers = np.empty((len(calls), BLOCK), np.float32), np.empty(len(calls), np.int64)
        while (count := reference.next_blocks(rows, calls, blocks, takers)) >= 0:
            if count:
                _keep(rows, takers[:count], np.fft.rfft(blocks[:count]))
        cancel(rows, calls)
        near = extract(rows, calls, [self._activity[at] for at in which])
        infer(rows, calls, self._network)
        decision.decide(rows, calls, np.array(sensitivity, np.float64))
        report = np.empty(len(calls), REPORT)
        _report(rows, calls, report)
        frames: list[Any] = report.tolist()
        return [
            VadFrame(score, onset, ago, voiced, speechlike, level, floor, echo, out, retracted, background)
            for (score, onset, ago, voiced, speechlike, level, floor, echo, retracted, background), out in zip(
                frames, near, strict=True
            )
        ]


@compiled
def _begin(rows: Rows, at: int) -> None:
    begin_canceller(rows[at])
    begin_features(rows[at])
    begin_network(rows[at])
    decision.begin(rows, at)


@compiled
def _push(rows: Rows, at: int, pcm: Pcm) -> None:
    reference.push_sent(rows[at], pcm)


@compiled
def _rearm(rows: Rows, at: int) -> None:
    decision.rearm(rows[at])


@compiled
def _begin_frame(rows: Rows, which: Indices, pcm: Pcm) -> None:
    for i in range(len(which)):
        row = rows[which[i]]
        reference.align(row)
        for k in range(FRAME_SAMPLES):
            row.line[k] = pcm[i, k] * reference.UNIT


@compiled
def _keep(rows: Rows, which: Indices, spectra: Spectra) -> None:
    for i in range(len(which)):
        keep_far(rows[which[i]], spectra[i])


@compiled
def _report(rows: Rows, which: Indices, out: NDArray[np.void]) -> None:
    for i in range(len(which)):
        row, said = rows[which[i]], out[i]
        said.score = row.score
        said.onset = row.onset
        said.onset_samples_ago = decision.samples_since_onset(row)
        said.voiced = row.voiced
        said.speechlike = row.speechlike
        said.level_dbfs = row.level_db
        said.floor_dbfs = row.floor_db
        said.echo_dbfs = row.echo_db
        said.retracted = row.retracted
        said.background = row.background
