"""Two servers that write to one SQLite file: each keeps its own calls, and neither ends those of the other."""

from __future__ import annotations

from pathlib import Path

from bargein.store import Reader, Store


async def test_both_write_and_the_calls_of_each_stay_in_progress(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    first = await Store.open(url)
    first.call_started("a", server="one:9092")
    assert await first.flush()
    second = await Store.open(url)
    second.call_started("b", server="two:9092")
    assert await second.flush()
    async with await Reader.open(url) as log:
        assert {call.id: (call.server, call.outcome) for call in await log.calls()} == {
            "a": ("one:9092", ""),
            "b": ("two:9092", ""),
        }
    for number in range(50):
        for store, call in ((first, "a"), (second, "b")):
            store.call_ended(call, outcome="hangup", duration_ms=number)
    assert await first.flush()
    assert await second.flush()
    await first.close()
    await second.close()
    async with await Reader.open(url) as log:
        assert {call.id: (call.outcome, call.duration_ms) for call in await log.calls()} == {
            "a": ("hangup", 49),
            "b": ("hangup", 49),
        }
    assert (first.dropped, second.dropped) == (0, 0)
