"""Tells the store every second what goes on in the calls, for the live page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ..core.turns.records import CallNow

EVERY_S = 1.0
AT_ONCE = 20  # calls that are measured before the audio has its turn


class ShownCall(Protocol):
    """A call in progress."""

    @property
    def id(self) -> str: ...

    @property
    def now(self) -> CallNow: ...


async def show_calls(
    calls: Callable[[], Iterable[ShownCall]], show: Callable[[Mapping[str, CallNow]], object], every_s: float = EVERY_S
) -> None:
    """Give `show` the state of all calls every second while there are any, and once when there are none."""
    last = True  # also at the start: what a server that was killed has shown goes
    while True:
        found: dict[str, CallNow] = {}
        for number, call in enumerate(list(calls()), 1):
            found[call.id] = call.now
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if found or last:
            show(found)
        last = bool(found)
        await asyncio.sleep(every_s)
