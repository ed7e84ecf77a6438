"""What happens now: one reader of the log for all browsers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from ..clock import Clock, SystemClock
from ..errors import UserError
from ..view.follow import CallEvent, Follower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.turns.records import CallNow, Turn
    from ..store import Call, Reader

log = logging.getLogger(__name__)

GATHER_S = 0.1  # changes that come within this time are shown together
LONGEST_S = 1.0  # the log is read at least so often
FAILED_S = 5.0
BEFORE = timedelta(minutes=5)  # what a fresh page shows
MOST_EVENTS = 40


class Live:
    """Calls in progress and the last events. `version` grows with every change of these."""

    def __init__(self, reader: Reader, clock: Clock | None = None) -> None:
        self._reader = reader
        self._clock = clock or SystemClock()
        self._follower = Follower(reader, self._clock.utc() - BEFORE, clock=clock)
        self._events: deque[CallEvent] = deque(maxlen=MOST_EVENTS)
        self._said: dict[str, Turn] = {}
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        self.version = 0
        self.now: Mapping[str, CallNow] = {}  # levels and words of calls in progress, by call
        self.beat = 0  # grows with every change of `now`

    @property
    def calls(self) -> list[Call]:
        """Calls in progress, the newest first."""
        return sorted(self._follower.in_progress, key=lambda call: call.started_at, reverse=True)

    @property
    def recent(self) -> list[CallEvent]:
        """The newest first."""
        return list(reversed(self._events))

    def last_turn(self, call_id: str) -> Turn | None:
        """What was said last in a call in progress."""
        return self._said.get(call_id)

    async def wait(self, version: int, beat: int) -> None:
        """Return when there is something newer than `version` or `beat`."""
        while self.version == version and self.beat == beat:
            await self._changed.wait()

    async def run(self) -> None:
        """Follow the log until `stop`. A database that fails for a while is asked again."""
        known: set[str] = set()
        told = (0, 0)  # the version and the beat of which browsers know
        async with self._reader.notices() as notices:
            while not self._stopped.is_set():
                try:
                    events = await self._follower.poll()
                    now = await self._reader.live(self._clock.utc())
                except UserError as error:
                    log.warning("the live page waits for the database: %s", error)
                    await self._pause(FAILED_S)
                    continue
                calls = {call.id for call in self._follower.in_progress}
                if events or calls != known:
                    known = calls
                    self._events.extend(events)
                    self._said |= {event.call_id: event.turn for event in events if event.turn is not None}
                    self._said = {call_id: turn for call_id, turn in self._said.items() if call_id in calls}
                    self.version += 1
                if now != self.now:
                    self.now = now
                    self.beat += 1
                if (self.version, self.beat) != told:
                    told = (self.version, self.beat)
                    self._changed.set()
                    self._changed = asyncio.Event()
                await self._pause(GATHER_S)
                await notices.wait(LONGEST_S)

    def stop(self) -> None:
        """Let `run` return after what it does now."""
        self._stopped.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
