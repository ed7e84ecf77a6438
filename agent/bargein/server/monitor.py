"""What this process measures of itself, twice a second: for admission and for /metrics."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Protocol

from ..clock import Clock, cpu_times
from ..core.turns.records import Interruption, Waits
from .admission import AdmissionControl, Load, forecast
from .media import MediaEngine
from .metrics import Meter

log = logging.getLogger(__name__)

MEASURE_S = 0.5
WAIT_METRICS = tuple(
    f"bargein_{part}_seconds" for part in ("end_of_turn", "recognition", "planning", "synthesis", "reply")
)  # in the order of the fields of Waits
AUDIO_AT_ONCE = 0.8  # of a call's share of this process; the rest comes when its caller talks
WINDOW = 6  # measurements in which late frames and CPU time are counted: 3 s


class RowStore(Protocol):
    """Rows that wait for the database, and rows that were lost."""

    @property
    def backlog(self) -> int: ...

    @property
    def dropped(self) -> int: ...


@dataclass(frozen=True, slots=True)
class RecognizerState:
    """How the recognizer keeps up: the oldest request's wait, requests without an answer, replaced processes.

    `cpu_s` is the CPU time of its processes so far; 0 if it has none of its own.
    """

    waiting_s: float = 0.0
    unanswered: int = 0
    restarts: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Counts:
    """Totals at a measurement: frames, late ones, and CPU time in s of the loop, this process, the recognizer's."""

    at: float
    sent: int
    late: int
    loop_s: float
    process_s: float
    recognizer_s: float


class Monitor:
    """`run` it as a task. `began()` is when each call in progress began, in s of the clock.

    `cores` is how many this process and its recognizer's may use; other workers use the rest.
    """

    def __init__(
        self,
        media: MediaEngine,
        admission: AdmissionControl,
        meter: Meter,
        store: RowStore,
        began: Callable[[], Sequence[float]],
        recognizer: Callable[[], RecognizerState],
        clock: Clock,
        cores: float = 1.0,
        cpu_s: Callable[[], tuple[float, float]] = cpu_times,
    ) -> None:
        self._media = media
        self._admission = admission
        self._meter = meter
        self._store = store
        self._began = began
        self._recognizer = recognizer
        self._clock = clock
        self._cores = cores
        self._cpu_s = cpu_s
        self._counts = deque([self._count()], maxlen=WINDOW + 1)

    async def run(self) -> None:
        closed = ""
        while True:
            await asyncio.sleep(MEASURE_S)
            load = self.measure()
            self._admission.measured(load, self._clock.monotonic())
            self._report(load)
            if self._admission.reason and not closed:
                log.warning("no new calls for now, they go to people: %s", self._admission.reason)
            elif closed and not self._admission.reason:
                log.info("new calls are taken again; %d were refused so far", self._admission.refused)
            closed = self._admission.reason

    def _count(self) -> _Counts:
        media = self._media
        now = self._clock.monotonic()
        return _Counts(now, media.sent_frames, media.late_frames, *self._cpu_s(), self._recognizer().cpu_s)

    def measure(self) -> Load:
        """The load since the last measurements."""
        self._counts.append(self._count())
        counts = list(self._counts)
        first, before, last, now = counts[0], counts[-3:][0], counts[-2], counts[-1]  # 3, 1 and 0.5 s ago
        ages_s = [now.at - began for began in self._began()]
        recognizer = _share(now.recognizer_s - first.recognizer_s, now.at - first.at)
        process = _share(now.process_s - before.process_s, now.at - before.at)
        return Load(
            loop_lag_s=self._media.loop_lag_s if now.sent > last.sent else 0.0,
            # A single delay is no overload: the last half second counts a fifth.
            late_share=max(_late_share(first, now), _late_share(last, now) / 5),
            recognizer_wait_s=self._recognizer().waiting_s,
            loop_cpu=_share(now.loop_s - before.loop_s, now.at - before.at),
            cpu=(forecast(process, ages_s, AUDIO_AT_ONCE) + forecast(recognizer, ages_s, 0.0)) / self._cores,
            calls=len(ages_s),
        )

    def _report(self, load: Load) -> None:
        meter = self._meter
        meter.set("bargein_calls_in_progress", load.calls)
        meter.set("bargein_admits", float(self._admission.room > 0))
        meter.set("bargein_loop_lag_seconds", load.loop_lag_s)
        meter.set("bargein_cpu_forecast", load.cpu)
        meter.set("bargein_recognizer_wait_seconds", load.recognizer_wait_s)
        meter.set("bargein_waiting_rows", self._store.backlog)
        recognizer = self._recognizer()
        meter.set_total("bargein_recognizer_unanswered", recognizer.unanswered)
        meter.set_total("bargein_recognizer_restarts", recognizer.restarts)
        meter.set_total("bargein_frames", self._media.sent_frames)
        meter.set_total("bargein_late_frames", self._media.late_frames)
        meter.set_total("bargein_dropped_rows", self._store.dropped)
        meter.set_total("bargein_refused_calls", self._admission.refused)


def count_call(meter: Meter, outcome: str, interruptions: Iterable[Interruption], underruns: int) -> None:
    """A call has ended. `underruns`: pauses within sentences, because the speech server was slow."""
    meter.count("bargein_calls", outcome)
    meter.count("bargein_voice_underruns", by=underruns)
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


def _late_share(before: _Counts, now: _Counts) -> float:
    """Of the frames sent between two measurements, the share that left late."""
    return _share(now.late - before.late, now.sent - before.sent)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
