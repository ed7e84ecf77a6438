"""Promises to call back: listed, kept once, and deleted with what they belong to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bargein.core.turns.records import Callback, Handover
from bargein.errors import UserError
from bargein.store import EVERY_CALL, CallFilter, Privacy, Store, forget, keep, prune, withhold

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    in_file = f"sqlite:///{tmp_path}/calls.db"
    opened = await Store.open(in_file if request.param == "sqlite" else request.getfixturevalue("cluster").fresh())
    rows = [("a", "sales", "+491"), ("b", "support", "+492"), ("c", "sales", "+491")]
    for day, (name, queue, phone) in enumerate(rows):
        at = BEGAN + timedelta(days=day)
        opened.call_started(name, caller="+491" if name == "a" else "+493", queue=queue, started_at=at)
        opened.callback(name, Callback("+490"))
        opened.callback(name, Callback(phone, "15:30", "a mug"))  # the caller has changed the number
        opened.call_ended(name, outcome="hangup", duration_ms=9, ended_at=at)
    assert await opened.flush()
    yield opened
    await opened.close()


async def waiting(store: Store, which: CallFilter = EVERY_CALL, kept: bool = False) -> list[str]:
    return sorted(row.call_id for row in await store.callbacks(which, kept=kept))


async def test_they_are_listed_with_their_call_until_they_are_done(store: Store) -> None:
    assert await waiting(store) == ["a", "b", "c"]
    assert await waiting(store, CallFilter(queue="sales")) == ["a", "c"]
    assert await waiting(store, CallFilter(since=BEGAN + timedelta(days=1), caller="+493")) == ["b", "c"]
    (first, *_) = await store.callbacks(CallFilter(caller="+491"))
    assert (first.phone, first.wanted, first.note, first.queue) == ("+491", "15:30", "a mug", "sales")
    assert first.done_at is None
    await keep(store._url, "a")
    assert await waiting(store) == ["b", "c"]
    assert [row.call_id for row in await store.callbacks(kept=True)] == ["b", "c", "a"]
    assert await store.count_callbacks() == 2
    for name, words in [("a", "done since"), ("x", "nobody was promised")]:
        with pytest.raises(UserError, match=words):
            await keep(store._url, name)


async def test_who_was_answered_in_the_same_call_waits_no_more(store: Store) -> None:
    await store.call_handed_over("b", Handover("support", "", "answered", 14_000, "201", 190_000, 16, "caller"))
    assert await store.flush()
    assert await waiting(store) == ["a", "c"]
    assert await waiting(store, kept=True) == ["a", "b", "c"]


async def test_a_promise_that_was_taken_back_waits_no_more_until_it_is_made_anew(store: Store) -> None:
    store.callback("b", None)
    assert await store.flush()
    assert await waiting(store) == ["a", "c"]
    store.callback("b", Callback("+499"))
    assert await store.flush()
    assert [row.phone for row in await store.callbacks() if row.call_id == "b"] == ["+499"]


async def test_they_go_with_their_call_and_with_the_number(store: Store) -> None:
    assert (await prune(store._url, BEGAN + timedelta(hours=1))).calls == 1
    assert await waiting(store) == ["b", "c"]
    await forget(store._url, "+491", lambda path: True)  # no call of this number is left, but a promise to it
    assert await waiting(store) == ["b"]
    await forget(store._url, "+493", lambda path: True)
    assert await waiting(store) == []


async def test_numbers_and_words_are_withheld(store: Store) -> None:
    await withhold(store._url, "numbers", BEGAN + timedelta(hours=1), lambda path: True)
    await withhold(store._url, "words", BEGAN + timedelta(hours=30), lambda path: True)
    found = {row.call_id: (row.phone, row.wanted, row.note) for row in await store.callbacks()}
    assert found == {"a": ("", "", ""), "b": ("+492", "", ""), "c": ("+491", "15:30", "a mug")}
    store._privacy = Privacy(words=False, numbers=False)
    store.call_started("d")
    store.callback("d", Callback("+499", "15:30", "a mug"))
    assert await store.flush()
    assert [(row.phone, row.wanted, row.note) for row in await store.callbacks() if row.call_id == "d"] == [
        ("", "", "")
    ]
