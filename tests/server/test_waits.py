"""Where the time before a reply goes: measured in the call, stored with the turn, counted for /metrics."""

from __future__ import annotations

import asyncio

import pytest

from bargein.core.audio.utterance import Utterance
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import Turn, Waits
from bargein.core.turns.reply import Listen, Say
from bargein.core.turns.settings import ConversationSettings
from bargein.dialogue.languages import load
from bargein.offline import virtual_time
from bargein.server.metrics import Meter
from bargein.server.monitor import count_waits
from bargein.server.session import Engines, Session
from tests.fakes import FakeLog, FakeRecognizer, FakeVoice, LevelDetector
from tests.server.test_dead_air import Line, SlowPlanner, Timed


class SlowVoice(FakeVoice):
    """Takes 0.2 s for a text."""

    async def utterance(self, text: str) -> Utterance:
        await asyncio.sleep(0.2)
        return await super().utterance(text)


def turns_of(reply: list[Timed], last_s: float) -> list[Turn]:
    """The agent's turns of a call in which the caller speaks from 2 to 3 s."""
    script = [2.0 <= tick * 0.02 < 3.0 for tick in range(int(last_s * 50))]
    log = FakeLog()

    async def main() -> None:
        core = Conversation("c", LevelDetector(), load("en"), ConversationSettings(filler_ms=2000))  # type: ignore[arg-type]
        recognizer = FakeRecognizer(["I need a new card for my account"], delay_s=0.1)
        session = Session("c", core, Engines(recognizer, SlowVoice(), SlowPlanner([reply])), log)
        await session.run(None, Line(script))  # type: ignore[arg-type]

    virtual_time.run(main())
    return [turn for turn in log.turns.values() if turn.speaker == "agent"]


def test_each_part_is_measured_to_a_frame() -> None:
    greeting, answer = turns_of([(0.5, Say("here it is")), (0.0, Listen())], last_s=8.0)
    assert greeting.waits.wait_ms is None  # it answers nothing
    waits = answer.waits
    assert waits.recognition_ms == pytest.approx(100, abs=20)
    assert waits.planning_ms == pytest.approx(500, abs=20)
    assert waits.synthesis_ms == pytest.approx(200, abs=20)
    assert waits.endpoint_ms is not None
    assert waits.wait_ms == pytest.approx(waits.endpoint_ms + 700, abs=60)
    assert waits.wait_ms == pytest.approx(answer.started_ms - 2980, abs=20)


def test_the_wait_before_a_reply_counts_once_though_a_filler_is_heard_first() -> None:
    _, filler, answer = turns_of([(4.0, Say("here it is")), (0.0, Listen())], last_s=12.0)
    assert filler.text == "One moment."
    assert filler.waits == Waits()
    assert answer.waits.planning_ms == pytest.approx(4000, abs=20)


def test_metrics_have_a_histogram_of_each_part() -> None:
    meter = Meter()
    count_waits(meter, Waits(endpoint_ms=600, synthesis_ms=80, wait_ms=900))
    histograms = meter.numbers()["histograms"]
    assert {name: cells[-1] for name, cells in histograms.items()} == {
        "bargein_end_of_turn_seconds": 0.6,
        "bargein_synthesis_seconds": 0.08,
        "bargein_reply_seconds": 0.9,
    }
