"""The AudioSocket server: accepts connections, finds out which call each one is, and runs a Session for it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Self

from ..clock import Clock, SystemClock
from ..config import AudioSocketConfig, networks
from ..core.turns.records import CallInfo
from ..core.wire.audiosocket import ProtocolError
from ..errors import UserError
from .connection import Connection
from .listening import LOOPBACK, Flood, Networks, is_allowed, listen_error
from .logs import described
from .media import MediaEngine
from .registry import FAILED, Registry
from .session import Session

log = logging.getLogger(__name__)

SESSION_END_S = 5.0
LOOK_UP_S = 0.5  # how long a call waits for the database to say whether its id is new


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the server."""

    peers: Networks = LOOPBACK  # who may connect; empty: nobody
    accept_unregistered: bool = False
    max_calls: int = 200
    max_pending: int = 64  # connections that have not sent an id, and those being handed back
    id_timeout_s: float = 5.0

    @classmethod
    def of(cls, config: AudioSocketConfig) -> Self:
        """As configured."""
        return cls(
            peers=networks(config.peers),
            accept_unregistered=config.unregistered == "accept",
            max_calls=config.max_calls,
            max_pending=config.max_pending,
            id_timeout_s=config.id_timeout_ms / 1000,
        )


@dataclass(frozen=True, slots=True)
class _ServedCall:
    """A call in progress and the task of its connection."""

    session: Session
    task: asyncio.Task[None]


class AudioSocketServer:
    """Call `start`. Calls are then served until `close` or `drain`.

    `registry` has the ids that FastAGI gave out. `prepare(info)` is awaited before a call begins. `make_session(info)`
    gives its session; `ended(info, session)` is called when it is over. `is_logged(id)`: whether there was a call of
    this id. It is called for ids that FastAGI did not give out. `refused()` is called for each call that finds no room.
    """

    def __init__(
        self,
        registry: Registry,
        make_session: Callable[[CallInfo], Session],
        ended: Callable[[CallInfo, Session], None],
        media: MediaEngine,
        limits: Limits = Limits(),
        is_logged: Callable[[str], Awaitable[bool]] | None = None,
        clock: Clock | None = None,
        prepare: Callable[[CallInfo], Awaitable[None]] | None = None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._make_session = make_session
        self._ended = ended
        self._media = media
        self._limits = limits
        self._is_logged = is_logged
        self._clock = clock or SystemClock()
        self._prepare = prepare
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._pending = 0  # of these, connections without a call
        self._running: dict[str, _ServedCall] = {}
        self._no_room = refused
        self._strangers, self._refused, self._silent, self._faulty = (Flood(self._clock) for _ in range(4))
        self.draining = False  # no new calls are taken

    @property
    def port(self) -> int:
        """The port that the server listens on, also if 0 was configured."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._running)

    def admits(self) -> bool:
        """Whether another call would be served."""
        return not self.draining and self.calls < self._limits.max_calls

    @property
    def room(self) -> int:
        """How many calls more would be served, besides those whose ids wait to be used."""
        return 0 if self.draining else max(0, self._limits.max_calls - self.calls - self._registry.waiting)

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises UserError if the port is taken or the address is not ours."""
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Connection(self._opened, self._clock), host, port)
        except OSError as error:
            raise UserError(listen_error("AudioSocket", "audiosocket", host, port, error)) from None

    async def drain(self, limit_s: float) -> None:
        """Take no new calls. Wait for those in progress, then hand the rest back to the dialplan."""
        self.draining = True
        await _until_over([call.task for call in self._running.values()], limit_s)
        for call in self._running.values():
            call.session.stop("the server is shutting down")
        await _until_over(self._connections, SESSION_END_S)  # those that are refused, too
        await self.close()

    async def close(self) -> None:
        """Stop listening and end every connection at once."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _opened(self, connection: Connection) -> None:
        task = asyncio.create_task(self._connected(connection))
        self._connections.add(task)

    async def _connected(self, connection: Connection) -> None:
        try:
            await self._serve(connection)
        except (OSError, asyncio.CancelledError):
            pass  # only `close` cancels
        finally:
            self._connections.discard(_current_task())
            connection.close()

    async def _serve(self, connection: Connection) -> None:
        peer = connection.peer
        if not is_allowed(peer, self._limits.peers):
            if count := self._strangers.counted():
                log.warning(
                    "AudioSocket: %s may not connect; if it should, add it to audiosocket.peers "
                    "(%d since the last such line)",
                    peer,
                    count,
                )
            return
        if self._pending >= self._limits.max_pending:
            if count := self._refused.counted():
                log.warning(
                    "AudioSocket: %d connections wait without an id; %d refused since the last such line",
                    self._pending,
                    count,
                )
            return
        self._pending += 1
        try:
            info = await self._identified(connection)
        finally:
            self._pending -= 1
        if info is not None:
            await self._run(info, connection)

    async def _identified(self, connection: Connection) -> CallInfo | None:
        """The call of this connection, with its session. None if it is not served; the connection is then finished."""
        try:
            async with asyncio.timeout(self._limits.id_timeout_s):
                call_id = await connection.call_id()
        except ProtocolError as error:
            if count := self._faulty.counted():
                log.warning(
                    "AudioSocket: %s sent no call: %s; the connection is closed (%d since the last such line)",
                    connection.peer,
                    error,
                    count,
                )
            return None
        except TimeoutError:
            if count := self._silent.counted():
                log.warning(
                    "AudioSocket: %s sent no call id in time; the connection is closed (%d since the last such line)",
                    connection.peer,
                    count,
                )
            return None
        if call_id is None:
            return None
        info = await self._admitted(call_id)
        begun = await self._begin(info) if info is not None else None
        if begun is None:
            await connection.hand_back()
        return begun

    async def _admitted(self, call_id: str) -> CallInfo | None:
        """The call of this id, or None if it is not served. The log then says why.

        The id may have been given to another worker: a dialplan may dial one port for all calls.
        """
        if not self._has_room(call_id):
            return None
        info = self._registry.take(call_id) or await self._registry.claim(call_id)
        if info is not None or not self._accepts(call_id):
            return info
        own = await self._unused(call_id)
        return CallInfo(own) if self._has_room(own) else None

    def _has_room(self, call_id: str) -> bool:
        """Whether another call would be served. If not, it is counted, and the log says so."""
        if self.admits():
            return True
        log.warning("AudioSocket: call %s is refused: %d calls in progress", call_id, self.calls)
        self._no_room()
        return False

    def _accepts(self, call_id: str) -> bool:
        """Whether to serve a call whose id FastAGI does not know, or not any more. If not, the log says why."""
        if not self._limits.accept_unregistered:
            log.warning(
                "AudioSocket: call id %s was not given out by FastAGI, was used before, or is too old; "
                'the dialplan goes on (audiosocket.unregistered = "accept" serves such calls)',
                call_id,
            )
            return False
        if self._registry.used(call_id):
            log.warning("AudioSocket: call id %s was given out by FastAGI and used; the dialplan goes on", call_id)
            return False
        return True

    async def _unused(self, call_id: str) -> str:
        """The id, or a new one if a dialplan gives all calls the same: this call would replace the last."""
        try:
            async with asyncio.timeout(LOOK_UP_S):
                logged = self._is_logged is not None and await self._is_logged(call_id)
        except (TimeoutError, UserError):
            logged = True  # perhaps
        if not logged and call_id not in self._running:
            return call_id
        own = str(uuid.uuid4())
        log.warning(
            "AudioSocket: there may have been a call %s before; this one is logged as %s. "
            "The dialplan should give every call an id of its own, as ${UUID()} does",
            call_id,
            own,
        )
        return own

    async def _begin(self, info: CallInfo) -> CallInfo | None:
        """The call, with a session now. None if it cannot be served."""
        session: Session | None = None
        try:
            if self._prepare is not None:
                await self._prepare(info)
            if info.id in self._running:  # two calls of the same id came at the same time
                info = replace(info, id=str(uuid.uuid4()))
            if self._has_room(info.id):  # others may have begun meanwhile
                session = self._make_session(info)
        except Exception as error:  # whatever it is, only this caller goes to people
            log.error("call %s cannot be served: %s; the dialplan goes on", info.id, described(error))
        if session is None:
            self._registry.finish(info.id, FAILED)
            return None
        self._running[info.id] = _ServedCall(session, _current_task())
        return info

    async def _run(self, info: CallInfo, connection: Connection) -> None:
        session = self._running[info.id].session
        fault: Exception | None = None
        try:
            await session.run(connection, self._media)
        except Exception as error:  # a fault of ours must lose no caller: this one goes to people
            fault = error
            session.stop(f"a fault of bargein: {described(error)}")
        finally:
            del self._running[info.id]
            self._ended(info, session)
        if fault is not None:
            log.error("call %s: a fault of bargein, %s; the dialplan goes on", info.id, described(fault))
            log.debug("call %s", info.id, exc_info=fault)
            await connection.hand_back()


async def _until_over(tasks: Collection[asyncio.Task[None]], limit_s: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=limit_s)


def _current_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task
