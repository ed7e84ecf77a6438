"""What the views show of an answer that cut the caller off."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.core.turns.records import Interruption, Resolution, Turn
from bargein.store import Store

SAID = "my name is Miller and this is my street"


async def _fill(url: str) -> None:
    store = await Store.open(url)
    store.call_started("c", caller="100", called="700")
    store.turn("c", Turn(0, "agent", 0, 2000, "Who are you?", "Who are you?", step="ask"))
    store.turn("c", Turn(1, "caller", 3000, 6000, SAID, SAID, confidence=0.9))
    store.turn("c", Turn(2, "agent", 7000, 8000, "Thank you.", "Thank you.", step="bye"))
    store.interruption(
        Interruption(
            "c-1", "c", 1, "bye", onset_ms=4700, paused_ms=4780, decided_ms=5200, silent_ms=4800,
            detect_latency_ms=80, stop_latency_ms=100, agent_text="Thank you.", heard_text="",
            unheard_text="Thank you.", cut_word="Thank", played_ms=190, kind="other",
            caller_text="and this is my street", resolution=Resolution.RETRACTED,
        )
    )  # fmt: skip
    store.call_ended("c", outcome="hangup", duration_ms=8000)
    await store.close()


@pytest.fixture
def shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    asyncio.run(_fill("sqlite:///bargein.db"))

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.mark.parametrize("command", [("show", "last"), ("tail", "--once")])
def test_it_stands_below_the_turn_of_the_caller(shows, command: tuple[str, ...]) -> None:
    lines = [line.strip() for line in shows(*command).splitlines()]
    turn = next(i for i, line in enumerate(lines) if SAID in line)
    assert lines[turn + 1] == "└ the agent cut the caller off at 0:04.7 on “Thank”: silent after 100 ms"
    assert lines[turn + 2].startswith("in the first word: the answer counts as not said")


def test_the_tables_count_it(shows) -> None:
    assert "retracted" in shows("interruptions")
    assert "what the agent did: 1 retracted" in shows("stats")


def test_it_is_no_interruption_by_the_caller(shows) -> None:
    assert "0 interruptions  ·  1 answer retracted" in shows("show", "last")
    assert json.loads(shows("calls", "--json"))[0]["interruptions"] == 0
    assert "0 interrupted" in shows("stats")


def test_the_page_says_it(shows, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    shows("show", "last", "--html", "call.html")
    assert "the agent cut the caller off" in (tmp_path / "call.html").read_text()
