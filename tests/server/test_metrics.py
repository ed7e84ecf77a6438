"""/metrics and /healthz, as Prometheus and a load balancer see them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bargein.errors import UserError
from bargein.server.metrics import (
    COUNTERS,
    GAUGES,
    HANGS_S,
    HISTOGRAMS,
    MOST_CONNECTIONS,
    Health,
    Meter,
    MetricsServer,
)
from tests.waiting import until


def metered() -> Meter:
    meter = Meter()
    for name, told in COUNTERS.items():
        meter.count(name, *("x" for _ in told.labels), by=2)
    for name in GAUGES:
        meter.set(name, 3)
    for name in HISTOGRAMS:
        for seconds in (0.0, 0.05, 0.25, 99.0):
            meter.observe(name, seconds)
    return meter


async def get(port: int, path: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


async def test_all_metrics_of_all_workers() -> None:
    numbers = json.loads(json.dumps(metered().numbers()))  # as they come from a worker
    server = MetricsServer(lambda: {"0": numbers, "1": numbers}, lambda: Health(True, 3, True, 2))
    server.start("127.0.0.1", 0)
    try:
        status, text = await get(server.port, "/metrics")
        assert status == 200
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert set(families) == {*COUNTERS, *GAUGES, *HISTOGRAMS}
        assert {sample.labels["worker"] for sample in families["bargein_calls"].samples} == {"0", "1"}
        buckets = {s.labels["le"]: s.value for s in families["bargein_stop_seconds"].samples if "le" in s.labels}
        assert (buckets["0.02"], buckets["0.06"], buckets["0.3"], buckets["+Inf"]) == (1, 2, 3, 4)
        assert await get(server.port, "/healthz") == (
            200, '{"well": true, "calls": 3, "admits": true, "workers": 2, "reason": ""}\n'
        )  # fmt: skip
        assert (await get(server.port, "/else"))[0] == 404
        with pytest.raises(UserError, match=r"set server\.metrics"):
            MetricsServer(dict, lambda: Health(True, 0, True, 1)).start("127.0.0.1", server.port)
    finally:
        await asyncio.to_thread(server.close)


async def test_a_server_that_is_not_well_is_a_503() -> None:
    server = MetricsServer(dict, lambda: Health(False, 0, False, 0, "no worker"))
    server.start("127.0.0.1", 0)
    try:
        assert (await get(server.port, "/healthz"))[0] == 503
    finally:
        await asyncio.to_thread(server.close)


async def test_an_event_loop_that_hangs_is_not_well() -> None:
    server = MetricsServer(dict, lambda: Health(True, 3, True, 2))
    server.start("127.0.0.1", 0)
    try:
        asking = asyncio.create_task(get(server.port, "/healthz"))
        await asyncio.sleep(0)
        time.sleep(HANGS_S + 0.5)  # noqa: ASYNC251 - on purpose
        status, text = await asking
        assert (status, json.loads(text)["admits"]) == (503, False)
        assert "event loop" in text
        assert (await get(server.port, "/healthz"))[0] == 200
    finally:
        await asyncio.to_thread(server.close)


async def test_connections_that_say_nothing_take_few_threads_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.server.metrics._Quiet.timeout", 2.0)
    monkeypatch.setattr("bargein.server.metrics._ThreadingServer.request_queue_size", 100)
    server = MetricsServer(dict, lambda: Health(True, 3, True, 2))
    server.start("127.0.0.1", 0)
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(MOST_CONNECTIONS + 8)]
    try:
        await until(lambda: threading.active_count() >= before + MOST_CONNECTIONS)
        assert threading.active_count() <= before + MOST_CONNECTIONS
        await until(lambda: threading.active_count() <= before)
        assert (await get(server.port, "/healthz"))[0] == 200
    finally:
        for sock in silent:
            sock.close()
        await asyncio.to_thread(server.close)


def test_a_wrong_name_is_a_fault() -> None:
    with pytest.raises(KeyError):
        Meter().count("bargein_typo")
