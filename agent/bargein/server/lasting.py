"""Work that goes on beside the calls for as long as the server lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .logs import described

log = logging.getLogger(__name__)

AGAIN_S = 10.0


async def lasting(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do the work until it returns. If it fails, say so and begin again: nobody waits for it who would notice."""
    while True:
        try:
            await work()
            return
        except Exception as error:
            log.error("%s: %s; it begins again", name, described(error))
        await asyncio.sleep(AGAIN_S)
