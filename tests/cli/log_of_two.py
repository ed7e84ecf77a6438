"""A log of two calls, and commands that look at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from click.testing import CliRunner, Result

from bargein.cli import cli
from bargein.core.turns.records import Interruption, Turn, Waits
from bargein.store import Store

EVIL = "Bob \x1b[31m\x1b]0;title\x07\u202egnp\u2066\x9b2J\r\n"
FIRST, LAST = "3f2a9c1e-77aa-4b1e-9e0a-000000000001", "b81d0c55-77aa-4b1e-9e0a-000000000002"


async def one_call(url: str) -> None:
    """A log of one short call, in place of two."""
    store = await Store.open(url)
    store.call_started("first", caller="1")
    store.call_ended("first", outcome="queue", duration_ms=1000)
    await store.close()


async def fill(url: str) -> None:
    store = await Store.open(url)
    now = datetime.now(UTC)
    for number, call_id in enumerate((FIRST, LAST)):
        began = now - timedelta(days=100 if number == 0 else 1)
        store.call_started(
            call_id,
            caller="+4930123",
            caller_name=EVIL,
            called="700",
            queue="support",
            dialogue="shop",
            uniqueid=f"1700.{number}",
            linkedid=f"1700.{number}",
            trunk="PJSIP/trunk",
            codec="ulaw",
            recording=f"recordings/2026/{number}.wav",
            started_at=began,
        )
        text = "The red mug is ten dollars, the green mug is twelve dollars."
        heard, unheard = "The red mug is ten dollars, the", "green mug is twelve dollars."
        store.turn(call_id, Turn(0, "agent", 0, 3000, text, heard, unheard, "offer", "green", 60))
        cut = Interruption(
            id=f"{call_id}-0", call_id=call_id, turn_seq=0, step="offer", onset_ms=2900, paused_ms=2980,
            decided_ms=3300, silent_ms=3020, detect_latency_ms=80, stop_latency_ms=120 + 300 * number, agent_text=text,
            heard_text=heard, unheard_text=unheard, cut_word="green", played_ms=3000, caller_text="no, the blue one",
            kind="correct", resolution="replanned",
        )  # fmt: skip
        store.interruption(cut)
        store.turn(call_id, Turn(1, "caller", 2900, 4000, "no, the blue one", "no, the blue one", confidence=0.9))
        waits = Waits(600, 150, 40 + 1600 * number, 30, 700 + 1600 * number)
        store.turn(call_id, Turn(2, "agent", 4300, 6000, "The blue mug.", "The blue mug.", waits=waits))
        store.call_ended(call_id, outcome="queue", duration_ms=7000, summary="blue mug", ended_at=now)
    await store.close()


def run(runner: CliRunner, *words: str, code: int = 0) -> str:
    result: Result = runner.invoke(cli, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout
