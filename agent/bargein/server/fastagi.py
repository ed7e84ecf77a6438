"""The FastAGI endpoint: gives the dialplan an id for a call, and afterwards the result of the call.

`agi://HOST:PORT/start?dialogue=NAME` sets BARGEIN_ID and BARGEIN_SERVER. Parameters, all optional:
  dialogue, queue  reach the flow as such
  linkedid         Asterisk's id of the whole call, for the log: ${CHANNEL(linkedid)}
  codec            of the caller: ${CHANNEL(audionativeformat)}. Who hears 16 kHz gets it, see pbx/wideband.py
  exten            what was dialled, where Asterisk itself does not say so: ${STACK_PEEK(1,e)} in a subroutine. It comes
                   last: a caller may have chosen it, so all that follows belongs to it
  var=NAME         may be repeated: channel variable BARGEIN_VAR_NAME reaches the flow as variable `name`
  outbound=yes     Asterisk placed this call: find out who answered, see core/turns/answered_by.py
  anything=else    reaches the flow as variable `anything`
Of the queue the flow also gets ready members, waiting callers and the wait: see pbx/availability.py.
Without an agent BARGEIN_ID is empty. BARGEIN_RESULT is `failed` until `finish` sets another.

`agi://HOST:PORT/finish` sets BARGEIN_RESULT, BARGEIN_QUEUE, BARGEIN_EXTEN, BARGEIN_ANSWERED_BY and, inherited by the
channels that the dialplan creates from here on, BARGEIN_INTERRUPTIONS, BARGEIN_SUMMARY and BARGEIN_VAR_NAME for each
flow variable. The summary is what the flow gathered, else the caller's last words.

`agi://HOST:PORT/after`, from a hangup handler, reads what became of the caller: see pbx/handover.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

from ..clock import SystemClock
from ..core.turns.records import CallInfo, Handover
from ..core.wire.agi import AgiError, AgiRequest, RequestParser, endpoint_of
from ..errors import UserError
from ..pbx import availability
from ..pbx.handover import VARIABLES, handover
from ..pbx.wideband import hears_wideband
from .agi_channel import AgiChannel, Gone, WrongRequest
from .listening import LOOPBACK, Flood, Networks, is_allowed, listen_error
from .registry import FAILED, CallOutcome, Registry, RegistryFull
from .supervisor import NoWorker

log = logging.getLogger(__name__)

OUTCOME_WAIT_S = 3.0  # a session that ends drains its socket for up to 2 s
MAX_VARIABLES = 32
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
EXTENSION = re.compile(r"[A-Za-z0-9_.+*#-]{1,80}")
LINE_BREAK = re.compile(r"\s*\n\s*")
OURS = ("dialogue", "queue", "linkedid", "codec", "exten")  # parameters of `start` that are no variables of the flow
SUBROUTINE = "s"  # an extension that nobody dials
WILDCARDS = ("", "0.0.0.0", "::")


class FastAgiServer:
    """Call `start`. Requests are then answered until `close`.

    `audiosocket_address` is HOST:PORT that Asterisk connects to. For a wildcard host Asterisk gets the address at which
    it reached us. `peers` are the networks that may connect; an empty list allows none. `admit()` says whether another
    call would be served. `place(id, info)` tells a worker about a call and gives its port, or raises NoWorker.
    `after(id, handover)` is told what became of a caller, and `gone(linkedid)` of one who hung up while waiting.
    """

    def __init__(
        self,
        registry: Registry,
        audiosocket_address: str,
        *,
        peers: Networks = LOOPBACK,
        max_connections: int = 256,
        timeout_s: float = 5.0,
        admit: Callable[[], bool] = lambda: True,
        place: Callable[[str, CallInfo], Awaitable[int]] | None = None,
        after: Callable[[str, Handover], Awaitable[None]] | None = None,
        gone: Callable[[str], None] = lambda linkedid: None,
    ) -> None:
        self._registry = registry
        self._host, _, self._port = audiosocket_address.rpartition(":")
        self._peers = peers
        self._max_connections = max_connections
        self._timeout_s = timeout_s
        self._admit = admit
        self._place = place
        self._report, self._gone = after, gone
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._floods: defaultdict[str, Flood] = defaultdict(lambda: Flood(SystemClock()))

    @property
    def port(self) -> int:
        """The port that we listen on, also if 0 was given."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises UserError if the port is taken or the address is not ours."""
        try:
            self._server = await asyncio.start_server(self._connected, host, port)
        except OSError as error:
            raise UserError(listen_error("FastAGI", "fastagi", host, port, error)) from error

    async def drain(self, limit_s: float = 1.0) -> None:
        """Wait up to `limit_s` until the dialplan has fetched the results of its calls, then `close`.

        Call it when the last session is over: the dialplan asks a moment later.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._registry.all_asked_for()
                await asyncio.gather(*self._connections, return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """Stop listening and end what is in progress."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        peer = writer.get_extra_info("peername")[0]
        try:
            self._check_peer(peer, writer.get_extra_info("sockname")[0])
            await self._serve(reader, writer)
        except (WrongRequest, AgiError) as error:
            self._warn(peer, f"request refused: {error}")
        except TimeoutError:
            self._warn(peer, f"it did not go on within {self._timeout_s:g} s; the connection is closed")
        except (Gone, OSError, asyncio.CancelledError):
            pass  # cancelled only by `close`; before Python 3.12 asyncio logs a handler that ends as cancelled
        finally:
            self._connections.discard(task)
            writer.close()

    def _warn(self, peer: str, what: str) -> None:
        if count := self._floods[what].counted():
            log.warning("FastAGI: %s: %s (%d since the last such line)", peer, what, count)

    def _check_peer(self, peer: str, reached_at: str) -> None:
        """Raises WrongRequest. If there are any peers, this machine may connect too: `bargein doctor` does."""
        this_machine = bool(self._peers) and peer == reached_at
        if not this_machine and not is_allowed(peer, self._peers):
            raise WrongRequest("it may not connect; if it should, add it to fastagi.peers")
        if len(self._connections) > self._max_connections:
            raise WrongRequest(f"there are {self._max_connections} connections (fastagi.max_connections)")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = RequestParser()
        request = None
        async with asyncio.timeout(self._timeout_s):
            while request is None:
                data = await reader.read(4096)
                if not data:
                    raise Gone
                request = parser.feed(data)
        channel = AgiChannel(reader, writer, self._timeout_s, parser.rest)
        if request.script == "start":
            await self._start(request, channel, writer.get_extra_info("sockname")[0])
        elif request.script == "finish":
            await self._finish(channel)
        elif request.script == "after":
            await self._after(channel, request.known("channel"))
        else:
            raise WrongRequest("its script is none of start, finish and after: the dialplan has a wrong agi:// URL")

    async def _start(self, request: AgiRequest, channel: AgiChannel, reached_at: str) -> None:
        await channel.set("BARGEIN_ID", "")
        await channel.set("BARGEIN_RESULT", FAILED.result)
        if not self._admit():
            log.warning("FastAGI: no agent for this call: at capacity or shutting down; the dialplan goes on")
            return
        given, names = _parameters(request)
        for name in names:
            await channel.get(f"BARGEIN_VAR_{name}")
        if names:
            await channel.set("BARGEIN_RESULT", FAILED.result)  # its answer shows where the last value ends
        values = {name: channel.values[f"BARGEIN_VAR_{name}"] for name in names}
        variables = {name.lower(): LINE_BREAK.sub(" ", value) for name, value in values.items()}
        variables |= await _available(channel, given.get("queue", ""))
        info = _call_info(request, given, variables)
        try:
            call_id = self._registry.register(info)
        except RegistryFull as error:
            log.error("FastAGI: no agent for this call: %s; the dialplan goes on", error)
            return
        try:
            port = await self._place(call_id, info) if self._place else self._port
            await channel.set("BARGEIN_SERVER", f"{self._reachable_host(reached_at)}:{port}")
            await channel.set("BARGEIN_ID", call_id)
        except NoWorker as error:
            self._registry.withdraw(call_id)
            log.warning("FastAGI: no agent for this call: %s; the dialplan goes on", error)
        except BaseException:
            self._registry.withdraw(call_id)
            raise

    def _reachable_host(self, reached_at: str) -> str:
        """The AudioSocket host for Asterisk: for a wildcard the address at which it reached us."""
        host = reached_at if self._host.strip("[]") in WILDCARDS else self._host
        return f"[{host}]" if ":" in host and not host.startswith("[") else host

    async def _finish(self, channel: AgiChannel) -> None:
        call_id = await channel.get("BARGEIN_ID")
        outcome = await self._registry.outcome(call_id, OUTCOME_WAIT_S)
        if outcome is None:
            log.warning("FastAGI: finish for a call that was not here, or whose result was fetched before")
        for name, value in _answers(outcome or FAILED):
            await channel.set(name, value)

    async def _after(self, channel: AgiChannel, name: str) -> None:
        call_id = await channel.get("BARGEIN_ID")
        for variable in (*VARIABLES, "CHANNEL(linkedid)"):
            await channel.get(variable)
        try:
            call_id = str(uuid.UUID(call_id))
        except ValueError:
            return  # there was no agent for this call
        channel.end()  # the caller's line does not wait for the log
        told = handover(channel.values, name)
        if told.after_status == "abandoned":
            self._gone(channel.values["CHANNEL(linkedid)"])
        if self._report is not None:
            try:
                await self._report(call_id, told)
            except UserError as error:  # the database cannot be read
                log.warning("call %s: what became of the caller is not logged: %s", call_id, error)


async def _available(channel: AgiChannel, queue: str) -> dict[str, str]:
    """Who is there for the callers of a queue; nothing if there is no such queue."""
    if not QUEUE.fullmatch(queue) or await channel.evaluate(availability.exists(queue)) != "1":
        return {}
    told = await channel.evaluate(availability.counts(queue))
    first = availability.first_channel(told)
    since = await channel.evaluate(availability.SINCE, first) if first else ""
    return availability.names(told, since)


def _parameters(request: AgiRequest) -> tuple[dict[str, str], list[str]]:
    """What the URL gives the flow, and the names of the BARGEIN_VAR_* to read. Raises WrongRequest."""
    given: dict[str, str] = {}
    names: list[str] = []
    if len(request.query) > MAX_VARIABLES:
        raise WrongRequest(f"its URL has more than {MAX_VARIABLES} parameters")
    for name, value in request.query:
        if not NAME.fullmatch(value if name == "var" else name):
            raise WrongRequest("its URL has a parameter that is not a name: letters, digits and _ only")
        if name == "var":
            names.append(value)
        else:
            given[name.lower()] = value
    return given, names


def _call_info(request: AgiRequest, given: Mapping[str, str], variables: Mapping[str, str]) -> CallInfo:
    """What the flow may know about the call."""
    called = request.known("dnid") or given.get("exten") or request.known("extension")
    codec = given.get("codec", "").strip("()")
    more = {name: value for name, value in given.items() if name not in OURS}
    return CallInfo(
        id="",
        caller=request.known("callerid"),
        caller_name=request.known("calleridname"),
        called=called if called != SUBROUTINE else "",
        dialogue=given.get("dialogue", ""),
        queue=given.get("queue", ""),
        variables={**more, **variables},
        uniqueid=request.known("uniqueid"),
        linkedid=given.get("linkedid", ""),
        channel=request.known("channel"),
        trunk=endpoint_of(request.known("channel")),
        codec=codec,
        wideband=hears_wideband(request.known("version"), codec),
    )


def _answers(outcome: CallOutcome) -> list[tuple[str, str]]:
    """Channel variables in the order they are set. Those used in expressions are one plain word or empty."""
    result = outcome.result
    queue = outcome.queue if QUEUE.fullmatch(outcome.queue) else ""
    exten = outcome.exten if EXTENSION.fullmatch(outcome.exten) else ""
    answers = [
        ("BARGEIN_RESULT", result),
        ("BARGEIN_QUEUE", queue),
        ("BARGEIN_EXTEN", exten),
        ("__BARGEIN_INTERRUPTIONS", str(outcome.interruptions)),
        ("__BARGEIN_SUMMARY", outcome.summary),
        ("BARGEIN_ANSWERED_BY", outcome.answered_by),
    ]
    return answers + _flow_variables(outcome.variables)


def _flow_variables(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    named = [(f"__BARGEIN_VAR_{name.upper()}", value) for name, value in variables.items() if NAME.fullmatch(name)]
    return named[:MAX_VARIABLES]
