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
    from ..store import Call, Reader

log = logging.getLogger(__name__)

POLL_S = 0.5
BEFORE = timedelta(minutes=5)  # what a fresh page shows
MOST_EVENTS = 40


class Live:
    """Calls in progress and the last events. `version` grows with every change."""

    def __init__(self, reader: Reader, clock: Clock | None = None) -> None:
        self._follower = Follower(reader, (clock or SystemClock()).utc() - BEFORE, clock=clock)
        self._events: deque[CallEvent] = deque(maxlen=MOST_EVENTS)
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        self.version = 0

    @property
    def calls(self) -> list[Call]:
        """Calls in progress, the newest first."""
        return sorted(self._follower.in_progress, key=lambda call: call.started_at, reverse=True)

    @property
    def recent(self) -> list[CallEvent]:
        """The newest first."""
        return list(reversed(self._events))

    async def wait(self, version: int) -> None:
        """Return when there is something newer than `version`."""
        while self.version == version:
            await self._changed.wait()

    async def run(self) -> None:
        """Follow the log until `stop`. A database that fails for a while is asked again."""
        known: set[str] = set()
        while not self._stopped.is_set():
            try:
                events = await self._follower.poll()
            except UserError as error:
                log.warning("the live page waits for the database: %s", error)
                await self._pause(10 * POLL_S)
                continue
            calls = {call.id for call in self._follower.in_progress}
            if events or calls != known:
                known = calls
                self._events.extend(events)
                self.version += 1
                self._changed.set()
                self._changed = asyncio.Event()
            await self._pause(POLL_S)

    def stop(self) -> None:
        """Let `run` return after what it does now."""
        self._stopped.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
