"""Figures of days that are over: the same as a count of the calls, whatever changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bargein.core.turns.records import Turn, Waits
from bargein.store import CallFilter, Reader, Stats, Store
from bargein.store.privacy import REDACTED
from tests.store.days import completed
from tests.store.victim import cut

BEGAN = datetime(2026, 3, 1, 22, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    in_file = f"sqlite:///{tmp_path}/calls.db"
    opened = await Store.open(in_file if request.param == "sqlite" else request.getfixturevalue("cluster").fresh())
    for number in range(60):
        add(opened, number)
    assert await opened.flush(timeout_s=20)
    yield opened
    await opened.close()


def add(store: Store, number: int) -> None:
    """A call each two hours; every third is interrupted, every ninth by a cough."""
    call = f"c{number}"
    at = BEGAN + timedelta(hours=2 * number)
    store.call_started(call, queue="sales" if number % 2 else "", dialogue=f"f{number % 3}", started_at=at)
    if number % 3 == 0:
        row = replace(cut(number, call), kind="noise" if number % 9 == 0 else "correct", step=f"s{number % 4}")
        store.interruption(replace(row, stop_latency_ms=20 * number, detect_latency_ms=7 * number))
    waits = Waits(500 + 10 * number, None, number, 30, 600 + 11 * number if number % 2 else None)
    store.turn(call, Turn(0, "agent", 0, 900, "yes", "yes", waits=waits))
    store.call_ended(call, outcome="queue", duration_ms=1000 * number, ended_at=at)


WHICH = (
    CallFilter(),
    CallFilter(since=BEGAN + timedelta(days=1, hours=3)),
    CallFilter(until=BEGAN + timedelta(days=2)),
    CallFilter(since=BEGAN + timedelta(hours=30), until=BEGAN + timedelta(hours=31)),
    CallFilter(since=datetime(2026, 3, 3, tzinfo=UTC), until=datetime(2026, 3, 4, tzinfo=UTC)),
    CallFilter(queue=""),
    CallFilter(queue="sales", flow="f1"),
    CallFilter(queue="sales", interrupted=True),
)


async def figures(store: Store) -> list[Stats]:
    return [await store.stats(which) for which in WHICH]


async def kept_days(store: Store) -> list[str]:
    query = text("SELECT DISTINCT day FROM day_figures ORDER BY day")
    return await store._database.ask(lambda connection: [row.day for row in connection.execute(query)])


async def test_they_are_the_same_as_a_count(store: Store) -> None:
    counted = await figures(store)
    assert (counted[0].calls, counted[0].calls_interrupted, counted[0].duration_ms) == (60, 13, 1_770_000)
    waits = ("endpoint_ms", "planning_ms", "synthesis_ms", "wait_ms")
    assert [(wait.name, wait.count) for wait in counted[0].waits] == [(name, 30) for name in waits]
    await completed(store)  # the store itself may have made some
    assert await kept_days(store) == [f"2026-03-0{day}" for day in range(1, 7)]
    assert await figures(store) == counted
    assert await completed(store) == 0


async def test_a_change_of_a_day_is_seen_at_once(store: Store) -> None:
    await completed(store)
    before = await store.stats()
    store.interruption(replace(cut(99, "c1"), kind="stop"))
    add(store, 7)
    assert await store.flush()
    assert len(await kept_days(store)) == 5
    after = await store.stats()
    assert (after.calls, after.calls_interrupted) == (before.calls, before.calls_interrupted + 1)
    await completed(store)
    assert await store.stats() == after


async def test_a_day_that_is_not_over_has_none(store: Store) -> None:
    await completed(store)
    store.call_started("now")
    assert await store.flush()
    assert await completed(store) == 0
    assert (await store.stats()).calls == 61


async def test_hours_steps_and_words(store: Store) -> None:
    stats = await store.stats(CallFilter(until=BEGAN + timedelta(hours=12)))
    assert list(stats.hours) == ["2026-03-01T22", *(f"2026-03-02T{hour:02}" for hour in range(0, 10, 2))]
    assert (stats.hours["2026-03-02T04"].calls, stats.hours["2026-03-02T04"].interrupted) == (1, 1)
    assert [(step.name, step.count) for step in stats.by_step] == [("s3", 1)]
    assert [(word.step, word.word, word.count) for word in stats.words] == [("s3", "b", 1)]
    assert stats.stop_histogram == {60: 1}
    assert [(queue.name, queue.count) for queue in stats.by_queue] == [("sales", 1)]
    assert [(flow.name, flow.count) for flow in stats.by_flow] == [("f0", 1)]


async def test_a_reader_needs_no_right_to_write(store: Store) -> None:
    async with await Reader.open(store._url) as log:
        assert (await log.stats()).calls == 60


async def test_what_is_said_before_the_agent_asks_again(store: Store) -> None:
    store.call_started("asked", started_at=BEGAN)
    said = [("agent", "Which mug?", "offer"), ("caller", "The blew one.", ""), ("agent", "Which one?", "offer"),
            ("caller", "blue", ""), ("agent", "Is that right?", "confirm"), ("caller", "yes", "")]  # fmt: skip
    for seq, (speaker, words, step) in enumerate(said):
        store.turn("asked", Turn(seq, speaker, 1000 * seq, 1000 * seq + 900, words, words, step=step))
    store.call_ended("asked", outcome="hangup", duration_ms=6000, ended_at=BEGAN)
    assert await store.flush()
    for _ in range(2):  # counted, and from the figures of the day
        assert (await store.stats()).misunderstood == {"the blew one": 1}
        await completed(store)
    store.shows = REDACTED
    assert (await store.stats()).misunderstood == {}


async def test_the_newest_calls_are_counted_where_no_day_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """13 calls are interrupted, the last are c48, c51 and c57."""
    monkeypatch.setattr("bargein.store.daily.PATIENCE_S", 60.0)  # however busy this machine is
    interrupted = CallFilter(interrupted=True)
    everything = await store.stats(interrupted)
    assert (everything.calls, everything.counted_since) == (13, "")
    assert await store.stats(interrupted, most=13) == everything
    newest = await store.stats(interrupted, most=3)
    assert (newest.calls, newest.resolutions.get("replanned")) == (3, 3)
    assert newest.counted_since == "2026-03-05T22:00:00.000Z"  # of c48
    assert (await store.stats(CallFilter(until=BEGAN + timedelta(days=4)), most=3)).calls == 48
    monkeypatch.setattr("bargein.store.daily.NAMED", 5)
    assert await store.stats(interrupted) == everything
    monkeypatch.setattr("bargein.store.daily.COUNTED_FIRST", 2)
    assert await store.stats(interrupted, most=13) == everything
    monkeypatch.setattr("bargein.store.daily.PATIENCE_S", 0.0)  # a slow disk
    newest = await store.stats(interrupted, most=13)
    assert (newest.calls, newest.counted_since) == (2, "2026-03-06T04:00:00.000Z")  # of c51


async def test_words_are_counted_only_in_the_calls_of_the_period(store: Store) -> None:
    since = BEGAN + timedelta(hours=2 * 40)
    for most in (None, 100):
        assert (await store.stats(CallFilter(since=since, text="yes"), most=most)).calls == 20
    assert (await store.stats(CallFilter(text="yes"), most=7)).calls == 7
    assert await store.count_calls(CallFilter(since=since, text="yes")) == 20
    assert await store.count_calls(CallFilter(since=since + timedelta(days=9), text="yes")) == 0
