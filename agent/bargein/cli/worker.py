"""A worker of `bargein serve`: serves the calls that its supervisor gives it.

`python -m bargein.cli.worker FD`, where FD is a socket to the supervisor. Its first message has the configuration.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import Any

from ..app import App
from ..clock import Clock, SystemClock
from ..config import Config
from ..core.turns.records import CallInfo, Handover
from ..dialogue.monologue import Monologue
from ..errors import UserError
from ..server.link import Link, Message, packed_info, packed_outcome, unpacked_info
from ..server.logs import described, on_loop_fault
from ..server.logs import setup as setup_logs
from ..server.registry import CallOutcome, Registry
from ..server.supervisor import ACK_S, BEAT_S


class WorkerRegistry(Registry):
    """Tells the supervisor, which answers FastAGI, how each call ends."""

    def __init__(self, clock: Clock, ttl_s: float, link: Link) -> None:
        super().__init__(clock, ttl_s)
        self._link = link
        self._claims: dict[str, asyncio.Future[CallInfo | None]] = {}

    async def claim(self, call_id: str) -> CallInfo | None:
        """Ask the supervisor for an id that another worker was told of."""
        if call_id in self._claims:
            return None
        claimed = self._claims[call_id] = asyncio.get_running_loop().create_future()
        self._link.send("claim", id=call_id)
        try:
            async with asyncio.timeout(ACK_S):
                info = await claimed
        except TimeoutError:
            return None
        finally:
            del self._claims[call_id]
        if info is None:
            return None
        self.expect(call_id, info)
        return self.take(call_id)

    def claimed(self, call_id: str, info: CallInfo | None) -> None:
        """The supervisor's answer."""
        claimed = self._claims.get(call_id)
        if claimed is not None and not claimed.done():
            claimed.set_result(info)

    def take(self, call_id: str) -> CallInfo | None:
        info = super().take(call_id)
        if info is not None:
            self._link.send("taken", id=call_id)
        return info

    def finish(self, call_id: str, outcome: CallOutcome) -> None:
        super().finish(call_id, outcome)
        self._link.send("over", id=call_id, outcome=packed_outcome(outcome))


class _ServingWorker:
    """Carries out the messages of the supervisor."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tasks: set[asyncio.Task[None]] = set()
        self._app: App
        self._registry: WorkerRegistry

    async def run(self) -> None:
        messages = self._link.messages()
        start = await anext(messages)
        config = Config.of(start["config"])
        setup_logs(config.log)
        asyncio.get_running_loop().set_exception_handler(on_loop_fault)
        clock = SystemClock()
        registry = self._registry = WorkerRegistry(clock, config.fastagi.id_valid_s, self._link)
        play = start["play"]
        if play:
            app = App(config, lambda info: Monologue(play), clock, recordings=[play], registry=registry)
        else:
            app = App(config, clock=clock, registry=registry)
        try:
            await app.start()
        except UserError as error:
            self._link.send("failed", text=str(error), exit_code=error.exit_code)
            return
        self._app = app
        self._link.send("ready", port=app.server.port)
        self._task(self._beat())
        async for message in messages:
            if message["op"] == "drain":
                self._task(self._drain())
            else:
                self._take(message)
        os._exit(1)  # without the supervisor there is no FastAGI: the callers go to people

    def _take(self, message: Message) -> None:
        match message["op"]:
            case "expect":
                self._registry.expect(message["id"], unpacked_info(message["info"]))
                self._link.send("expecting", id=message["id"])
            case "withdraw":
                info = self._registry.withdraw(message["id"])
                self._link.send("withdrawn", id=message["id"], info=info and packed_info(info))
            case "claimed":
                info = message["info"] and unpacked_info(message["info"])
                self._registry.claimed(message["id"], info)
            case "after":
                self._task(self._app.store.call_handed_over(message["id"], Handover(**message["handover"])))
            case "gone":
                self._app.gone(message["linkedid"])
            case "reload":
                self._task(self._reload())

    async def _beat(self) -> None:
        while True:
            admission = self._app.admission
            self._link.send(
                "beat",
                calls=self._app.server.calls,
                room=self._app.room,
                reason=admission.reason,
                numbers=self._app.meter.numbers(),
            )
            await asyncio.sleep(BEAT_S)

    async def _reload(self) -> None:
        error = ""
        try:
            await self._app.reload()
        except Exception as wrong:
            error = described(wrong)
        self._link.send("reloaded", error=error)

    async def _drain(self) -> None:
        await self._app.drain()
        os._exit(0)

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _main(fd: int) -> None:
    link = await Link.open(socket.socket(fileno=fd))
    await _ServingWorker(link).run()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # they are for the supervisor
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(_main(int(sys.argv[1])))
