"""The detector's state of many calls, a row each, and the steps that take all of them through a frame at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ..audio.pcm import FRAME_SAMPLES, SILENCE, Pcm
from . import decision, reference
from .compiled import Floats, Indices, Rows, Spectra, compiled
from .echo_canceller import cancel, keep_far
from .echo_row import BINS, BLOCK, CANCELLER_ROW, SHIFTS, begin_canceller
from .echo_shift import choose_shift, shifted_echoes
from .features import FEATURES_ROW, VoiceActivity, begin_features, extract
from .network import NETWORK_ROW, Network, begin_network, infer
from .transforms import spectra_of
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

ROWS_AT_ONCE = 64  # more rows are taken in parts, whose arrays stay in the cache
MOST_SENT = 256  # frames that wait for the next analysis, of all calls together

_Result: TypeAlias = tuple[Pcm, list[float]]  # the line without our echo, and what `decide` says


class DetectorBlock:
    """`open_row` gives out a row, `close_row` takes it back.

    The block doubles when it is full. That copies all of it, so a server asks for as many rows as it may have calls.
    The memory of a row is taken up when the row is first used.

    A frame takes two steps: `analyse`, for the frames of many calls together, and then, call by call, `nothing` or
    `process`, which hand out the result. A frame that comes alone needs `process` only.
    """

    def __init__(self, weights: Mapping[str, Floats], capacity: int = 1) -> None:
        self._network = Network.of(weights)
        self._rows: Rows = np.zeros(capacity, ROW)
        self._activity = [VoiceActivity()] * capacity  # a row gets its own when it is opened
        self._results: list[_Result | None] = [None] * capacity  # of frames that are analysed but not handed out yet
        self._sent: list[tuple[int, Pcm]] = []  # rows, and what they have sent since the last analysis
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
            self._results += [None] * size
            self._free = list(range(size, 2 * size))
        self._push_sent()
        at = self._free.pop()
        self._rows[at] = 0
        self._results[at] = None
        self._activity[at] = VoiceActivity()
        _begin(self._rows, at)
        return at

    def close_row(self, at: int) -> None:
        """The call is over."""
        self._free.append(at)

    def push_reference(self, at: int, pcm: Pcm) -> None:
        """The 160 samples that a call sends at this tick. They must not change afterwards."""
        self._sent.append((at, pcm))
        if len(self._sent) >= MOST_SENT:
            self._push_sent()

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

    def analyse(self, which: Sequence[int], pcm: Pcm, sensitivities: Sequence[float]) -> None:
        """One frame of the line of each of the calls `which`. pcm: (n, 160). sensitivities: see `SpeechDetector`."""
        self._push_sent()
        parts = -(-len(which) // ROWS_AT_ONCE)
        bounds = [len(which) * part // parts for part in range(parts + 1)]
        for first, last in pairwise(bounds):
            self._analyse(which[first:last], pcm[first:last], sensitivities[first:last])

    def _push_sent(self) -> None:
        if self._sent:
            calls, frames = zip(*self._sent, strict=True)
            self._sent.clear()
            _push(self._rows, np.array(calls), np.concatenate(frames).reshape(-1, FRAME_SAMPLES))

    def _analyse(self, which: Sequence[int], pcm: Pcm, sensitivities: Sequence[float]) -> None:
        rows, calls = self._rows, np.array(which)
        _begin_frame(rows, calls, pcm)
        blocks, takers = np.empty((len(calls), BLOCK), np.float32), np.empty(len(calls), np.int64)
        while (count := reference.next_blocks(rows, calls, blocks, takers)) >= 0:
            if count:
                _keep(rows, takers[:count], spectra_of(blocks[:count]))
        cancel(rows, calls)
        near = extract(rows, calls, [self._activity[at] for at in which])
        infer(rows, calls, self._network)
        said = np.empty((len(calls), decision.SAID))
        decision.decide(rows, calls, np.array(sensitivities), said)
        for at, frame, numbers in zip(which, near, said.tolist(), strict=True):
            self._results[at] = frame, numbers

    def nothing(self, at: int) -> Pcm | None:
        """If the frame was analysed with others, and is neither an onset nor the end of one: the line without our echo.

        The frame is done then.
        """
        result = self._results[at]
        if result is None or result[1][decision.ONSET] or result[1][decision.RETRACTED]:
            return None
        self._results[at] = None
        return result[0]

    def process(self, at: int, pcm: Pcm, sensitivity: float) -> VadFrame:
        """The detector's result for a frame of a call. `analyse` comes first, if it has not had this frame."""
        if self._results[at] is None:
            self.analyse([at], pcm[None], [sensitivity])
        result, self._results[at] = self._results[at], None
        assert result is not None
        near, said = result
        return VadFrame(
            score=said[decision.SCORE],
            onset=said[decision.ONSET] > 0,
            onset_samples_ago=int(said[decision.SINCE_ONSET]),
            voiced=said[decision.VOICED] > 0,
            speechlike=said[decision.SPEECHLIKE],
            level_dbfs=said[decision.LEVEL],
            floor_dbfs=said[decision.FLOOR],
            echo_dbfs=said[decision.ECHO],
            near=near,
            onset_retracted=said[decision.RETRACTED] > 0,
            background_speech_dbfs=said[decision.BACKGROUND],
        )


@compiled
def _begin(rows: Rows, at: int) -> None:
    begin_canceller(rows[at])
    begin_features(rows[at])
    begin_network(rows[at])
    decision.begin(rows, at)


@compiled
def _push(rows: Rows, which: Indices, pcm: Pcm) -> None:
    for i in range(len(which)):
        reference.push_sent(rows[which[i]], pcm[i])


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
