"""The log in a real PostgreSQL, where this machine has one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bargein.core.audio.utterance import Word
from bargein.core.turns.records import Interruption, Turn, Waits
from bargein.store import CallFilter, Reader, Store, prune, try_to_write, vacuum
from tests.store.postgresql import Cluster


def cut(name: str, call_id: str, **more: object) -> Interruption:
    values: dict[str, object] = dict.fromkeys(Interruption.__dataclass_fields__, 0) | {
        "id": name, "call_id": call_id, "decided_ms": None, "kind": "correct", "stop_latency_ms": 120,
    }  # fmt: skip
    for text in ("step", "agent_text", "heard_text", "unheard_text", "cut_word", "caller_text", "resolution"):
        values[text] = text
    return Interruption(**(values | more))  # type: ignore[arg-type]


async def test_the_whole_log(cluster: Cluster) -> None:
    url, began = cluster.url, datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))  # at once, in an empty database
    store = stores[0]
    turn = Turn(
        0, "agent", 0, 900, "a b", "a", "b", "s", "b", 30, None, (Word("a", 0, 800),), Waits(600, None, 1, 2, 603)
    )
    for number, node in enumerate(stores):
        node.call_started(f"c{number}", caller="+49\0\ud800", queue="sales", started_at=began + timedelta(hours=number))
        node.turn(f"c{number}", turn)
        node.interruption(cut(f"i{number}", f"c{number}"))
        node.interruption(cut(f"i{number}", f"c{number}", kind="stop", decided_ms=700))
        node.call_ended(f"c{number}", outcome="queue", duration_ms=1000)
    store.interruption(cut("huge", "c0", onset_ms=2**40))  # does not fit: refused, and nothing else with it
    assert all([await node.flush() for node in stores])
    assert [node.dropped for node in stores] == [1, 0, 0, 0]
    for node in stores[1:]:
        await node.close()
    async with await Reader.open(url) as log:
        assert [call.id for call in await log.calls()] == ["c3", "c2", "c1", "c0"]
        assert (await log.call("c1")).caller == "+49\ufffd?"
        assert (await log.turns("c2"))[0].turn == turn
        found = await log.interruptions(CallFilter(since=began + timedelta(hours=1)), kind="stop", slow_ms=100)
        assert [row.interruption.id for row in found] == ["i3", "i2", "i1"]
        assert found[0].interruption == cut("i3", "c3", kind="stop", decided_ms=700)
        stats = await log.stats()
        assert (stats.calls, stats.calls_interrupted, stats.duration_ms) == (4, 4, 4000)
        assert await log.last_logged() is not None
    await try_to_write(url)
    assert (await prune(url, began + timedelta(hours=2))).calls == 2
    await vacuum(url)
    assert [call.id for call in await store.calls()] == ["c3", "c2"]
    await store.close()


async def test_a_server_that_is_away_for_a_while_loses_nothing(cluster: Cluster) -> None:
    store = await Store.open(cluster.url)
    await asyncio.to_thread(cluster.stop)
    for number in range(50):
        store.interruption(cut(f"away{number}", "away"))
    assert not await store.flush(timeout_s=0.5)
    assert store.failing
    await asyncio.to_thread(cluster.start)
    assert await store.flush(timeout_s=15)
    assert (store.dropped, store.failing) == (0, False)
    assert len(await store.interruptions(call_id="away")) == 50
    await store.close()
