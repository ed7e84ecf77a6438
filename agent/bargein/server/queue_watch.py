"""Who is there for the callers of each queue during a call: asks Asterisk's manager interface while there are calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from ..clock import Clock
from ..config import parse_address
from ..pbx import availability
from ..pbx.asterisk import Manager, PbxError, manager

log = logging.getLogger(__name__)

EVERY_S = 2.0
RETRY_S = 10.0  # after a failure; twice as long after each further one: a refused login is a line in a log of the PBX
LONGEST_RETRY_S = 600.0
STALE_S = 3 * EVERY_S  # older answers say nothing about now


class QueueWatch:
    """`run` it as a task. `address` is HOST:PORT of the manager interface; "": nobody is asked. `busy()`: whether there
    are calls."""

    def __init__(self, address: str, busy: Callable[[], bool], clock: Clock) -> None:
        self._address, self._busy, self._clock = address, busy, clock
        self._told: Mapping[str, Mapping[str, str]] = {}
        self._at = 0.0
        self._failing = self._answered = False

    def now(self, queue: str) -> Mapping[str, str]:
        """The names of a flow for this queue, see pbx/availability.py; none if nothing was heard of it lately."""
        fresh = self._told and self._clock.monotonic() - self._at < STALE_S
        return self._told.get(queue, {}) if fresh else {}

    async def run(self) -> None:
        """Ask again and again, if there is an address."""
        pause_s = RETRY_S
        while self._address:
            self._answered = False
            try:
                asterisk = await manager(*parse_address(self._address))
                try:
                    await self._watch(asterisk)
                finally:
                    await asterisk.close()
            except PbxError as error:
                if not self._failing:
                    log.warning("queues: %s; flows know what was so when their call began", error)
                self._failing = True
            pause_s = RETRY_S if self._answered else pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)

    async def _watch(self, asterisk: Manager) -> None:
        while True:
            if self._busy():
                events = await asterisk.queues()
                self._told = {event.get("Queue", ""): availability.of_summary(event) for event in events}
                self._at = self._clock.monotonic()
                if self._failing:
                    log.info("queues: %s answers again", self._address)
                self._failing, self._answered = False, True
            await asyncio.sleep(EVERY_S)
