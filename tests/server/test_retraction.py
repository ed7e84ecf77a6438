"""A whole call with a flow, in virtual time: the agent answers into a pause, and takes the answer back."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo
from bargein.dialogue.flow import FlowPlanner
from bargein.dialogue.flow.file import load as load_flow
from bargein.dialogue.languages import load
from bargein.offline import virtual_time
from bargein.server.session import Engines, Session
from tests.dialogue.flows import write
from tests.fakes import FakeLog, FakeRecognizer, FakeVoice, LevelDetector
from tests.server.test_dead_air import Line

FLOW = """
language: en
slots: {street: {type: text}, wish: {type: text}}
steps:
  where: {ask: "Where do you live?", slot: street, next: what}
  what: {say: "Thank you, I have noted it.", ask: "What else?", slot: wish, next: bye}
  bye: {say: "Thank you. Goodbye.", hangup: }
"""
FIRST_S, MORE_S = (3.0, 4.0), 0.1  # the caller talks, and goes on so long after the answer began


class Pausing(Line):
    """A caller who goes on for a second as the answer to the first words begins."""

    goes_on: int | None = None  # the tick

    def speaks(self, tick: int) -> bool:
        if self.goes_on is None and tick * 0.02 > FIRST_S[1] and self.heard[-1]:
            self.goes_on = tick + int(MORE_S / 0.02)
        return super().speaks(tick) or (self.goes_on is not None and 0 <= tick - self.goes_on < 50)


def test_the_flow_stays_at_its_question_and_takes_the_whole_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line, log = Pausing([FIRST_S[0] <= tick * 0.02 < FIRST_S[1] for tick in range(600)]), FakeLog()
    planner = FlowPlanner(load_flow(write(tmp_path, FLOW)), CallInfo("c"), load("en"))

    async def main() -> None:
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        recognizer = FakeRecognizer(["I live in Mill Road", "in Cambridge, number nine"])
        await Session("c", core, Engines(recognizer, FakeVoice(), planner), log).run(None, line)  # type: ignore[arg-type]

    virtual_time.run(main())
    assert [turn.text for turn in log.turns.values()] == [
        "Where do you live?",
        "I live in Mill Road in Cambridge, number nine",
        "Thank you, I have noted it. What else?",
    ]
    assert planner.progress.slots == {"street": "I live in Mill Road in Cambridge, number nine"}
    (row,) = log.rows
    assert (row.resolution, row.turn_seq, row.caller_text) == ("retracted", 1, "in Cambridge, number nine")
    assert row.agent_text == "Thank you, I have noted it. What else?"
    assert "call c: the agent cut the caller off (1); retracted" in caplog.messages
