"""A process that logs calls until somebody kills it. Usage: victim.py URL SPOOL [COUNT]

It prints `begun`, then the id of each interruption once it was put. With COUNT it puts so many and waits.
"""

from __future__ import annotations

import asyncio
import sys

from bargein.core.turns.records import Interruption, Turn
from bargein.store import Store

EVERY_S = 0.02


def cut(number: int, call_id: str) -> Interruption:
    return Interruption(
        f"{call_id}-{number}", call_id, 0, "offer", 1000 * number, 0, None, 1000 * number + 90, 60, 90, "a b", "a", "b",
        "b", 0, "no", "correct", "replanned",
    )  # fmt: skip


async def main(url: str, spool: str, count: int) -> None:
    store = await Store.open(url, spool=spool)
    store.call_started("c1", server="north")
    store.turn("c1", Turn(0, "agent", 0, 2500, "a b", "a", "b", step="offer"))
    print("begun", flush=True)
    for number in range(count):
        store.interruption(cut(number, "c1"))
        print(f"c1-{number}", flush=True)
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["1000000"])[0])))
