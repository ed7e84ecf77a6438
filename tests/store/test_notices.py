"""Whoever shows the log learns at once that it has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bargein.store import Reader, Store


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_reader_is_told_of_every_change(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path}/a.db" if database == "sqlite" else request.getfixturevalue("cluster").fresh()
    clock = asyncio.get_running_loop().time
    store = await Store.open(url)
    async with await Reader.open(url) as log, log.notices() as notices:
        await notices.wait(0.2)
        for call in range(3):
            waiting = asyncio.create_task(notices.wait(60))
            await asyncio.sleep(0.3)
            assert not waiting.done()  # nothing has changed
            began = clock()
            store.call_started(f"c{call}")
            assert await store.flush()
            await asyncio.wait_for(waiting, 30)
            assert clock() - began < 30
            assert await log.has_call(f"c{call}")
            await notices.wait(0.5)  # of what the store did beside
    await store.close()


async def test_a_database_that_fails_for_a_while_is_asked_again(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    async with store.notices() as notices:
        await notices.wait(0.2)
        assert notices._reader is not None
        notices._reader.connection.driver_connection.close()  # type: ignore[union-attr]
        await asyncio.wait_for(notices.wait(0.2), 30)
        waiting = asyncio.create_task(notices.wait(60))
        await asyncio.sleep(0.3)
        store.call_started("c")
        assert await store.flush()
        await asyncio.wait_for(waiting, 30)
    await store.close()


async def test_without_notices_it_is_asked_now_and_then(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    async with store.notices() as notices:
        await asyncio.wait_for(notices.wait(0.2), 30)
    await store.close()
