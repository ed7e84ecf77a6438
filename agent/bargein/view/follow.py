"""Calls as they happen, read from the log: works with every database, and covers every server that writes to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..clock import Clock, SystemClock
from ..core.turns.records import Interruption, Turn
from ..errors import UserError
from ..store.filters import EVERY_CALL, CallFilter
from ..store.rows import LONGEST_CALL
from .live import LiveCall

if TYPE_CHECKING:
    from ..store import Call, LoggedInterruption, LoggedTurn, Reader

LATE = timedelta(seconds=5)  # rows of several servers can reach the log this much out of order
INSTANT = timedelta(milliseconds=1)
MOST_OPEN = 10_000  # calls in progress


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something that happened. `call` is None if the log has no row of the call."""

    type: Literal["start", "turn", "interruption", "end"]
    at: datetime
    call_id: str
    call: Call | None
    turn: Turn | None = None
    interruption: Interruption | None = None


@dataclass(slots=True)
class _Followed:
    call: Call | None
    rows: LiveCall = field(default_factory=LiveCall)
    logged: dict[object, datetime] = field(default_factory=dict)  # turn number or interruption id -> when written
    wanted: bool = False
    started: bool = False  # the start has been reported
    done: bool = False  # the end has been reported


class Follower:
    """Reports what happens in the calls that match `which`, from `since` on. Call `poll` a few times a second."""

    def __init__(
        self, log: Reader, since: datetime, which: CallFilter = EVERY_CALL, clock: Clock | None = None
    ) -> None:
        self._log, self._which, self._clock = log, which, clock or SystemClock()
        self._begin = self._since = since
        self._calls: dict[str, _Followed] = {}

    @property
    def in_progress(self) -> list[Call]:
        """Matching calls that go on, as of the last poll."""
        return [one.call for one in self._calls.values() if one.call and one.wanted and not one.done]

    async def poll(self) -> list[CallEvent]:
        """What has happened since the last poll, call by call in order. Raises UserError."""
        turns, cuts = await self._log.logged_since(self._since)
        recent = CallFilter(outcome="", since=self._clock.utc() - LONGEST_CALL)
        open_calls = {call.id: call for call in await self._log.calls(recent, limit=MOST_OPEN)}
        for call_id in {*(turn.call_id for turn in turns), *(cut.interruption.call_id for cut in cuts), *open_calls}:
            if call_id not in self._calls:
                await self._meet(call_id, open_calls.get(call_id))
        self._feed(turns, cuts)
        for call_id, one in self._calls.items():
            if call_id in open_calls:
                one.call = open_calls[call_id]
            elif one.call is not None and one.call.ended_at is None:
                one.call = await self._call(call_id)
            if one.call is not None and one.call.ended_at is not None:
                one.rows.end()
            one.wanted = one.wanted or await self._is_wanted(one.call)
        events = [event for call_id, one in self._calls.items() if one.wanted for event in self._events(call_id, one)]
        if newest := max([row.logged_at for row in turns] + [row.logged_at for row in cuts], default=None):
            self._since = max(self._since, newest - LATE)
        self._forget()
        return sorted(events, key=lambda event: event.at)

    async def _call(self, call_id: str) -> Call | None:
        try:
            return await self._log.call(call_id)
        except UserError:  # its row was dropped, or is not written yet
            return None

    async def _meet(self, call_id: str, call: Call | None) -> None:
        """Begin with a call: what was logged before our time is known, and not reported."""
        one = self._calls[call_id] = _Followed(call or await self._call(call_id))
        one.started = one.call is not None and one.call.started_at < self._begin
        one.done = one.call is not None and one.call.ended_at is not None and one.call.ended_at < self._begin
        turns = await self._log.turns(call_id)
        cuts = await self._log.interruptions(call_id=call_id)
        self._feed([turn for turn in turns if turn.logged_at < self._begin],
                   [cut for cut in cuts if cut.logged_at < self._begin])  # fmt: skip
        one.rows.take()
        self._feed(turns, cuts)

    def _feed(self, turns: Iterable[LoggedTurn], cuts: Iterable[LoggedInterruption]) -> None:
        for turn in turns:
            one = self._calls[turn.call_id]
            one.rows.turn(turn.turn)
            one.logged[turn.turn.seq] = turn.logged_at
        for cut in cuts:
            one = self._calls[cut.interruption.call_id]
            one.rows.interruption(cut.interruption)
            one.logged[cut.interruption.id] = cut.logged_at

    async def _is_wanted(self, call: Call | None) -> bool:
        """Whether the filter matches. The database decides, so that the meaning is the same everywhere."""
        if self._which == EVERY_CALL or call is None:
            return self._which == EVERY_CALL
        since = max(filter(None, (self._which.since, call.started_at)))
        until = min(filter(None, (self._which.until, call.started_at + INSTANT)))
        found = await self._log.calls(replace(self._which, since=since, until=until))
        return any(other.id == call.id for other in found)

    def _events(self, call_id: str, one: _Followed) -> list[CallEvent]:
        events = []
        if not one.started and one.call is not None:
            events.append(CallEvent("start", one.call.started_at, call_id, one.call))
            one.started = True
        last = one.call.started_at if one.call is not None else self._begin
        for row in one.rows.take():
            if isinstance(row, Turn):
                last = max(last, one.logged[row.seq])
                events.append(CallEvent("turn", last, call_id, one.call, turn=row))
            else:
                last = max(last, one.logged[row.id])
                events.append(CallEvent("interruption", last, call_id, one.call, interruption=row))
        if not one.done and one.call is not None and one.call.ended_at is not None:
            events.append(CallEvent("end", max(last, one.call.ended_at), call_id, one.call))
            one.done = True
        return events

    def _forget(self) -> None:
        """Let calls go that ended before the time from which rows are read again."""
        for call_id, one in list(self._calls.items()):
            ended = one.call.ended_at if one.call is not None else None
            if ended and ended < self._since - LATE and all(at < self._since for at in one.logged.values()):
                del self._calls[call_id]
