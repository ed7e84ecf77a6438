"""The machine's clock."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest

from bargein.clock import SystemClock


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_a_sleep_ends_at_its_deadline_and_not_at_the_next_millisecond() -> None:
    clock, late = SystemClock(), []
    for at in range(40):
        deadline = clock.monotonic() + 0.0021 + at * 0.00007
        await clock.sleep_until(deadline)
        late.append(clock.monotonic() - deadline)
    assert min(late) >= 0
    assert statistics.median(late) < 0.0003


async def test_a_deadline_that_is_over_lets_others_run() -> None:
    clock, ran = SystemClock(), asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    began = time.monotonic()
    await clock.sleep_until(clock.monotonic() - 5)
    assert ran.is_set()
    assert time.monotonic() - began < 0.5
