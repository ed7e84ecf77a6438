"""Waiting for something to happen in real time, however slow the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LIMIT_S = 15.0


async def until(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Return once `condition()` is true. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - what it looks at has no event
            await asyncio.sleep(0.01)
