"""The only place that reads the time. Everything else is given a Clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


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
        await asyncio.sleep(max(0.0, deadline - time.monotonic()))


def cpu_times() -> tuple[float, float]:
    """CPU time of this thread and of this process so far, in s."""
    return time.thread_time(), time.process_time()
