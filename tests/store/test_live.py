"""What goes on in calls at the moment: shown while they last, and nowhere afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bargein.clock import SystemClock
from bargein.core.turns.records import CallNow
from bargein.server.showing import show_calls
from bargein.store import Privacy, Reader, Store, forget
from bargein.store.privacy import REDACTED
from tests.waiting import LIMIT_S

NOW = {"a": CallNow(-23, -120, "I would like"), "b": CallNow(-70, -19, "", "The red mug")}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    in_file = f"sqlite:///{tmp_path}/calls.db"
    return in_file if request.param == "sqlite" else str(request.getfixturevalue("cluster").fresh())


@pytest.fixture
async def log(url: str) -> AsyncIterator[Reader]:
    await (await Store.open(url)).close()
    async with await Reader.open(url) as opened:
        yield opened


async def shown(log: Reader, later_s: float = 0) -> Mapping[str, CallNow]:
    return await log.live(SystemClock().utc() + timedelta(seconds=later_s))


async def reaches(log: Reader, expected: Mapping[str, CallNow]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await shown(log) != expected:  # noqa: ASYNC110 - a database has no event
            await asyncio.sleep(0.01)


async def rows(log: Reader) -> int:
    count = text("SELECT count(*) FROM live")
    return await log._database.ask(lambda connection: int(connection.execute(count).scalar_one()))


async def test_calls_are_shown_while_they_last(url: str, log: Reader) -> None:
    first, second = await Store.open(url), await Store.open(url)  # two servers
    first.show({"a": NOW["a"]})
    second.show({"b": NOW["b"]})
    await reaches(log, NOW)
    assert await shown(log, later_s=60) == {}  # of servers that have ended without a word
    log.shows = REDACTED
    assert await shown(log) == {"a": CallNow(-23, -120), "b": CallNow(-70, -19)}
    log.shows = type(log).shows
    first.show({})
    await reaches(log, {"b": NOW["b"]})
    second.show(NOW)
    await second.close()
    assert await rows(log) == 0
    await first.close()


async def test_words_are_not_written_where_privacy_forbids_it_and_forget_forgets_them(url: str, log: Reader) -> None:
    store = await Store.open(url, privacy=Privacy(words=False))
    store.show(NOW)
    await reaches(log, {"a": CallNow(-23, -120), "b": CallNow(-70, -19)})
    await forget(url, "+49", lambda recording: True)
    assert await rows(log) == 0
    await store.close()


async def test_the_server_tells_what_goes_on_until_there_are_no_calls() -> None:
    class Call:
        id, now = "a", NOW["a"]

    calls, told = [Call()], list[Mapping[str, CallNow]]()
    ended = asyncio.Event()

    def tell(now: Mapping[str, CallNow]) -> None:
        told.append(now)
        if len(told) == 3:
            calls.clear()
        if not now:
            ended.set()

    task = asyncio.create_task(show_calls(lambda: calls, tell, every_s=0))
    await asyncio.wait_for(ended.wait(), LIMIT_S)
    await asyncio.sleep(0.01)
    assert told[-1] == {}
    assert told[:-1] == [{"a": NOW["a"]}] * (len(told) - 1)
    task.cancel()
