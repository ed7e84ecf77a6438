"""Workers as processes: the least loaded gets the call, a lost one costs its own callers only and is replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.clock import SystemClock
from bargein.config import Config
from bargein.core.wire.audiosocket import FrameKind, encode
from bargein.errors import UserError
from bargein.server.cluster import Cluster, worker_ports
from tests.cli.test_serve import tone
from tests.server.test_fastagi import Pbx
from tests.server.test_metrics import get
from tests.waiting import until

WORKER = [sys.executable, "-m", "bargein.cli.worker"]


def settings(folder: Path) -> Config:
    plain = Config()
    return replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0", drain_s=2),
        fastagi=replace(plain.fastagi, listen="127.0.0.1:0"),
        server=replace(plain.server, metrics="127.0.0.1:0"),
        store=replace(plain.store, url=f"sqlite:///{folder}/calls.db"),
        speech=replace(plain.speech, stt="openai", stt_url="http://127.0.0.1:9/v1", stt_model="none"),  # nobody speaks
    )


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster(settings(folder), 2, WORKER, str(tone(folder)))
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.drain()


class Call:
    """One call, from FastAGI to the end of its audio. `wanted`: a port to call in place of the one it was told."""

    async def begin(self, cluster: Cluster, wanted: int = 0, query: str = "dialogue=&queue=support") -> None:
        self.pbx = Pbx(cluster.fastagi.port)
        await self.pbx.run(f"start?{query}")
        host, _, port = self.pbx.variables["BARGEIN_SERVER"].rpartition(":")
        self.port = wanted or int(port)
        self.reader, self.writer = await asyncio.open_connection(host, self.port)
        self.writer.write(encode(FrameKind.ID, uuid.UUID(self.pbx.variables["BARGEIN_ID"]).bytes))
        assert (await asyncio.wait_for(self.reader.readexactly(3), 10))[0] == FrameKind.AUDIO

    async def hears(self, seconds: float) -> bool:
        """Whether audio comes for so long."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(seconds + 10):
                return len(await self.reader.readexactly(int(seconds * 50) * 323)) > 0
        return False

    async def result(self, cluster: Cluster) -> str:
        await self.pbx.run("finish")
        return self.pbx.variables["BARGEIN_RESULT"]


async def begun(cluster: Cluster) -> Call:
    call = Call()
    await call.begin(cluster)
    return call


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_a_worker_that_is_lost_costs_its_own_callers_only_and_is_replaced(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path) as cluster:
        calls = [await begun(cluster) for _ in range(4)]
        ports = cluster.workers.ports
        assert [call.port for call in calls] == ports * 2  # the least loaded in turn
        lost, kept = [c for c in calls if c.port == ports[0]], [c for c in calls if c.port == ports[1]]
        os.kill(cluster.workers.pids[0], number)
        began = time.monotonic()
        assert all(await asyncio.gather(*(call.hears(1) for call in kept)))
        await until(lambda: len(cluster.workers.ports) == 1, 20)
        assert [await call.result(cluster) for call in lost] == ["failed", "failed"]
        assert time.monotonic() - began < 20
        late = await begun(cluster)  # meanwhile the other takes new calls
        assert late.port == ports[1]
        await until(lambda: len(cluster.workers.ports) == 2, 60)
        new = await begun(cluster)
        assert new.port != ports[1]
        assert await new.hears(0.2)
        assert all(await asyncio.gather(*(call.hears(0.2) for call in kept)))


async def test_a_call_may_come_to_any_workers_port_and_is_served_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as cluster:
        port = cluster.workers.ports[0]
        calls = []
        for _ in range(3):  # FastAGI names one port and the other in turn; the dialplan dials the first
            calls.append(Call())
            await calls[-1].begin(cluster, port)
        reader, writer = await asyncio.open_connection("127.0.0.1", cluster.workers.ports[1])
        writer.write(encode(FrameKind.ID, uuid.UUID(calls[1].pbx.variables["BARGEIN_ID"]).bytes))
        assert await reader.read() == encode(FrameKind.HANGUP)  # an id is good once, whoever was told of it
        writer.close()
        await until(lambda: cluster.calls == 3, 5)
        for call in calls:
            call.writer.write(encode(FrameKind.HANGUP))
        await until(lambda: cluster.calls == 0, 10)


class SkippingClock(SystemClock):
    """Skips a minute when it is told to, as for a machine that was frozen."""

    skipped_s = to_skip_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped_s

    async def sleep_until(self, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - self.monotonic()))
        self.skipped_s = self.to_skip_s


async def test_workers_are_not_killed_for_a_time_in_which_the_supervisor_stood_still(tmp_path: Path) -> None:
    clock = SkippingClock()
    cluster = Cluster(settings(tmp_path), 2, WORKER, str(tone(tmp_path)), clock)
    await cluster.start()
    pids = cluster.workers.pids
    clock.to_skip_s = 60
    await asyncio.sleep(1.2)
    assert len(cluster.workers.ports) == 2
    assert cluster.workers.pids == pids
    await cluster.drain()


async def test_drain_tells_every_worker_and_the_dialplan_gets_its_answers(tmp_path: Path) -> None:
    async with serving(tmp_path) as cluster:
        calls = [await begun(cluster) for _ in range(2)]
        await cluster.reload()
        expected = [f'bargein_calls_in_progress{{worker="{n}"}} 1.0' for n in (0, 1)]
        text = ""
        async with asyncio.timeout(15):
            while not all(line in text for line in expected):  # workers report from time to time
                text = (await get(cluster.metrics_port, "/metrics"))[1]
        assert (await get(cluster.metrics_port, "/healthz"))[0] == 200
        for linkedid in ("5.1", "7.1"):  # what a member hears of two callers who wait; the second one hangs up
            calls.append(Call())
            await calls[-1].begin(cluster, query=f"dialogue=announce&linkedid={linkedid}")
        hung_up = {"BARGEIN_STAGE": "people", "BARGEIN_QUEUED": "sales 100", "CHANNEL(hangupsource)": "PJSIP/t-1"}
        caller = Pbx(cluster.fastagi.port, {"BARGEIN_ID": str(uuid.uuid4()), "CHANNEL(linkedid)": "7.1", **hung_up})
        await caller.run("after", "agi_channel: PJSIP/t-1\n")
        told = calls.pop()
        await asyncio.wait_for(told.reader.read(-1), 10)
        assert await told.result(cluster) == "hangup"
        told.writer.close()
        draining = asyncio.create_task(cluster.drain())
        await asyncio.sleep(0.2)
        refused = Pbx(cluster.fastagi.port)
        await refused.run("start")
        assert refused.variables["BARGEIN_ID"] == ""
        for call in calls:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await call.reader.read(-1)
            call.writer.close()
        assert [await call.result(cluster) for call in calls] == ["failed"] * 3
        await asyncio.wait_for(draining, 30)


def with_flow(folder: Path) -> Config:
    """Workers whose calls end at once, for the queue `sales`."""
    (folder / "flow.yaml").write_text("queue: front\nsteps:\n  a: {queue: sales}\n")
    plain = settings(folder)
    return replace(
        plain,
        dialogue=replace(plain.dialogue, flow=str(folder / "flow.yaml")),
        fastagi=replace(plain.fastagi, id_valid_s=2),
    )


async def test_the_dialplan_gets_what_the_flow_came_to(tmp_path: Path) -> None:
    cluster = Cluster(with_flow(tmp_path), 2, WORKER)
    await cluster.start()
    try:
        for _ in range(3):
            call = await begun(cluster)
            assert (await call.result(cluster), call.pbx.variables["BARGEIN_QUEUE"]) == ("queue", "sales")
            call.writer.close()
        await until(lambda: not cluster.calls)
        after = {"BARGEIN_STAGE": "people", "BARGEIN_QUEUED": "sales 100", "QUEUESTATUS": "TIMEOUT", "EPOCH": "130"}
        call.pbx.variables |= after
        await call.pbx.run("after")
        unused = [Pbx(cluster.fastagi.port) for _ in range(4)]
        for pbx in unused[:3]:
            await pbx.run("start")
        await asyncio.sleep(2.1)  # until these ids are too old
        await unused[3].run("start")
        assert unused[3].variables["BARGEIN_SERVER"] == unused[0].variables["BARGEIN_SERVER"]
    finally:
        await cluster.drain()
    with sqlite3.connect(tmp_path / "calls.db") as log:
        told = log.execute("SELECT id, after_queue, waited_ms FROM calls WHERE after_status = 'timeout'").fetchall()
    assert told == [(call.pbx.variables["BARGEIN_ID"], "sales", 30_000)]


async def test_a_reload_does_not_wait_for_a_lost_worker_and_one_that_cannot_start_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster(with_flow(tmp_path), 2, WORKER)
    await cluster.start()
    try:
        os.kill(cluster.workers.pids[0], signal.SIGSTOP)
        reloads = [asyncio.create_task(cluster.reload()) for _ in range(2)]
        await asyncio.sleep(0.2)
        os.kill(cluster.workers.pids[0], signal.SIGKILL)
        (tmp_path / "flow.yaml").write_text("steps: 7")
        await asyncio.wait_for(asyncio.gather(*reloads, return_exceptions=True), 30)
        await until(lambda: caplog.text.count("worker 0 cannot start: ") == 2, 60)
        assert "flow.yaml" in caplog.text
    finally:
        await cluster.drain()


async def test_a_worker_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    plain = settings(tmp_path)
    wrong = replace(plain, dialogue=replace(plain.dialogue, flow=str(tmp_path / "none.yaml")))
    with pytest.raises(UserError, match=re.escape("none.yaml")):
        await Cluster(wrong, 2, WORKER).start()


def test_the_ports_of_workers_leave_out_fastagis() -> None:
    def ports(audio: str, agi: str) -> list[int]:
        plain = Config()
        return worker_ports(
            replace(
                plain,
                audiosocket=replace(plain.audiosocket, listen=audio),
                fastagi=replace(plain.fastagi, listen=agi),
            ),
            3,
        )

    assert ports("127.0.0.1:9092", "127.0.0.1:4573") == [9092, 9093, 9094]
    assert ports("127.0.0.1:9092", "127.0.0.1:9093") == [9092, 9094, 9095]
    assert ports("127.0.0.1:0", "127.0.0.1:0") == [0, 0, 0]
