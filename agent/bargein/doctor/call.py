"""The test call of `bargein doctor --asterisk`: whether it reaches our server, with its audio, and stays there.

That Asterisk is in `AudioSocket()` proves little: it stays there for 2 s, connecting, if nobody listens. The proof is
the row that our server writes when a connection brings the call's id.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ..clock import Clock
from ..errors import UserError
from ..pbx.asterisk import Pbx
from ..store import Reader
from .check import Check, ok
from .checks import is_our_fastagi
from .line import line

NAME = "test call"
CALL_S = 12  # the longest that the test call lasts
REACH_S = 8  # the longest that it may take to reach the agent
CONNECT_S = 2.5  # Asterisk gives up on a connection after 2 s
STAYS_S = 0.5  # it must still be with the agent after this
POLL_S = 0.02
_IN_AUDIO = (
    re.compile(r"AudioSocket\((?P<id>[^,]*),(?P<server>[^,)]*)"),
    re.compile(r"Dial\(AudioSocket/(?P<server>[^/]*)/(?P<id>[^/,]*)"),
)


@dataclass(frozen=True, slots=True)
class AgentExtension:
    """An extension of the dialplan that leads to the agent."""

    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the call was seen in a step that carries audio, and how long after it was placed."""

    call_id: str
    server: str
    after_s: float


class _TestCall:
    """One call to `Local/EXTEN@CONTEXT`. Other calls to the same extension are not ours."""

    def __init__(self, pbx: Pbx, channel: str, clock: Clock) -> None:
        self._pbx = pbx
        self._channel = channel
        self._clock = clock
        self._others: set[str] = set()
        self.last_step = ""

    async def place(self) -> _Seen | None:
        """Place the call and follow it until it reaches the agent; None if it goes elsewhere."""
        self._others = set(await self._legs())
        placed = self._clock.monotonic()
        await self._pbx.originate(f"{self._channel}/n", "Wait", str(CALL_S))
        while (after_s := self._clock.monotonic() - placed) < REACH_S:
            steps = await self.steps()
            if audio := next(filter(None, map(_audio, steps.values())), None):
                return _Seen(audio["id"], audio["server"], after_s)
            self.last_step = next((step for leg, step in steps.items() if leg.endswith(";2") and step), self.last_step)
            over = self.last_step and not steps
            if over or any(step.startswith(("Queue", "Dial")) for step in steps.values()):
                return None
            await asyncio.sleep(POLL_S)
        return None

    async def steps(self) -> dict[str, str]:
        """The legs of our call, each with its current step, as `Application(data)`."""
        return {leg: step for leg, step in (await self._legs()).items() if leg not in self._others}

    async def with_agent(self) -> bool:
        return any(map(_audio, (await self.steps()).values()))

    async def hang_up(self) -> None:
        for leg in await self.steps():
            await self._pbx.command(f"channel request hangup {leg}")

    async def _legs(self) -> dict[str, str]:
        # Channel!Context!Exten!Prio!State!Application!Data!...
        shown = await self._pbx.command("core show channels concise")
        rows = [line.split("!") for line in shown.splitlines()]
        ours = [row for row in rows if len(row) > 6 and row[0].startswith(f"{self._channel}-")]
        return {row[0]: f"{row[5]}({row[6]})" if row[5] else "" for row in ours}


def _audio(step: str) -> re.Match[str] | None:
    return next(filter(None, (pattern.match(step) for pattern in _IN_AUDIO)), None)


async def call(
    pbx: Pbx, entrances: list[AgentExtension], exten: str | None, fastagi: str, url: str, clock: Clock
) -> AsyncIterator[Check]:
    """Call the extension, check that it reaches the agent, and hang up; then call again and measure the line.

    `url` is the server's database.
    """
    target = _target(entrances, exten)
    if isinstance(target, str):
        yield Check(NAME, "warn", "not placed", target)
        return
    if not await is_our_fastagi(fastagi):
        remedy = "systemctl start bargein, or bargein serve"
        yield Check(NAME, "fail", "not placed: the server is not running", remedy)
        return
    reached, seen = await _reaches(pbx, target, url, clock)
    yield reached
    if seen is not None and reached.status == "ok":
        yield await line(pbx, f"Local/{target.exten}@{target.context}", seen.server.rpartition(":")[0], clock)


async def _reaches(pbx: Pbx, target: AgentExtension, url: str, clock: Clock) -> tuple[Check, _Seen | None]:
    test_call = _TestCall(pbx, f"Local/{target.exten}@{target.context}", clock)
    what = f"{target.exten}@{target.context}"
    try:
        seen = await test_call.place()
        if seen is None:
            remedy = "asterisk -rvvv shows where it goes; is the agi:// address of the dialplan [fastagi] listen?"
            there = f", but {test_call.last_step}" if test_call.last_step else ""
            return Check(NAME, "fail", f"{what} did not reach the agent{there}", remedy), None
        taken = await _taken(url, seen, clock)
        if taken:
            await asyncio.sleep(STAYS_S)
        return _result(what, seen, taken, await test_call.with_agent()), seen
    finally:
        await test_call.hang_up()


def _result(what: str, seen: _Seen, taken: bool, stayed: bool) -> Check:
    if taken and stayed:
        return ok(NAME, f"{what} reached the agent {1000 * seen.after_s:.0f} ms after it was placed")
    if taken:
        return Check(NAME, "fail", f"{what} reached the agent and was lost at once", "bargein's log says why")
    if stayed:
        remedy = "are --config and --db those of the server that the dialplan asks?"
        return Check(NAME, "warn", f"{what} is with {seen.server}, but there is no such call in the database", remedy)
    remedy = f"can the PBX connect to {seen.server} ([audiosocket] advertise, else listen), and is it among its peers?"
    return Check(NAME, "fail", f"{what} was given an id, but its audio did not reach {seen.server}", remedy)


async def _taken(url: str, seen: _Seen, clock: Clock) -> bool:
    """Whether our server takes the call, within the time that Asterisk would wait for it."""
    give_up = clock.monotonic() + CONNECT_S
    while clock.monotonic() < give_up:
        try:
            async with await Reader.open(url) as log:
                if (await log.call(seen.call_id)).id == seen.call_id:
                    return True
        except UserError:
            pass  # no such call, or no database yet
        await asyncio.sleep(5 * POLL_S)
    return False


def _target(entrances: list[AgentExtension], exten: str | None) -> AgentExtension | str:
    """The extension to call, or why there is none."""
    if exten:
        number, _, context = exten.partition("@")
        if not re.fullmatch(r"[\w*#+.-]+", number) or not re.fullmatch(r"[\w.-]*", context):
            return "--exten: expected EXTEN or EXTEN@CONTEXT"
        known = [e.context for e in entrances if e.exten == number]
        return AgentExtension(context or (known[0] if known else "default"), number)
    callable_ones = [e for e in entrances if not e.exten.startswith("_")]
    if len(callable_ones) == 1:
        return callable_ones[0]
    return "say which extension to call: --exten 700@from-internal"
