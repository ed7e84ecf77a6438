"""Who is there for a queue during a call, from a manager interface that a test plays."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.records import CallInfo
from bargein.dialogue.flow import load
from bargein.offline import virtual_time
from bargein.pbx.asterisk import PbxError
from bargein.server import queue_watch
from bargein.server.queue_watch import QueueWatch
from tests.dialogue.flows import call_of, write
from tests.waiting import until


class Ahead(SystemClock):
    """Some seconds ahead."""

    seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.seconds


class Ami:
    """The manager interface of a PBX with the queue support."""

    def __init__(self) -> None:
        self.ready = "0"
        self.asked = 0
        self.refuses, self.refused = False, 0
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def drop(self) -> None:
        for writer in self._writers:
            writer.close()

    def close(self) -> None:
        self.drop()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self._answer(await reader.readuntil(b"\r\n\r\n"), writer)

    def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        if b"QueueSummary" not in message:
            writer.write(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
        elif self.refuses:
            self.refused += 1
            writer.write(b"Response: Error\r\nMessage: Invalid/unknown command\r\n\r\n")
        else:
            self.asked += 1
            writer.write(
                b"Response: Success\r\nEventList: start\r\nMessage: Queue summary will follow\r\n\r\n"
                b"Event: QueueSummary\r\nQueue: support\r\nAvailable: " + self.ready.encode() + b"\r\nCallers: 2\r\n"
                b"HoldTime: 30\r\nTalkTime: 9\r\nLongestHoldTime: 245\r\n\r\n"
                b"Event: QueueSummaryComplete\r\nEventList: Complete\r\n\r\n"
            )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_watch, "EVERY_S", 0.01)
    monkeypatch.setattr(queue_watch, "RETRY_S", 0.01)
    monkeypatch.setenv("BARGEIN_AMI_USER", "bargein")
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "x")


@pytest.mark.usefixtures("quick")
async def test_a_flow_knows_what_is_so_now(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ami, clock, busy = Ami(), Ahead(), False
    watch = QueueWatch(await ami.start(), lambda: busy, clock)
    watching = asyncio.create_task(watch.run())
    try:
        await asyncio.sleep(0.05)
        assert ami.asked == 0  # there are no calls
        busy = True
        await until(lambda: watch.now("support"))
        assert watch.now("support") == {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4"}
        assert watch.now("sales") == {}
        flow = load(write(tmp_path, FLOW))
        told = {"queue.ready": "3", "queue.waiting": "0", "queue.wait": ""}  # as the call began
        call = call_of(flow, info=CallInfo("1", variables=told), queue=lambda: watch.now("support"))
        await call.start()
        assert call.last.text == "Nobody is free. What now?"
        ami.ready = "1"
        await until(lambda: watch.now("support")["queue.ready"] == "1")
        assert (await call.says("sales")).text == "There is somebody."
        ami.drop()  # Asterisk is restarted
        asked = ami.asked
        await until(lambda: ami.asked > asked + 1)
        ami.refuses = True
        await until(lambda: "unknown command" in caplog.text)
        clock.seconds = queue_watch.STALE_S
        assert watch.now("support") == {}
        refused = ami.refused
        await until(lambda: ami.refused > refused + 1)
        assert caplog.text.count("unknown command") == 1
        ami.refuses = False
        await until(lambda: "answers again" in caplog.text)
    finally:
        watching.cancel()
        ami.close()


FLOW = """
steps:
  look:
    next:
      - {when: queue.ready == 0, go: busy}
      - free
  busy: {say: Nobody is free., ask: "What now?", menu: {sales: {go: look}}}
  free: {say: There is somebody., hangup: }
"""


def test_an_interface_that_refuses_the_login_is_asked_less_and_less(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[float] = []

    class Asterisk:
        async def queues(self) -> list[dict[str, str]]:
            if len(tried) == 12 and asyncio.get_running_loop().time() > tried[-1]:
                raise PbxError("the connection ended")
            return []

        async def close(self) -> None: ...

    async def manager(host: str, port: int) -> Asterisk:
        tried.append(asyncio.get_running_loop().time())
        if len(tried) == 12:
            return Asterisk()
        raise PbxError("the login was refused")

    monkeypatch.setattr(queue_watch, "manager", manager)

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3700):
                await QueueWatch("127.0.0.1:5038", lambda: True, virtual_time.VirtualClock()).run()

    virtual_time.run(main())
    waits = [after - before for before, after in itertools.pairwise(tried)]
    assert waits[:11] == [10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600]
    assert waits[11:] == [pytest.approx(12), 20]  # it had answered for 2 s
    assert caplog.text.count("the login was refused") == 1
    assert caplog.text.count("the connection ended") == 1


async def test_without_an_address_nobody_is_asked() -> None:
    watch = QueueWatch("", lambda: True, Ahead())
    await watch.run()
    assert watch.now("support") == {}
