"""Metrics for Prometheus, and the health of the server, over HTTP.

Each process counts in a Meter. A worker sends its numbers to the supervisor, which shows those of all, with the
label `worker`. They hold nothing about a caller.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import UserError
from .listening import listen_error

log = logging.getLogger(__name__)

FAST_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
SLOW_S = (0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

HANGS_S = 1.0  # an event loop that answers nothing for so long is not well
MOST_CONNECTIONS = 16  # at once; further ones are closed
SILENT_S = 5.0  # after which a connection is closed

Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Described:
    """A metric: what it counts, the names of its labels, and the buckets of a histogram in s."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COUNTERS = {
    "bargein_calls": _Described("Calls that ended", ("outcome",)),
    "bargein_refused_calls": _Described("Calls that were refused for want of room"),
    "bargein_interruptions": _Described("Overlaps of caller and agent", ("kind", "resolution")),
    "bargein_frames": _Described("Audio frames sent"),
    "bargein_late_frames": _Described("Audio frames sent more than 10 ms late"),
    "bargein_voice_underruns": _Described("Pauses within a sentence, because the speech server was slow"),
    "bargein_dropped_rows": _Described("Rows that the database never got"),
    "bargein_recognizer_unanswered": _Described("Requests to the recognizer that failed or got no answer in time"),
    "bargein_recognizer_restarts": _Described("Processes of the recognizer that were replaced"),
    "bargein_worker_restarts": _Described("Workers that were replaced"),
}
GAUGES = {
    "bargein_calls_in_progress": _Described("Calls in progress"),
    "bargein_admits": _Described("1 if new calls are taken, 0 if they go to people"),
    "bargein_loop_lag_seconds": _Described("How late the event loop is"),
    "bargein_waiting_rows": _Described("Rows that wait for the database"),
    "bargein_cpu_forecast": _Described("The part of its cores that the calls in progress will need"),
    "bargein_recognizer_wait_seconds": _Described("How long the oldest request to the recognizer has waited"),
}
HISTOGRAMS = {
    "bargein_detect_seconds": _Described("From the caller's onset to the decision to pause", buckets=FAST_S),
    "bargein_stop_seconds": _Described("From the caller's onset to the last audible sample sent", buckets=FAST_S),
    "bargein_end_of_turn_seconds": _Described("From the caller's last sound to the end of the turn", buckets=SLOW_S),
    "bargein_recognition_seconds": _Described("For the caller's last words", buckets=SLOW_S),
    "bargein_planning_seconds": _Described("Until the first sentence of a reply is there", buckets=SLOW_S),
    "bargein_synthesis_seconds": _Described("For the speech of that sentence", buckets=FAST_S),
    "bargein_reply_seconds": _Described(
        "From the end of the caller's words to the first sound of the reply", buckets=SLOW_S
    ),
}


@dataclass
class Meter:
    """Counts of one process. Names and labels are those above. Raises KeyError for others."""

    _counters: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))
    _gauges: dict[str, float] = field(default_factory=dict)
    _histograms: dict[str, list[float]] = field(default_factory=dict)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        assert len(labels) == len(COUNTERS[name].labels)
        self._counters[name][json.dumps(labels)] += by

    def set_total(self, name: str, total: float) -> None:
        """A counter without labels that is counted elsewhere."""
        assert not COUNTERS[name].labels
        self._counters[name][json.dumps(())] = total

    def set(self, name: str, value: float) -> None:
        assert name in GAUGES
        self._gauges[name] = value

    def observe(self, name: str, seconds: float) -> None:
        buckets = HISTOGRAMS[name].buckets
        cells = self._histograms.setdefault(name, [0.0] * (len(buckets) + 2))  # the last is the sum
        cells[bisect_left(buckets, seconds)] += 1
        cells[-1] += seconds

    def numbers(self) -> Numbers:
        """All counts, as JSON can carry them."""
        counters = {name: dict(values) for name, values in list(self._counters.items())}  # read in other threads, too
        return {"counters": counters, "gauges": dict(self._gauges), "histograms": dict(self._histograms)}


class MetricsCollector(Collector):
    """The numbers of all workers in the format of Prometheus. `read()` returns them by worker."""

    def __init__(self, read: Callable[[], Mapping[str, Numbers]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        of_workers = self._read()
        for name, told in COUNTERS.items():
            counter = CounterMetricFamily(name, told.help, labels=["worker", *told.labels])
            for worker, numbers in of_workers.items():
                for labels, value in numbers.get("counters", {}).get(name, {}).items():
                    counter.add_metric([worker, *json.loads(labels)], value)
            yield counter
        for name, told in GAUGES.items():
            gauge = GaugeMetricFamily(name, told.help, labels=["worker"])
            for worker, numbers in of_workers.items():
                if name in numbers.get("gauges", {}):
                    gauge.add_metric([worker], numbers["gauges"][name])
            yield gauge
        for name, told in HISTOGRAMS.items():
            histogram = HistogramMetricFamily(name, told.help, labels=["worker"])
            for worker, numbers in of_workers.items():
                if cells := numbers.get("histograms", {}).get(name):
                    histogram.add_metric([worker], _cumulative(told.buckets, cells), cells[-1])
            yield histogram


def _cumulative(buckets: tuple[float, ...], cells: list[float]) -> list[tuple[str, float]]:
    total, found = 0.0, []
    for bound, cell in zip([*map(str, buckets), "+Inf"], cells[:-1], strict=True):
        total += cell
        found.append((bound, total))
    return found


@dataclass(frozen=True, slots=True)
class Health:
    """What /healthz says; 200 if `well`, else 503."""

    well: bool
    calls: int
    admits: bool
    workers: int
    reason: str = ""


class MetricsServer:
    """`GET /metrics` and `GET /healthz`, in threads: they answer even while the event loop hangs, and say so."""

    def __init__(self, read: Callable[[], Mapping[str, Numbers]], health: Callable[[], Health]) -> None:
        registry = CollectorRegistry()
        registry.register(MetricsCollector(read))
        self._metrics = make_wsgi_app(registry)
        self._health = health
        self._loop: asyncio.AbstractEventLoop
        self._server: WSGIServer | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.server_port

    def start(self, host: str, port: int) -> None:
        """Listen. Call it on the event loop that serves the calls. Raises UserError."""
        self._loop = asyncio.get_running_loop()
        try:
            self._server = make_server(host, port, self._answer, _ThreadingServer, _Quiet)
        except OSError as error:
            raise UserError(listen_error("metrics", "server", host, port, error, "metrics")) from error
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            shown: Iterable[bytes] = self._metrics(environ, start_response)
            return shown
        if path != "/healthz":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics or /healthz\n"]
        health = self._health()
        if not self._loop_answers():
            health = replace(health, well=False, admits=False, reason="the event loop hangs")
        start_response("200 OK" if health.well else "503 Service Unavailable", [("Content-Type", "application/json")])
        told = {name: getattr(health, name) for name in Health.__slots__}
        return [json.dumps(told).encode() + b"\n"]

    def _loop_answers(self) -> bool:
        answers = threading.Event()
        self._loop.call_soon_threadsafe(answers.set)
        return answers.wait(HANGS_S)


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    """A connection takes a thread and a file: too many, and none are left for the calls."""

    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("metrics: a connection ended early: %s", type(sys.exc_info()[1]).__name__)


class _Quiet(WSGIRequestHandler):
    timeout = SILENT_S

    def log_message(self, format: str, *args: object) -> None:
        pass
