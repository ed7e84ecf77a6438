"""What this process measures of itself, twice a second: for admission and for /metrics."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Protocol

from ..clock import Clock
from ..core.turns.records import Interruption, Waits
from .admission import AdmissionControl, Load
from .media import MediaEngine
from .metrics import Meter

log = logging.getLogger(__name__)

MEASURE_S = 0.5
WAIT_METRICS = tuple(
    f"bargein_{part}_seconds" for part in ("end_of_turn", "recognition", "planning", "synthesis", "reply")
)  # in the order of the fields of Waits
WINDOW = 6  # measurements in which the share of late frames is counted: 3 s


class RowStore(Protocol):
    """Rows that wait for the database, and rows that were lost."""

    @property
    def backlog(self) -> int: ...

    @property
    def dropped(self) -> int: ...


@dataclass(frozen=True, slots=True)
class RecognizerState:
    """How the recognizer keeps up: the oldest request's wait, requests without an answer, replaced processes."""

    waiting_s: float = 0.0
    unanswered: int = 0
    restarts: int = 0


class Monitor:
    """`run` it as a task. `calls()` are those in progress."""

    def __init__(
        self,
        media: MediaEngine,
        admission: AdmissionControl,
        meter: Meter,
        store: RowStore,
        calls: Callable[[], int],
        recognizer: Callable[[], RecognizerState],
        clock: Clock,
    ) -> None:
        self._media = media
        self._admission = admission
        self._meter = meter
        self._store = store
        self._calls = calls
        self._recognizer = recognizer
        self._clock = clock
        self._frames = deque([(0, 0)], maxlen=WINDOW + 1)  # sent and late, at each measurement

    async def run(self) -> None:
        closed = ""
        while True:
            await asyncio.sleep(MEASURE_S)
            load = self._load()
            self._admission.measured(load, self._clock.monotonic())
            self._report(load)
            if self._admission.reason and not closed:
                log.warning("no new calls for now, they go to people: %s", self._admission.reason)
            elif closed and not self._admission.reason:
                log.info("new calls are taken again; %d were refused so far", self._admission.refused)
            closed = self._admission.reason

    def _load(self) -> Load:
        self._frames.append((self._media.sent_frames, self._media.late_frames))
        first, last, now = self._frames[0], self._frames[-2], self._frames[-1]
        # A single delay is no overload: the last half second counts a fifth.
        late_share = max(_late_share(first, now), _late_share(last, now) / 5)
        return Load(
            self._media.loop_lag_s if now > last else 0.0, late_share, self._recognizer().waiting_s, self._calls()
        )

    def _report(self, load: Load) -> None:
        meter = self._meter
        meter.set("bargein_calls_in_progress", self._calls())
        meter.set("bargein_admits", float(self._admission.admits))
        meter.set("bargein_loop_lag_seconds", load.loop_lag_s)
        meter.set("bargein_recognizer_wait_seconds", load.recognizer_wait_s)
        meter.set("bargein_waiting_rows", self._store.backlog)
        recognizer = self._recognizer()
        meter.set_total("bargein_recognizer_unanswered", recognizer.unanswered)
        meter.set_total("bargein_recognizer_restarts", recognizer.restarts)
        meter.set_total("bargein_frames", self._media.sent_frames)
        meter.set_total("bargein_late_frames", self._media.late_frames)
        meter.set_total("bargein_dropped_rows", self._store.dropped)
        meter.set_total("bargein_refused_calls", self._admission.refused)


def count_call(meter: Meter, outcome: str, interruptions: Iterable[Interruption]) -> None:
    """A call has ended."""
    meter.count("bargein_calls", outcome)
    for row in interruptions:
        meter.count("bargein_interruptions", row.kind, row.resolution)
        meter.observe("bargein_detect_seconds", row.detect_latency_ms / 1000)
        if row.stop_latency_ms > 0:
            meter.observe("bargein_stop_seconds", row.stop_latency_ms / 1000)


def count_waits(meter: Meter, waits: Waits) -> None:
    """A reply was heard."""
    for name, wait_ms in zip(WAIT_METRICS, astuple(waits), strict=True):
        if wait_ms is not None:
            meter.observe(name, wait_ms / 1000)


def _late_share(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Of the frames sent between two measurements, the share that left late."""
    sent, late = now[0] - before[0], now[1] - before[1]
    return late / sent if sent else 0.0
