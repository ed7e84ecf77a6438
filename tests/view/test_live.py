"""Rows of a call that goes on: each once, and in order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bargein.core.turns.records import Interruption, Resolution, Turn
from bargein.store import CallFilter, Reader, Store
from bargein.view.follow import Follower
from bargein.view.live import LiveCall

AGENT = Turn(0, "agent", 0, 3000, "one two", "one", "two", "offer", "two", 60)
CALLER = Turn(1, "caller", 2900, 4000, "no", "no")
ANSWER = Turn(2, "agent", 4300, 6000, "fine", "fine")
CUT = Interruption(
    id="c-1", call_id="c", turn_seq=0, step="offer", onset_ms=2900, paused_ms=2980, decided_ms=3300, silent_ms=3020,
    detect_latency_ms=80, stop_latency_ms=120, agent_text="one two", heard_text="one", unheard_text="two",
    cut_word="two", played_ms=3000, caller_text="", kind="other", resolution="ignored",
)  # fmt: skip
KNOWN = replace(CUT, caller_text="no", kind="correct", resolution="replanned")
COUGH = replace(CUT, id="c-0", onset_ms=900, kind="noise", resolution="resumed")


def test_an_interruption_comes_once_and_right_and_before_the_words_of_the_caller() -> None:
    call = LiveCall()
    call.interruption(COUGH)
    assert call.take() == []  # its turn still plays
    call.turn(AGENT)
    call.interruption(CUT)
    assert call.take() == [AGENT, COUGH]
    call.turn(CALLER)
    assert call.take() == []  # nobody knows yet what it was
    call.interruption(replace(KNOWN, resolution="ignored"))
    assert call.take() == []
    call.interruption(KNOWN)
    assert call.take() == [KNOWN]
    longer = replace(CALLER, text="no wait", heard_text="no wait")
    call.turn(longer)
    call.turn(ANSWER)
    assert call.take() == [longer, ANSWER]
    call.interruption(KNOWN)
    call.turn(ANSWER)
    assert call.take() == []


def test_a_hangup_makes_every_row_final() -> None:
    call = LiveCall()
    for turn in (AGENT, CALLER):
        call.turn(turn)
    call.interruption(CUT)
    assert call.take() == [AGENT]
    call.end()
    assert call.take() == [CUT, CALLER]


def test_a_row_that_is_missing_holds_nothing_up_after_the_end() -> None:
    call = LiveCall()
    call.turn(ANSWER)
    call.interruption(CUT)
    assert call.take() == []
    call.end()
    assert call.take() == [CUT, ANSWER]


def test_the_follower_reports_calls_that_match(tmp_path: Path) -> None:
    async def followed() -> list[tuple[str, str]]:
        url = f"sqlite:///{tmp_path}/log.db"
        store = await Store.open(url)
        seen: list[tuple[str, str]] = []
        async with await Reader.open(url) as log:
            follower = Follower(log, datetime.now(UTC) - timedelta(seconds=1), CallFilter(queue="support"))
            for call_id, queue in (("a", "support"), ("b", "sales")):
                store.call_started(call_id, queue=queue)
                store.turn(call_id, AGENT)
                await store.flush()
                seen += [(event.type, event.call_id) for event in await follower.poll()]
            assert [call.id for call in follower.in_progress] == ["a"]
            for call_id in ("a", "b"):
                store.interruption(replace(CUT, id=f"{call_id}-1", call_id=call_id))
                store.call_ended(call_id, outcome="caller_hung_up", duration_ms=4000)
            await store.flush()
            for _ in range(2):  # the second finds nothing new
                seen += [(event.type, event.call_id) for event in await follower.poll()]
            assert follower.in_progress == []
        await store.close()
        return seen

    assert asyncio.run(followed()) == [("start", "a"), ("turn", "a"), ("interruption", "a"), ("end", "a")]


def test_resolutions_that_are_open() -> None:
    for resolution in Resolution:
        call = LiveCall()
        call.turn(AGENT)
        call.interruption(replace(KNOWN, resolution=resolution))
        assert (len(call.take()) == 1) is (resolution is Resolution.IGNORED)
