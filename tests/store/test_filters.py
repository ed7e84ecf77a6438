"""Every condition of a filter, sorting, paging and totals, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bargein.core.turns.records import Handover, Interruption, Turn
from bargein.errors import UserError
from bargein.store import CallFilter, Store

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def turn(seq: int, speaker: str, text: str, step: str = "") -> Turn:
    return Turn(seq, speaker, 1000 * seq, 1000 * seq + 900, text, text, step=step)  # type: ignore[arg-type]


def cut(name: str, call_id: str, kind: str, step: str, silent_ms: int) -> Interruption:
    return Interruption(
        name, call_id, 0, step, 500, 560, 700, 500 + silent_ms, 60, silent_ms, "a b", "a", "b", "b", 600, "no", kind,
        "replanned",
    )  # fmt: skip


async def fill(store: Store) -> None:
    """Four calls, an hour apart. c0 and c2 were interrupted, c1 heard a cough, c3 goes on."""
    for n in range(4):
        call = f"c{n}"
        store.call_started(
            call,
            caller=f"+493{n}",
            called="700" if n < 2 else "701",
            dialogue="shop" if n else "booking",
            queue="support" if n % 2 else "sales",
            uniqueid=f"17.{n}",
            linkedid=f"17.{n // 2}",
            trunk="PJSIP/trunk" if n else "Local/700@phones",
            codec="ulaw",
            started_at=BEGAN + timedelta(hours=n),
        )
        store.turn(call, turn(0, "agent", "Which mug would you like?", "offer"))
        store.turn(call, turn(1, "caller", ["The blue one.", "Größe 4, bitte", "not blue", "a person"][n]))
        store.turn(call, turn(2, "agent", "Anything else?", "more" if n else "ask_more"))
        if n < 3:
            kind = "noise" if n == 1 else "correct"
            store.interruption(cut(f"i{n}", call, kind, "offer" if n else "more", 100 * (n + 1)))
            store.call_ended(call, outcome="queue" if n else "hangup", duration_ms=1000 * (n + 1))


@pytest.fixture(params=["sqlite", "postgresql"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    in_file = f"sqlite:///{tmp_path}/calls.db"
    store = await Store.open(in_file if request.param == "sqlite" else request.getfixturevalue("cluster").fresh())
    await fill(store)
    assert await store.flush()
    yield store
    await store.close()


CASES = [
    (CallFilter(), "c3 c2 c1 c0", "i2 i1 i0"),
    (CallFilter(since=BEGAN + timedelta(hours=1)), "c3 c2 c1", "i2 i1"),
    (CallFilter(until=BEGAN + timedelta(hours=1)), "c0", "i0"),
    (CallFilter(queue="sales"), "c2 c0", "i2 i0"),
    (CallFilter(queue=""), "", ""),
    (CallFilter(caller="+492"), "", ""),
    (CallFilter(caller="+4932"), "c2", "i2"),
    (CallFilter(caller="+49*"), "c3 c2 c1 c0", "i2 i1 i0"),
    (CallFilter(caller="%*"), "", ""),
    (CallFilter(called="701"), "c3 c2", "i2"),
    (CallFilter(flow="booking"), "c0", "i0"),
    (CallFilter(outcome="queue"), "c2 c1", "i2 i1"),
    (CallFilter(outcome=""), "c3", ""),
    (CallFilter(interrupted=True), "c2 c0", "i2 i0"),
    (CallFilter(interrupted=False), "c3 c1", "i1"),
    (CallFilter(longer_than_ms=1000), "c2 c1", "i2 i1"),
    (CallFilter(step="more"), "c3 c2 c1", "i0"),
    (CallFilter(step="mor"), "", ""),
    (CallFilter(step="ask%"), "", ""),
    (CallFilter(trunk="PJSIP/trunk"), "c3 c2 c1", "i2 i1"),
    (CallFilter(trunk="Local/*"), "c0", "i0"),
    (CallFilter(linkedid="17.1"), "c3 c2", "i2"),
    (CallFilter(uniqueid="17.1"), "c1", "i1"),
    (CallFilter(text="blue"), "c2 c0", "i2 i0"),
    (CallFilter(text="BLUE not"), "c2", "i2"),
    (CallFilter(text="große"), "", ""),
    (CallFilter(text="größe"), "c1", "i1"),
    (CallFilter(text="blu"), "", ""),
    (CallFilter(text='" OR *'), "", ""),
    (CallFilter(text="'"), "", ""),
    (CallFilter(text="person"), "", ""),  # the words of a call can be found when it is over
    (CallFilter(queue="sales", text="blue", since=BEGAN + timedelta(hours=1)), "c2", "i2"),
]


@pytest.mark.parametrize("common", [1, 20_000], ids=["common", "rare"])
async def test_every_condition_finds_the_same_whichever_way_it_is_searched(
    log: Store, common: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.common = common
    for few in ("FEW", "FIRST"):
        monkeypatch.setattr(f"bargein.store.reader.{few}", common)
    for which, calls, cuts in CASES:
        if which.text == "große" and log.dialect == "sqlite":
            continue  # FTS5 ignores the dots, PostgreSQL does not
        assert " ".join(call.id for call in await log.calls(which)) == calls, which
        assert await log.count_calls(which) == len(calls.split()), which
        found = await log.interruptions(which)
        assert " ".join(row.interruption.id for row in found) == cuts, which
        assert await log.count_interruptions(which) == len(cuts.split()), which
        assert await log.count_interruptions(which, most=2) == min(2, len(cuts.split())), which
        assert await log.count_interruptions(which, slow_ms=0) == len(cuts.split()), which
        for sort in ("at", "silent", "step"):
            found = await log.interruptions(which, slow_ms=0, sort=sort, limit=3)  # type: ignore[arg-type]
            assert {row.interruption.id for row in found} == set(cuts.split()), (which, sort)
        assert " ".join([whole.call.id async for whole in log.export(which)]) == " ".join(reversed(calls.split()))


async def test_sorting_and_pages(log: Store) -> None:
    async def ids(**order: object) -> str:
        return " ".join(call.id for call in await log.calls(**order))  # type: ignore[arg-type]

    assert await ids(sort="started", descending=False) == "c0 c1 c2 c3"
    assert await ids(sort="duration") == "c2 c1 c0 c3"
    assert await ids(sort="interruptions") == "c2 c0 c3 c1"
    assert await ids(sort="queue", descending=False) == "c0 c2 c1 c3"
    assert await ids(limit=2) == "c3 c2"
    assert await ids(limit=2, offset=2) == "c1 c0"
    slowest = await log.interruptions(sort="silent", limit=2)
    assert [row.interruption.id for row in slowest] == ["i2", "i1"]
    assert [row.interruption.id for row in await log.interruptions(sort="step", descending=False)] == ["i0", "i1", "i2"]


async def test_an_export_has_all_of_a_call_in_order(log: Store) -> None:
    first, *_ = [whole async for whole in log.export()]
    assert (first.call.id, first.call.steps, first.call.turns) == ("c0", ("offer", "ask_more"), 3)
    assert (first.call.trunk, first.call.codec) == ("Local/700@phones", "ulaw")
    assert [logged.turn.seq for logged in first.turns] == [0, 1, 2]
    assert [logged.interruption.id for logged in first.interruptions] == ["i0"]


async def test_what_became_of_the_callers(log: Store) -> None:
    """c0 was contained, c1 and c2 were handed over, c3 goes on."""
    answered = Handover("sales", "", "answered", 14_000, "201", 190_000, 16, "caller")
    await log.call_handed_over("c1", answered)
    await log.call_handed_over("c1", Handover(hung_up_by="member"))  # what is not known leaves the rest
    assert await log.flush()
    call = await log.call("c1")
    assert (call.after_queue, call.after_status, call.waited_ms) == ("sales", "answered", 14_000)
    assert (call.member, call.talked_ms, call.hangup_cause, call.hung_up_by) == ("201", 190_000, 16, "member")
    found = {"contained": "c0", "answered": "c1", "handed over": "c2 c1", "in progress": "c3", "abandoned": ""}
    for fate, ids in found.items():
        assert " ".join(call.id for call in await log.calls(CallFilter(fate=fate))) == ids, fate
    await log.call_handed_over("c2", Handover("support", "", "abandoned", 9_000, hung_up_by="caller"))
    assert await log.flush()
    stats = await log.stats()
    assert stats.fates == {"abandoned": 1, "answered": 1, "contained": 1, "in progress": 1}
    assert stats.fates_by_queue == {
        "sales": {"answered": 1, "contained": 1}, "support": {"abandoned": 1, "in progress": 1},
    }  # fmt: skip
    assert stats.fates_by_flow["booking"] == {"contained": 1}


async def test_a_call_that_is_not_logged_gets_no_row(log: Store) -> None:
    await log.call_handed_over("never-there", Handover(hung_up_by="caller"))
    assert await log.flush()
    assert await log.count_calls() == 4


async def test_a_database_that_is_away_costs_a_warning(
    log: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(call_id: str) -> bool:
        raise UserError("it is away")

    monkeypatch.setattr(log, "is_logged", away)
    await log.call_handed_over("c1", Handover(hung_up_by="caller"))
    assert "what became of the caller of c1 is not logged: it is away" in caplog.text


async def test_what_the_flow_gathered_is_in_the_row(log: Store) -> None:
    log.call_ended("c3", outcome="caller_hung_up", duration_ms=4000, slots={"größe": "4"}, last_step="more")
    assert await log.flush()
    call = await log.call("c3")
    assert (call.slots, call.last_step, call.steps) == ({"größe": "4"}, "more", ("offer", "more"))
    assert [call.id for call in await log.calls(CallFilter(text="person"))] == ["c3"]


async def test_a_call_that_goes_on_counts_at_once(log: Store) -> None:
    log.interruption(cut("i9", "c3", "stop", "more", 90))
    assert await log.flush()
    assert [call.id for call in await log.calls(CallFilter(interrupted=True))] == ["c3", "c2", "c0"]
    log.interruption(cut("i9", "c3", "noise", "more", 90))  # it was none after all
    assert await log.flush()
    assert (await log.call("c3")).interruptions == 0
