"""The log: what is put comes back, is soon on disk, and survives a database that fails."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from bargein.clock import SystemClock
from bargein.core.audio.utterance import Word
from bargein.core.turns.records import WAITS, Interruption, Turn
from bargein.errors import UserError
from bargein.store import CallFilter, Reader, Store, prune, vacuum
from bargein.store.connect import connect, shown
from bargein.store.migrations import MIGRATIONS, migrate
from bargein.store.schema import metadata
from bargein.store.stats import quantile

VERSIONS = list(range(1, len(MIGRATIONS) + 1))

CUT = Interruption(
    id="i1", call_id="c1", turn_seq=0, step="list", onset_ms=4100, paused_ms=4180, decided_ms=4500, silent_ms=4220,
    detect_latency_ms=80, stop_latency_ms=120, agent_text="We have the red mug and the green mug.",
    heard_text="We have the red mug and", unheard_text="the green mug.", cut_word="the", played_ms=4200,
    caller_text="", kind="", resolution="",
)  # fmt: skip
TURN = Turn(
    0, "agent", 0, 4220, "We have the red mug and the green mug.", "We have the red mug and", "the green mug.",
    "list", "the", 60, None, (Word("We", 0, 800), Word("have", 800, 1600)),
)  # fmt: skip


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/calls.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()


def rows(url: str, table: str) -> list[sqlite3.Row]:
    """What another program sees in the file."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(f"SELECT * FROM {table}").fetchall()


async def test_a_call_comes_back_as_it_was(store: Store) -> None:
    began = datetime(2026, 3, 1, 9, 30, 0, 125_000, UTC)
    store.call_started(
        "c1", caller="+4930123", caller_name="Bob", called="700", dialogue="shop", queue="support", started_at=began
    )
    store.turn("c1", TURN)
    store.turn("c1", Turn(1, "caller", 4100, 5000, "the blue one", "the blue one", confidence=0.9))
    store.interruption(CUT)
    store.interruption(replace(CUT, caller_text="the blue one", kind="correct", resolution="replanned"))
    store.call_ended("c1", outcome="queue", duration_ms=9000, summary="blue mug")
    assert await store.flush()
    call = await store.call("c1")
    assert (call.started_at, call.caller, call.queue, call.outcome) == (began, "+4930123", "support", "queue")
    assert (call.turns, call.interruptions, call.duration_ms) == (2, 1, 9000)
    assert call.ended_at is not None
    assert (await store.turns("c1"))[0].turn == TURN
    [cut] = await store.interruptions()
    assert cut.interruption == replace(CUT, caller_text="the blue one", kind="correct", resolution="replanned")
    assert cut.at == began + timedelta(milliseconds=4100)
    assert cut.queue == "support"


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_an_interruption_is_on_disk_within_a_second(store: Store, url: str) -> None:
    store.interruption(CUT)
    started = time.monotonic()
    while not rows(url, "interruptions"):
        assert time.monotonic() - started < 1.0
        await asyncio.sleep(0.01)


async def test_the_columns_of_interruptions_and_turns_are_the_fields_of_their_classes(store: Store, url: str) -> None:
    store.interruption(CUT)
    store.turn("c1", TURN)
    await store.flush()
    assert set(rows(url, "interruptions")[0].keys()) == {f.name for f in fields(Interruption)} | {"at", "logged_at"}
    assert set(rows(url, "turns")[0].keys()) == {f.name for f in fields(Turn)} - {"waits"} | {
        *WAITS,
        "call_id",
        "logged_at",
    }


async def test_migrations_make_the_tables_that_queries_expect(store: Store, url: str) -> None:
    engine = connect(url)
    async with engine.connect() as connection:
        made = await connection.run_sync(
            lambda sync: {
                table: {(c["name"], c["nullable"]) for c in inspect(sync).get_columns(table)}
                for table in inspect(sync).get_table_names()
            }
        )
    await engine.dispose()
    expected = {name: {(c.name, bool(c.nullable)) for c in t.columns} for name, t in metadata.tables.items()}
    search = {table for table in made if table.startswith("said")}
    assert {table: columns for table, columns in made.items() if table not in search} == expected
    assert search


async def test_a_migration_that_fails_leaves_nothing_behind(store: Store, url: str) -> None:
    engine = connect(url)
    broken = [*MIGRATIONS, ("CREATE TABLE half (id TEXT)", "ALTER TABLE nowhere ADD COLUMN x TEXT")]
    with pytest.raises(UserError, match=rf"calls\.db: cannot be brought to schema {len(broken)}: .*nowhere"):
        await migrate(engine, shown(url), "now", broken)
    await engine.dispose()
    with pytest.raises(sqlite3.OperationalError, match="no such table: half"):
        rows(url, "half")
    assert [row["version"] for row in rows(url, "schema_version")] == VERSIONS


async def test_two_processes_may_make_the_database_at_once(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(5)))
    assert [row["version"] for row in rows(url, "schema_version")] == VERSIONS
    for number, opened in enumerate(stores):
        opened.interruption(replace(CUT, id=f"i{number}"))
    await asyncio.gather(*(opened.close() for opened in stores))
    assert len(rows(url, "interruptions")) == 5


async def test_a_newer_schema_is_refused(store: Store, url: str) -> None:
    await store.close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'x')")
    for kind in (Store, Reader):
        with pytest.raises(UserError, match=r"calls\.db: made by a newer bargein \(schema 99.*upgrade bargein"):
            await kind.open(url)


@pytest.mark.parametrize("kind", [Store, Reader])
async def test_what_is_no_database_is_refused_and_untouched(tmp_path: Path, kind: type[Reader]) -> None:
    letter = tmp_path / "letter.db"
    letter.write_bytes(b"Dear Sir or Madam, " * 300)
    with pytest.raises(UserError, match=r"letter\.db: this file is not a database: "):
        await kind.open(f"sqlite:///{letter}")
    assert letter.read_bytes() == b"Dear Sir or Madam, " * 300
    assert os.listdir(tmp_path) == ["letter.db"]


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cdr.db") as connection:
        connection.execute("CREATE TABLE calls (number TEXT)")
    with pytest.raises(UserError, match="tables of another program"):
        await Store.open(f"sqlite:///{tmp_path}/cdr.db")


async def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no/such/x\.db: the database cannot be created: No such file"):
        await Store.open(f"sqlite:///{tmp_path}/no/such/x.db")
    with pytest.raises(UserError, match=r"x\.db: no database yet"):
        await Reader.open(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(UserError, match=r"postgresql://bob:\*\*\*@127\.0\.0\.1:1/x: the database does not answer"):
        await Reader.open("postgresql://bob:secret@127.0.0.1:1/x")


async def test_only_its_owner_and_group_may_read_the_file(store: Store, url: str) -> None:
    mode = os.stat(url.removeprefix("sqlite:///")).st_mode
    assert stat.S_IMODE(mode) & 0o007 == 0


async def test_a_locked_database_holds_up_nobody_and_loses_nothing(
    store: Store, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    longest = 0.0
    for number in range(200):
        before = time.thread_time()
        store.turn("c1", replace(TURN, seq=number))
        store.interruption(replace(CUT, id=f"i{number}"))
        longest = max(longest, time.thread_time() - before)
        await asyncio.sleep(0)
    assert longest < 0.005  # the time of this thread: a quarter of a frame
    assert not await store.flush(timeout_s=0.1)
    assert store.backlog >= 400
    other.execute("COMMIT")
    assert await store.flush(timeout_s=10)
    assert store.dropped == 0
    assert len(rows(url, "interruptions")) == len(rows(url, "turns")) == 200


@pytest.fixture
def room() -> Iterator[None]:
    """The size of files is limited by the test, and no longer afterwards."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_loses_nothing_of_a_call_in_progress(
    store: Store, url: str, room: None, caplog: pytest.LogCaptureFixture
) -> None:
    store.interruption(CUT)
    await store.flush()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(url.removeprefix("sqlite:///")).st_size, hard))
    for number in range(100):
        store.interruption(replace(CUT, id=f"later{number}", agent_text="x" * 2000, caller_text="my number is 42"))
    assert not await store.flush(timeout_s=1.5)
    assert store.failing
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await store.flush(timeout_s=10)
    assert len(rows(url, "interruptions")) == 101
    failures = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(failures) == 1, failures
    assert "cannot write" in failures[0]
    assert "my number" not in caplog.text


async def test_the_backlog_is_bounded_and_drops_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"sqlite:///{tmp_path}/small.db"
    store = await Store.open(url, queue=10)
    for number in range(25):  # the writer has no turn between these
        store.turn("c1", replace(TURN, seq=number))
    store.turn("c1", replace(TURN, seq=3, heard_text="grown"))  # a row that waits may still change
    assert store.dropped == 15
    assert await store.flush()
    await store.close()
    assert [row["seq"] for row in rows(url, "turns")] == list(range(10))
    assert rows(url, "turns")[3]["heard_text"] == "grown"
    assert sum("dropped" in record.getMessage() for record in caplog.records) == 1


async def test_close_writes_what_waits(url: str) -> None:
    store = await Store.open(url)
    store.interruption(CUT)
    await store.close()
    assert len(rows(url, "interruptions")) == 1


@given(text=st.text(alphabet=st.characters(), max_size=40))
@settings(max_examples=30, deadline=None)
def test_no_text_from_the_network_can_stop_the_writer(text: str) -> None:
    import tempfile

    async def run(directory: str) -> None:
        store = await Store.open(f"sqlite:///{directory}/x.db")
        store.call_started("c1", caller=text, caller_name=f"{text}\ud800\0")
        store.interruption(CUT)
        assert await store.flush(timeout_s=2)
        assert (await store.call("c1")).caller == text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        assert store.dropped == 0
        await store.close()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(directory))


async def test_a_row_that_the_database_refuses_is_dropped_alone(
    store: Store, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.interruption(replace(CUT, id="huge", onset_ms=2**70))
    store.interruption(CUT)
    assert await store.flush()
    assert [row["id"] for row in rows(url, "interruptions")] == ["i1"]
    assert store.dropped == 1
    assert "refused (OverflowError)" in caplog.text


async def filled(store: Store) -> datetime:
    """Four calls, an hour apart, ids a0.. a1.. b2.. b3..; their interruptions get slower."""
    began = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)
    for number, (call_id, kind) in enumerate(
        [("a0-1", "correct"), ("a1-1", "correct"), ("b2-1", "noise"), ("b3-1", "stop")]
    ):
        at = began + timedelta(hours=number)
        store.call_started(call_id, queue="sales" if number % 2 else "support", started_at=at)
        cut = replace(CUT, id=f"i{number}", call_id=call_id, kind=kind, resolution="replanned")
        store.interruption(replace(cut, stop_latency_ms=100 * (number + 1)))
        if number < 3:
            store.call_ended(call_id, outcome="queue" if number else "hangup", duration_ms=1000, ended_at=at)
    await store.flush()
    return began


async def test_each_filter_chooses_calls_and_interruptions(store: Store) -> None:
    began = await filled(store)
    assert [call.id for call in await store.calls()] == ["b3-1", "b2-1", "a1-1", "a0-1"]
    assert [call.id for call in await store.calls(limit=1)] == ["b3-1"]
    assert [call.id for call in await store.calls(CallFilter(queue="sales"))] == ["b3-1", "a1-1"]
    assert [call.id for call in await store.calls(CallFilter(outcome="hangup"))] == ["a0-1"]
    later = CallFilter(since=began + timedelta(hours=1), until=began + timedelta(hours=3))
    assert [call.id for call in await store.calls(later)] == ["b2-1", "a1-1"]
    assert [cut.interruption.id for cut in await store.interruptions(later)] == ["i2", "i1"]
    assert [cut.interruption.id for cut in await store.interruptions(kind="correct")] == ["i1", "i0"]
    assert [cut.interruption.id for cut in await store.interruptions(slow_ms=300)] == ["i3", "i2"]
    assert [cut.interruption.id for cut in await store.interruptions(call_id="a0-1")] == ["i0"]
    assert [call.interruptions for call in await store.calls()] == [1, 0, 1, 1]  # noise is none


async def test_a_call_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    await filled(store)
    assert (await store.call("a0")).id == "a0-1"
    assert (await store.call("A0-1")).id == "a0-1"
    assert (await store.call("last")).id == "b3-1"
    with pytest.raises(UserError, match="more than one call's id: a0-1, a1-1"):
        await store.call("a")
    for nothing in ("zz", "%", "_", "' OR 1=1 --"):
        with pytest.raises(UserError, match="no call"):
            await store.call(nothing)


async def test_an_id_is_logged_from_the_moment_its_call_began(store: Store, url: str) -> None:
    assert not await store.is_logged("c1")
    store.call_started("c1")
    assert await store.is_logged("c1")
    await store.flush()
    assert await store.is_logged("c1")
    assert not await store.is_logged("c")
    async with await Reader.open(url) as reader:
        assert await reader.has_call("c1")


async def test_the_statistics_count_outcomes_kinds_days_and_times(store: Store) -> None:
    await filled(store)
    stats = await store.stats()
    assert (stats.calls, stats.calls_interrupted, stats.duration_ms) == (4, 3, 3000)
    assert stats.outcomes == {"queue": 2, "hangup": 1, "in progress": 1}
    assert [(kind.name, kind.count) for kind in stats.by_kind] == [("correct", 2), ("noise", 1), ("stop", 1)]
    assert stats.total is not None
    assert (stats.total.count, stats.total.stop_median_ms, stats.total.stop_worst_ms) == (3, 200, 400)
    assert [(day.name, day.count) for day in stats.by_day] == [("2026-03-02", 1), ("2026-03-01", 2)]


def test_quantile_is_the_nearest_rank() -> None:
    ten = [(value, 1) for value in range(1, 11)]
    assert [quantile(ten, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 5, 10, 10]
    assert quantile([(7, 1)], 0.5) == 7
    assert [quantile([(1, 90), (2, 10)], share) for share in (0.5, 0.9, 0.91)] == [1, 1, 2]


async def test_an_empty_log(store: Store) -> None:
    assert await store.calls() == []
    assert await store.last_logged() is None
    assert (await store.stats()).total is None
    with pytest.raises(UserError, match="no calls yet"):
        await store.call("last")


async def test_a_reader_changes_nothing_and_sees_what_is_being_written(store: Store, url: str) -> None:
    async with await Reader.open(url) as log:
        store.interruption(CUT)
        await store.flush()
        assert [cut.interruption for cut in await log.interruptions()] == [CUT]
        newest = await log.last_logged()
        assert newest is not None
        turns, cuts = await log.logged_since(newest)
        assert (turns, len(cuts)) == ([], 1)


async def test_prune_deletes_old_calls_with_all_that_is_of_them(store: Store, url: str) -> None:
    began = await filled(store)
    store.turn("a0-1", TURN)
    store.call_started("a1-1", recording="a1.wav", started_at=began + timedelta(hours=1))
    store.call_ended("a1-1", outcome="queue", duration_ms=1)
    await store.flush()
    before = began + timedelta(hours=2)
    planned = await prune(url, before, dry_run=True)
    assert (planned.calls, planned.turns, planned.interruptions, planned.recordings) == (2, 1, 2, ("a1.wav",))
    assert len(rows(url, "calls")) == 4
    assert (await prune(url, before, dry_run=True, keep=["a1.wav"])).calls == 1
    assert await prune(url, before) == planned
    assert [row["id"] for row in rows(url, "calls")] == ["b2-1", "b3-1"]
    assert [row["id"] for row in rows(url, "interruptions")] == ["i2", "i3"]
    assert rows(url, "turns") == []
    await vacuum(url)


async def test_prune_leaves_a_call_in_progress(store: Store, url: str) -> None:
    now = SystemClock().utc()
    store.call_started("a1-1")
    store.call_started("killed", started_at=now - timedelta(days=2))
    await store.flush()
    assert (await prune(url, now + timedelta(minutes=1))).calls == 1
    assert [row["id"] for row in rows(url, "calls")] == ["a1-1"]
