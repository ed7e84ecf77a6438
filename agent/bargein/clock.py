"""The only place that reads the time. Everything else is given a Clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

LOOP_TICK_S = 0.001  # asyncio rounds a timeout up to the next millisecond, for epoll


class Clock(Protocol):
    """Monotonic seconds for pacing, UTC for the log, and a sleep to an absolute monotonic deadline."""

    def monotonic(self) -> float: ...

    def utc(self) -> datetime: ...

    async def sleep_until(self, deadline: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, deadline: float) -> None:
        """To a tenth of a millisecond: the last one, for which the event loop is too coarse, blocks it."""
        await asyncio.sleep(max(0.0, deadline - LOOP_TICK_S - time.monotonic()))
        time.sleep(min(LOOP_TICK_S, max(0.0, deadline - time.monotonic())))  # noqa: ASYNC251 - on purpose


def cpu_times() -> tuple[float, float]:
    """CPU time of this thread and of this process so far, in s."""
    return time.thread_time(), time.process_time()
