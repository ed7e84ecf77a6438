"""A recognizer that gives no answer: the flow asks again, offers its keys, and goes to people. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo
from bargein.core.turns.transcript import Transcript
from bargein.dialogue.flow import FlowPlanner
from bargein.dialogue.flow.file import load as load_flow
from bargein.dialogue.languages import load
from bargein.errors import EngineError
from bargein.offline import virtual_time
from bargein.server.session import Engines, Session
from tests.dialogue.flows import write
from tests.fakes import FakeLog, FakeRecognizer, FakeStream, FakeVoice, LevelDetector
from tests.server.test_dead_air import Line

FLOW = """
language: en
queue: support
steps:
  start:
    ask: "Sales or service?"
    menu: {sales: {digit: 1, go: sold}, service: {digit: 2, go: served}}
  sold: {say: "Sales it is.", queue: sales}
  served: {say: "Service it is.", queue: service}
"""


class DeafStream(FakeStream):
    """As a stream whose process is killed and not replaced; with a delay, as one whose process is stopped."""

    async def partial(self) -> Transcript:
        await asyncio.sleep(self._recognizer.delay_s)
        raise EngineError("the recognizer's process gave no answer")

    final = partial


class DeafRecognizer(FakeRecognizer):
    def stream(self, language: str, hints: Sequence[str] = ()) -> FakeStream:
        return DeafStream(self, "")


class KeyLine(Line):
    """The caller also presses a key, `key_s` after the beginning."""

    def __init__(self, script: list[bool], key_s: float | None) -> None:
        super().__init__(script)
        self.key_s = key_s

    def speaks(self, tick: int) -> bool:
        if self.key_s is not None and tick == int(self.key_s * 50):
            self.call.on_digit("2")
        return super().speaks(tick)

    async def carry(self, call: Session, connection: object) -> None:
        self.call = call
        await super().carry(call, connection)


def run(folder: Path, after_s: float, key_s: float | None) -> tuple[Session, list[str], KeyLine]:
    """A caller who speaks from 3 to 4 s of every 9 s. The session, what the agent said, the line."""
    line = KeyLine([tick * 0.02 % 9 > 3 and tick * 0.02 % 9 < 4 for tick in range(2500)], key_s)
    log = FakeLog()

    async def main() -> Session:
        planner = FlowPlanner(load_flow(write(folder, FLOW)), CallInfo("c"), load("en"))
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        session = Session("c", core, Engines(DeafRecognizer(delay_s=after_s), FakeVoice(), planner), log)
        await session.run(None, line)  # type: ignore[arg-type]
        return session

    session = virtual_time.run(main())
    return session, [turn.heard_text for turn in log.turns.values() if turn.speaker == "agent"], line


def test_a_recognizer_that_fails_costs_the_retries_of_the_step_and_then_the_caller_goes_to_people(
    tmp_path: Path,
) -> None:
    session, said, _ = run(tmp_path, 0.0, None)
    assert session.finish is not None
    assert (session.finish.result, session.finish.queue) == ("queue", "support")
    assert said == [
        "Sales or service?",
        "Sorry, I did not get that. Sales or service?",
        "Sorry, I did not get that. For sales, press 1. For service, press 2. Sales or service?",
        "I am having trouble with that. One moment, please.",
    ]


def test_a_recognizer_that_hangs_costs_four_seconds_and_then_the_caller_goes_to_people(tmp_path: Path) -> None:
    session, said, line = run(tmp_path, 3600.0, None)
    assert session.finish is not None
    assert (session.finish.result, session.finish.queue) == ("queue", "support")
    assert said[1:] == ["I am having trouble with that. One moment, please."]
    assert line.begins_s()[1] == pytest.approx(8.0, abs=0.2)  # the caller stops at 4 s


@pytest.mark.parametrize(("after_s", "key_s"), [(0.0, 14.0), (3600.0, 6.0)])
def test_without_a_recognizer_keys_still_work(tmp_path: Path, after_s: float, key_s: float) -> None:
    session, said, _ = run(tmp_path, after_s, key_s)
    assert session.finish is not None
    assert (session.finish.queue, said[-1]) == ("service", "Service it is.")
