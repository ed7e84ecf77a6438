"""The detector's state of many calls, a row each, and the steps that take all of them through a frame at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

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


# More rows than these are taken in parts, whose arrays stay in the cache. Above 100 transforms in a call, NumPy's rfft
# takes four times as long for each.
ROWS_AT_ONCE = 32


class DetectorBlock:
    """`open_row` gives out a row, `close_row` takes it back.

    The block doubles when it is full. That copies all of it, so a server asks for as many rows as it may have calls.
    The memory of a row is taken up when the row is first used.

    A frame takes two steps: `analyse`, for the frames of many calls together, and `process`, call by call, because the
    decision depends on the state of the conversation. A frame that comes alone needs `process` only.
    """

    def __init__(self, weights: Mapping[str, Floats], capacity: int = 1) -> None:
        self._network = Network.of(weights)
        self._rows: Rows = np.zeros(capacity, ROW)
        self._activity = [VoiceActivity()] * capacity  # a row gets its own when it is opened
        self._near: list[Pcm | None] = [None] * capacity  # of frames that are analysed but not decided yet
        self._said = np.zeros(decision.SAID)
        self._free = list(range(capacity))

    @property
    def capacity(self) -> int:
        """Calls that the block has rows for now."""
        return len(self._rows)

    @property
    def bytes_per_call(self) -> int:
        """The size of a row."""
        return self._rows.itemsize

    def open_row(self) -> int:
        """A row at the start of a call."""
        if not self._free:
            size = len(self._rows)
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._activity += self._activity
            self._near += [None] * size
            self._free = list(range(size, 2 * size))
        at = self._free.pop()
        self._rows[at] = 0
        self._near[at] = None
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
        """The sound of a call has been dealt with: an onset may fire again."""
        decision.rearm(self._rows, at)

    def warm(self) -> None:
        """Compile all that is compiled: seconds of work for the first process on a machine, a moment for the others."""
        at = self.open_row()
        for frame in (SILENCE, SILENCE.copy()):  # what cannot be written to is another type to the compiler
            self.push_reference(at, frame)
            self.process(at, frame, 0.5)
        self.rearm(at)
        none, spectra = np.zeros(0, np.int64), np.zeros((0, len(SHIFTS), BINS), np.complex64)
        shifted_echoes(self._rows, none, spectra)
        choose_shift(self._rows, none, np.zeros((0, len(SHIFTS), BLOCK), np.float32))
        _keep(self._rows, none, np.zeros((0, BINS), np.complex64))
        self.close_row(at)

    def analyse(self, which: Sequence[int], pcm: Pcm) -> None:
        """All but the decision on one frame of the line of each of the calls `which`. pcm: (n, 160)."""
        parts = -(-len(which) // ROWS_AT_ONCE)
        bounds = [len(which) * part // parts for part in range(parts + 1)]
        for first, last in pairwise(bounds):
            self._analyse(which[first:last], pcm[first:last])

    def _analyse(self, which: Sequence[int], pcm: Pcm) -> None:
        rows, calls = self._rows, np.array(which)
        _begin_frame(rows, calls, pcm)
        blocks, takers = np.empty((len(calls), BLOCK), np.float32), np.empty(len(calls), np.int64)
        while (count := reference.next_blocks(rows, calls, blocks, takers)) >= 0:
            if count:
                _keep(rows, takers[:count], np.fft.rfft(blocks[:count]))
        cancel(rows, calls)
        near = extract(rows, calls, [self._activity[at] for at in which])
        infer(rows, calls, self._network)
        for at, frame in zip(which, near, strict=True):
            self._near[at] = frame

    def process(self, at: int, pcm: Pcm, sensitivity: float) -> VadFrame:
        """The detector's result for a frame of a call. `analyse` comes first, if it has not had this frame."""
        if self._near[at] is None:
            self.analyse([at], pcm[None])
        near, self._near[at] = self._near[at], None
        assert near is not None
        said = self._said
        decision.decide(self._rows, at, sensitivity, said)
        (score, speechlike, level, floor, echo, background, onset, ago, voiced, retracted) = said.tolist()
        return VadFrame(
            score, onset > 0, int(ago), voiced > 0, speechlike, level, floor, echo, near, retracted > 0, background
        )


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
