"""Deleting calls: by age and by caller, with all that belongs to them, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bargein.clock import SystemClock
from bargein.core.turns.records import ANNOUNCEMENT, Turn
from bargein.errors import UserError
from bargein.store import CallFilter, Kept, Privacy, Store, forget, prune, withhold
from bargein.store.connect import connect_in_thread
from bargein.store.erase import FIRST, TARGET_S, next_size
from bargein.store.said import merge
from tests.store.days import completed
from tests.store.victim import cut

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    in_file = f"sqlite:///{tmp_path}/calls.db"
    opened = await Store.open(in_file if request.param == "sqlite" else request.getfixturevalue("cluster").fresh())
    yield opened
    await opened.close()


def call(store: Store, name: str, caller: str, *, server: str = "", recording: str = "", day: int = 0) -> None:
    at = BEGAN + timedelta(days=day)
    store.call_started(name, caller=caller, caller_name="Bob", server=server, recording=recording, started_at=at)
    store.turn(name, Turn(0, "agent", 0, 900, "Which mug?", "Which mug?", step="offer"))
    store.turn(name, Turn(1, "caller", 900, 1900, f"secret {name}", f"secret {name}"))
    store.interruption(cut(1, name))
    store.call_ended(name, outcome="queue", duration_ms=2000, summary="blue mug", slots={"name": "Bob"}, ended_at=at)


async def left(store: Store) -> list[str]:
    return [call.id for call in await store.calls(descending=False)]


async def everything(store: Store) -> str:
    """Every value in every table, the search index included."""
    tables = ["calls", "turns", "interruptions", "day_figures", "said"]
    queries = [text(f"SELECT * FROM {table}") for table in tables]
    return await store._database.ask(lambda connection: str([connection.execute(query).all() for query in queries]))


async def test_prune_deletes_from_every_table(store: Store) -> None:
    for number in range(3):
        call(store, f"call{number}", "+491", day=number)
    assert await store.flush()
    await completed(store)
    assert (await prune(store._url, BEGAN + timedelta(days=2))).calls == 2
    assert await left(store) == ["call2"]
    found = await everything(store)
    assert "call2" in found
    assert "call0" not in found
    assert (await store.stats()).calls == 1
    assert await store.count_calls(CallFilter(text="secret")) == 1


async def test_prune_leaves_recordings_of_other_servers_to_them(store: Store) -> None:
    call(store, "mine", "+491", server="north", recording="/r/mine.wav")
    call(store, "theirs", "+491", server="south", recording="/r/theirs.wav")
    call(store, "unrecorded", "+491", server="south")
    call(store, "old", "+491", recording="/r/old.wav")
    assert await store.flush()
    for dry_run in (True, False):
        pruned = await prune(store._url, BEGAN + timedelta(days=1), dry_run=dry_run, server="north")
        assert (pruned.calls, pruned.turns, pruned.interruptions, pruned.elsewhere) == (3, 6, 3, 1)
        assert sorted(pruned.recordings) == ["/r/mine.wav", "/r/old.wav"]
    assert await left(store) == ["theirs"]
    assert (await prune(store._url, BEGAN + timedelta(days=1), server="south")).calls == 1


async def test_what_prune_would_delete_is_what_it_deletes(store: Store) -> None:
    """Interruptions are counted by their own time: one comes after the limit, and one call before it stays."""
    before, now = BEGAN + timedelta(days=1), SystemClock().utc()
    call(store, "old", "+491")
    call(store, "theirs", "+491", server="south", recording="/r/theirs.wav")
    store.call_started("late", started_at=before - timedelta(milliseconds=900))
    store.interruption(cut(1, "late"))
    store.call_ended("late", outcome="queue", duration_ms=2000)
    store.call_started("now", started_at=now - timedelta(minutes=1))
    store.interruption(cut(1, "now"))
    assert await store.flush()
    for limit, expected in ((before, (2, 2)), (now, (2, 2))):
        planned = await prune(store._url, limit, dry_run=True, server="north")
        assert (planned.calls, planned.interruptions) == expected, limit
    done = await prune(store._url, before, server="north")
    assert (done.calls, done.interruptions) == (2, 2)


def test_a_transaction_deletes_as_much_as_fits_into_its_time() -> None:
    """A disk on which a call takes 0.5 ms, then ten times as long, then as before."""
    size, longest_s = FIRST, 0.0
    for call_s, most_s in ((0.0005, TARGET_S), (0.005, 10 * TARGET_S), (0.005, TARGET_S), (0.0005, TARGET_S)):
        for number in range(20):
            took_s = size * call_s
            longest_s = took_s if number == 0 else max(longest_s, took_s)
            size = next_size(size, took_s)
            if most_s > TARGET_S:  # one transaction was too long, the next is not
                break
        assert longest_s <= most_s, call_s
        assert size == round(TARGET_S / call_s)
    assert next_size(1, 1.0) == FIRST
    assert next_size(4, 0.0) == 6
    assert next_size(200, 0.0001) == 200


async def test_prune_deletes_what_has_no_call(store: Store) -> None:
    store.turn("lost", Turn(0, "agent", 0, 900, "Which mug?", "Which mug?"))
    store.interruption(cut(1, "lost"))
    assert await store.flush()
    later = SystemClock().utc() + timedelta(minutes=1)
    pruned = await prune(store._url, later)
    assert (pruned.calls, pruned.turns, pruned.interruptions) == (0, 1, 1)
    assert "lost" not in await everything(store)


async def test_a_caller_is_forgotten_everywhere(store: Store) -> None:
    call(store, "a", "+491", recording="/r/a.wav", server="north")
    call(store, "b", "+492", recording="/r/b.wav", server="north")
    call(store, "c", "+491", recording="/r/c.wav", server="south")
    call(store, "d", "+491", recording="/r/d.wav", server="north", day=3)
    assert await store.flush()
    files = {"/r/a.wav", "/r/b.wav", "/r/d.wav"}

    def delete(path: str) -> bool:
        if path == "/r/d.wav" and len(files) == 3:
            files.discard("/r/a.wav")
            raise KeyboardInterrupt  # killed half-way
        files.discard(path)
        return True

    with pytest.raises(KeyboardInterrupt):
        await forget(store._url, "+491", lambda path: delete("/r/d.wav"), server="north")
    gone = await forget(store._url, "+491", delete, server="north")
    assert (gone.calls, gone.recordings, gone.failed, gone.elsewhere) == (3, 2, (), 1)
    assert files == {"/r/b.wav"}
    assert await left(store) == ["b", "c"]  # of c nothing is left but the recording
    found = await everything(store)
    assert "+491" not in found
    for word in ("secret a", "secret c", "secret d"):
        assert word not in found
    assert (await store.call("c")).caller_name == ""
    assert (await forget(store._url, "+491", delete, server="north")).calls == 0
    files.add("/r/c.wav")
    assert (await forget(store._url, "+491", delete, server="south")).recordings == 1
    assert await left(store) == ["b"]


async def test_forget_deletes_what_members_were_told_of_the_caller(store: Store) -> None:
    """An announcement is a call of its own, from the member's number."""
    for name, caller, dialogue, linkedid in (
        ("talk", "+491", "order", "1.1"),
        ("told", "201", ANNOUNCEMENT, "1.1"),
        ("other", "201", ANNOUNCEMENT, "1.2"),
        ("nobody", "201", ANNOUNCEMENT, ""),
        ("unlinked", "+491", "order", ""),
        ("back", "201", "order", "1.1"),
    ):
        store.call_started(name, caller=caller, dialogue=dialogue, linkedid=linkedid, started_at=BEGAN)
        store.turn(name, Turn(0, "agent", 0, 900, f"secret {name}", f"secret {name}"))
        store.call_ended(name, outcome="continue", duration_ms=2000, ended_at=BEGAN)
    assert await store.flush()
    assert (await forget(store._url, "+491", lambda path: True)).calls == 3
    assert sorted(await left(store)) == ["back", "nobody", "other"]
    assert "secret told" not in await everything(store)


async def test_an_empty_number_is_no_caller(store: Store) -> None:
    """Every call whose number was deleted, or was withheld, has it."""
    call(store, "a", "")
    assert await store.flush()
    for number in ("", " "):
        with pytest.raises(UserError, match="empty number"):
            await forget(store._url, number, lambda path: True)
    assert await left(store) == ["a"]


async def test_a_recording_that_cannot_be_deleted_keeps_its_call(store: Store) -> None:
    call(store, "a", "+491", recording="/r/a.wav")
    assert await store.flush()
    gone = await forget(store._url, "+491", lambda path: False)
    assert (gone.calls, gone.failed) == (1, ("/r/a.wav",))
    assert await left(store) == ["a"]
    assert "secret" not in await everything(store)
    assert (await forget(store._url, "+491", lambda path: True)).recordings == 1
    assert await left(store) == []


async def test_an_announcement_whose_recording_stays_is_found_the_next_time(store: Store) -> None:
    """The caller's call, by which it was found, is gone by then."""
    for name, caller, dialogue in (("talk", "+491", "order"), ("told", "201", ANNOUNCEMENT)):
        file = f"/r/{name}.wav"
        store.call_started(name, caller=caller, dialogue=dialogue, linkedid="1.1", started_at=BEGAN, recording=file)
        store.turn(name, Turn(0, "agent", 0, 900, f"secret {name}", f"secret {name}"))
        store.call_ended(name, outcome="continue", duration_ms=2000, ended_at=BEGAN)
    assert await store.flush()
    assert (await forget(store._url, "+491", lambda path: "told" not in path)).failed == ("/r/told.wav",)
    assert await left(store) == ["told"]
    assert "secret" not in await everything(store)
    assert (await forget(store._url, "+491", lambda path: True)).recordings == 1
    assert await left(store) == []


@pytest.mark.parametrize(("withheld", "kept"), [("words", "+491"), ("numbers", "secret a")])
async def test_what_is_private_is_not_stored(tmp_path: Path, withheld: str, kept: str) -> None:
    privacy = Privacy(**{withheld: False})
    store = await Store.open(f"sqlite:///{tmp_path}/calls.db", privacy=privacy)
    call(store, "a", "+491")
    assert await store.flush()
    found = await everything(store)
    private = ("+491", "'Bob'") if withheld == "numbers" else ("secret", "mug", "a b", "'no'", 'Bob"')
    assert not [word for word in private if word in found]
    assert kept in found
    assert (await store.stats()).calls_interrupted == 1
    await store.close()


@pytest.mark.parametrize(
    ("what", "gone", "calls"),
    [("words", ("secret", "mug"), 2), ("numbers", ("+491", "caller_name='Bob'"), 2), ("audio", ("/r/a.wav",), 1)],
)
async def test_each_kind_of_data_has_its_own_age(store: Store, what: Kept, gone: tuple[str, ...], calls: int) -> None:
    call(store, "a", "+491", recording="/r/a.wav", server="north")
    call(store, "b", "+491", recording="/r/b.wav", server="south")
    call(store, "young", "+491", recording="/r/young.wav", server="north", day=3)
    assert await store.flush()
    await completed(store)
    deleted: list[str] = []

    async def rows(call_id: str) -> str:
        logged = [*(await store.turns(call_id)), *(await store.interruptions(call_id=call_id))]
        return str([await store.call(call_id), logged])

    young = await rows("young")
    for expected in (calls, 0):  # the second time there is nothing to do
        before = BEGAN + timedelta(days=2)
        found = await withhold(store._url, what, before, lambda path: not deleted.append(path), server="north")
        assert found.calls == expected
    assert deleted == (["/r/a.wav"] if what == "audio" else [])
    assert not [word for word in gone if word in await rows("a")]
    everywhere = {"secret": "secret a", "mug": "secret b"}
    assert not [word for word in gone if everywhere.get(word, "'nowhere'") in await everything(store)]
    assert await rows("young") == young
    assert "/r/b.wav" in await rows("b")
    assert (await store.stats()).calls_interrupted == 3
    assert await store.count_calls(CallFilter(text="secret")) == (1 if what == "words" else 3)


def test_nothing_of_a_forgotten_caller_is_left_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "calls.db"

    async def fill_and_forget() -> None:
        store = await Store.open(f"sqlite:///{file}")
        for number in range(30):  # each in a part of its own of the search index
            call(store, f"xylophone{number}" if number % 2 else f"zither{number}", f"+49{number % 2}")
            assert await store.flush()
        await store.close()
        await forget(f"sqlite:///{file}", "+491", lambda path: True)

    asyncio.run(fill_and_forget())
    found = b"".join(part.read_bytes() for part in tmp_path.glob("calls.db*") if part.is_file())
    assert b"zither" in found
    assert b"xylophone" not in found
    assert b"+491" not in found


async def test_the_search_index_merges_only_a_little_at_a_time(tmp_path: Path) -> None:
    """FTS5 would merge 16 parts of the index, however large, in the transaction of whoever adds the sixteenth."""
    url = f"sqlite:///{tmp_path}/calls.db"
    await (await Store.open(url)).close()
    with sqlite3.connect(tmp_path / "calls.db", isolation_level=None) as plain:
        for number in range(40):
            plain.execute("INSERT INTO said (rowid, words) VALUES (?, ?)", (number, f"mug {number}"))
        parts = "SELECT count(DISTINCT segid) FROM said_idx"
        assert plain.execute(parts).fetchone() == (40,)
        engine, steps, more = connect_in_thread(url), 0, True
        while more:
            with engine.begin() as connection:
                more = merge(connection)
            steps += more
        engine.dispose()
        assert steps > 0
        assert plain.execute(parts).fetchone()[0] < 4
        assert plain.execute("SELECT count(*) FROM said WHERE said MATCH 'mug'").fetchone() == (40,)
    plain.close()


@pytest.mark.flaky(reruns=2)  # it measures real time
async def test_prune_holds_up_a_writer_for_no_more_than_a_moment(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/calls.db")
    for number in range(2000):
        call(store, f"c{number}", "+491")
    assert await store.flush(timeout_s=60)
    await store.close()
    waits, over = [0.0], asyncio.Event()

    def write() -> None:
        other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None, timeout=30)
        while not over.is_set():
            began = time.monotonic()
            other.execute("BEGIN IMMEDIATE")
            waits.append(time.monotonic() - began)
            other.execute("ROLLBACK")
            time.sleep(0.002)

    writer = asyncio.create_task(asyncio.to_thread(write))
    assert (await prune(f"sqlite:///{tmp_path}/calls.db", BEGAN + timedelta(days=1))).calls == 2000
    over.set()
    await writer
    assert sorted(waits)[len(waits) * 95 // 100] < 0.05
