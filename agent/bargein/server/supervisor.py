"""Workers: processes that serve calls, each with an AudioSocket port of its own, behind one FastAGI port.

The supervisor gives a call to the worker with the fewest calls, replaces workers that die or hang, and passes on reload
and drain. It carries no audio. When a worker is lost, its connections are reset: the dialplan sends its callers to
people, and all other calls go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..clock import Clock
from ..core.turns.records import CallInfo, Handover
from ..errors import UserError
from .admission import MAX_BURST
from .link import Link, Message, packed_info, unpacked_outcome
from .metrics import Health, Meter, Numbers
from .registry import FAILED, Registry

log = logging.getLogger(__name__)

BEAT_S = 0.5  # how often a worker reports
STUCK_S = 5.0  # a worker that reports nothing for longer is killed
START_S = 120.0  # models load, and prompts are synthesized for the first time
ACK_S = 1.0  # for a worker to note that a call comes
RESTART_S = (1.0, 30.0)  # the pause before a lost worker is replaced, first and longest; it doubles each time
AFTER_DRAIN_S = 15.0


class NoWorker(Exception):
    """No worker has room."""


@dataclass(eq=False)
class _Worker:
    """One process. `port` is 0 until it is ready. `ids` are the calls that it has been given and that are not over.

    `room` is how many calls it may be given before its next report.
    """

    number: int
    process: asyncio.subprocess.Process
    link: Link
    heard_at: float
    restart_s: float
    port: int = 0
    calls: int = 0
    room: int = 0
    reason: str = ""
    numbers: Numbers = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    acks: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    reloaded: asyncio.Future[str] | None = None
    ready: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    silent: asyncio.Event = field(default_factory=asyncio.Event)  # it has ended, and its last message is read


class Supervisor:
    """Call `start`, then `place` calls until `drain` or `close`.

    `command` starts a worker; the number of its socket is appended. `settings[number]` are the worker's settings.
    """

    def __init__(
        self,
        count: int,
        command: Sequence[str],
        settings: Mapping[int, Message],
        registry: Registry,
        clock: Clock,
    ) -> None:
        self.meter = Meter()
        for name in ("bargein_refused_calls", "bargein_worker_restarts"):
            self.meter.count(name, by=0)  # Prometheus takes no notice of a counter that begins with 1
        self._count = count
        self._command = command
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._workers: dict[int, _Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims: dict[str, _Worker] = {}  # ids that a worker claims while another has them
        self._closing = False
        self._reloading = asyncio.Lock()

    # ------------------------------------------------------------- life

    async def start(self) -> None:
        """Start all workers and wait until they listen. Raises UserError with what the first one said."""
        try:
            await asyncio.gather(*(self._spawn(number) for number in range(self._count)))
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(worker.ready for worker in self._workers.values()))
        except TimeoutError:
            await self.close()
            raise UserError(f"a worker was not ready within {START_S:.0f} s; its log says why") from None
        except BaseException:
            await self.close()
            raise
        self._task(self._watch())

    async def drain(self, limit_s: float) -> None:
        """Take no new calls. Wait until the workers have finished theirs, then kill the rest."""
        self._closing = True
        for worker in self._workers.values():
            worker.link.send("drain")
        # Not `process.wait()`: what became of the last calls may still be on its way when the process has ended.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s + AFTER_DRAIN_S):
                await asyncio.gather(*(worker.silent.wait() for worker in self._workers.values()))
        await self.close()

    async def close(self) -> None:
        """End all workers at once."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        for worker in list(self._workers.values()):
            _kill(worker)
            worker.link.close()
            await worker.process.wait()

    async def reload(self) -> None:
        """All workers read their flows again. Raises UserError if one cannot; that one keeps the old flows.

        One that is starting may have read the old flows already: it reads them again when it is ready.
        """
        async with self._reloading:
            answers = [self._reload(worker) for worker in self._workers.values() if not worker.silent.is_set()]
            for error in await asyncio.gather(*answers):
                if error:
                    raise UserError(error)

    # ------------------------------------------------------------ calls

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return sum(worker.calls for worker in self._workers.values())

    @property
    def ports(self) -> list[int]:
        """The workers' AudioSocket ports; those that are not ready are left out."""
        return [worker.port for worker in self._workers.values() if worker.port]

    @property
    def pids(self) -> list[int]:
        """The workers' processes."""
        return [worker.process.pid for worker in self._workers.values()]

    def numbers(self) -> dict[str, Numbers]:
        """The metrics of each worker, and our own."""
        workers = list(self._workers.values())
        return {str(worker.number): worker.numbers for worker in workers} | {"supervisor": self.meter.numbers()}

    def health(self) -> Health:
        """Well as long as a worker serves calls."""
        ready = [worker for worker in list(self._workers.values()) if worker.port]
        reasons = "; ".join(worker.reason for worker in ready if worker.reason)
        return Health(bool(ready) and not self._closing, self.calls, self._has_room(), len(ready), reasons)

    def admits(self) -> bool:
        """Whether some worker has room. Counts the refused calls."""
        if self._has_room():
            return True
        self.meter.count("bargein_refused_calls")
        return False

    def _has_room(self) -> bool:
        return not self._closing and any(self._may_take(worker) for worker in self._workers.values())

    def _may_take(self, worker: _Worker) -> bool:
        return bool(worker.port) and worker.room > 0

    async def place(self, call_id: str, info: CallInfo) -> int:
        """Give a call to the worker with the fewest calls that has room. Returns its port. Raises NoWorker."""
        for worker in self._workers.values():
            # Ids that were never used do not count.
            worker.ids = {given for given in worker.ids if given in self._registry}
        order = sorted(self._workers.values(), key=lambda worker: max(worker.calls, len(worker.ids)))
        for worker in order:
            if self._may_take(worker) and await self._expect(worker, call_id, info):
                return worker.port
        self.meter.count("bargein_refused_calls")
        raise NoWorker("no worker has room")

    async def after(self, call_id: str, handover: Handover) -> None:
        """Have a worker log what became of a caller after the agent."""
        ready = [worker for worker in self._workers.values() if worker.port]
        if not ready:
            log.warning("call %s: what became of the caller is not logged: no worker is ready", call_id)
            return
        served = next((worker for worker in ready if call_id in worker.ids), min(ready, key=lambda one: one.calls))
        served.link.send("after", id=call_id, handover=asdict(handover))

    def gone(self, linkedid: str) -> None:
        """Tell all workers that a caller left the queue: one of them may tell a member about the call."""
        for worker in self._workers.values():
            if worker.port:
                worker.link.send("gone", linkedid=linkedid)

    async def _expect(self, worker: _Worker, call_id: str, info: CallInfo) -> bool:
        """Tell the worker about the call. Returns whether it has taken it."""
        acked = worker.acks[call_id] = asyncio.get_running_loop().create_future()
        worker.ids.add(call_id)
        worker.room -= 1
        worker.link.send("expect", id=call_id, info=packed_info(info))
        try:
            async with asyncio.timeout(ACK_S):
                await acked
        except (TimeoutError, ConnectionError):
            worker.ids.discard(call_id)
            return False
        finally:
            worker.acks.pop(call_id, None)
        return True

    # ---------------------------------------------------------- workers

    async def _spawn(self, number: int, restart_s: float = RESTART_S[0]) -> None:
        """Start a worker. `restart_s` is the pause before the next attempt if it does not get ready."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command, str(theirs.fileno()), pass_fds=[theirs.fileno()], stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the supervisor
            )  # fmt: skip
        worker = _Worker(number, process, await Link.open(ours), self._clock.monotonic() + START_S, restart_s)
        replaces = number in self._workers
        self._workers[number] = worker
        if replaces:
            worker.ready.add_done_callback(lambda ready: _tell(number, ready))
        worker.link.send("start", **self._settings[number])
        self._task(self._listen(worker))

    async def _listen(self, worker: _Worker) -> None:
        """Take the worker's messages until it is gone, then replace it."""
        async for message in worker.link.messages():
            self._take(worker, message)
        _kill(worker)  # a worker without a link is useless
        code = await worker.process.wait()
        worker.silent.set()
        worker.link.close()
        worker.port = 0
        self._claims = {key: claimer for key, claimer in self._claims.items() if key not in worker.ids}
        for call_id in worker.ids:
            self._registry.take(call_id)
            self._registry.finish(call_id, FAILED)
        for acked in worker.acks.values():
            if not acked.done():
                acked.set_exception(ConnectionResetError())
        if worker.reloaded is not None and not worker.reloaded.done():
            worker.reloaded.set_result("")  # the one that replaces it reads the new flows
        began = worker.ready.done() and worker.ready.exception() is None
        if not worker.ready.done():
            worker.ready.set_exception(UserError(f"worker {worker.number} ended at its start; its log says why"))
        if not self._closing:
            log.error("worker %d is lost (exit code %d); %d callers go to people", worker.number, code, worker.calls)
            worker.calls, worker.numbers = 0, {}
            await self._replace(worker.number, RESTART_S[0] if began else worker.restart_s)

    async def _replace(self, number: int, pause_s: float) -> None:
        longest_s = RESTART_S[1]
        while not self._closing:
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)
            self.meter.count("bargein_worker_restarts")
            try:
                await self._spawn(number, min(2 * pause_s, longest_s))
                return
            except OSError as error:
                log.error("worker %d cannot be started: %s; trying again", number, error.strerror)
                pause_s = min(2 * pause_s, longest_s)

    def _take(self, worker: _Worker, message: Message) -> None:
        call_id = message.get("id", "")
        match message["op"]:
            case "ready":
                worker.port = message["port"]
                worker.room = MAX_BURST
                worker.heard_at = self._clock.monotonic()
                if not worker.ready.done():
                    worker.ready.set_result(None)
            case "failed":
                if not worker.ready.done():
                    worker.ready.set_exception(UserError(message["text"], message["exit_code"]))
            case "beat":
                worker.heard_at = self._clock.monotonic()
                worker.calls, worker.room, worker.reason = message["calls"], message["room"], message["reason"]
                worker.numbers = message["numbers"]
            case "expecting":
                if (acked := worker.acks.get(call_id)) is not None and not acked.done():
                    acked.set_result(None)
            case "claim":
                self._claim(worker, call_id)
            case "withdrawn":
                claimer = self._claims.pop(call_id, None)
                if claimer is not None:
                    self._hand_over(call_id, message["info"], worker, claimer)
            case "taken":
                self._registry.take(call_id)
            case "over":
                worker.ids.discard(call_id)
                self._registry.finish(call_id, unpacked_outcome(message["outcome"]))
            case "reloaded":
                if worker.reloaded is not None and not worker.reloaded.done():
                    worker.reloaded.set_result(message["error"])

    def _claim(self, claimer: _Worker, call_id: str) -> None:
        """A call came to a worker that was not told of it: its dialplan dials one port for all calls."""
        owner = next((w for w in self._workers.values() if call_id in w.ids and w is not claimer), None)
        if owner is None or call_id in self._claims:
            claimer.link.send("claimed", id=call_id, info=None)
        else:
            self._claims[call_id] = claimer
            owner.link.send("withdraw", id=call_id)

    def _hand_over(self, call_id: str, info: Message | None, owner: _Worker, claimer: _Worker) -> None:
        if info is not None:
            owner.ids.discard(call_id)
            claimer.ids.add(call_id)
        claimer.link.send("claimed", id=call_id, info=info)

    async def _reload(self, worker: _Worker) -> str:
        worker.reloaded = asyncio.get_running_loop().create_future()
        worker.link.send("reload")
        try:
            async with asyncio.timeout(START_S):
                return await worker.reloaded
        except TimeoutError:
            return f"worker {worker.number} did not answer"

    async def _watch(self) -> None:
        """Kill workers that hang: `_listen` then replaces them."""
        while True:
            due = self._clock.monotonic() + BEAT_S
            await self._clock.sleep_until(due)
            now = self._clock.monotonic()
            oldest = now - STUCK_S
            for worker in self._workers.values():
                worker.heard_at += now - due  # no report can arrive while this process itself hangs
                if worker.heard_at < oldest and worker.process.returncode is None:
                    log.error("worker %d has stood still for %.0f s; it is killed", worker.number, STUCK_S)
                    _kill(worker)

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell(number: int, ready: asyncio.Future[None]) -> None:
    """Nobody waits for a replacement worker."""
    if not ready.cancelled() and (error := ready.exception()) is not None:
        log.error("worker %d cannot start: %s; trying again", number, error)


def _kill(worker: _Worker) -> None:
    """Not with `process.kill`, which waits for the process first and so takes its exit code from asyncio."""
    if worker.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.process.pid, signal.SIGKILL)
