"""/metrics and /healthz, as Prometheus and a load balancer see them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bargein.errors import UserError
from bargein.server.metrics import COUNTERS, GAUGES, HISTOGRAMS, Health, Meter, MetricsServer


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


def test_a_wrong_name_is_a_fault() -> None:
    with pytest.raises(KeyError):
        Meter().count("bargein_typo")
