"""A flow's reply in a whole call, in virtual time: made early, but webhooks wait until the turn is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bargein.core.audio.utterance import Utterance
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo, Turn
from bargein.dialogue.flow import FlowPlanner
from bargein.dialogue.flow.file import load as load_flow
from bargein.dialogue.languages import load
from bargein.dialogue.webhook import WebhookRequest, Webhooks
from bargein.errors import EngineError
from bargein.offline import virtual_time
from bargein.server.session import Engines, Session
from tests.dialogue.flows import write
from tests.fakes import FakeLog, FakeRecognizer, FakeVoice, LevelDetector
from tests.server.test_dead_air import Line

FLOW = """
language: en
queue: support
slots: {wish: {type: text}}
steps:
  ask: {ask: "How can I help?", slot: wish, next: note}
  note: {say: "Let me note that.", next: send}
  send: {webhook: {url: "http://crm.test/notes", body: {text: "{wish}"}}, next: bye}
  bye: {say: "Thank you. Goodbye.", hangup: }
"""


class CountedWebhooks(Webhooks):
    """Succeeds; keeps when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    async def ask(self, request: WebhookRequest) -> dict[str, str] | None:
        self.asked.append(asyncio.get_running_loop().time())
        return {}


class TimedVoice(FakeVoice):
    """Takes 0.2 s; keeps when it was asked. Fails at the texts in `broken`."""

    def __init__(self, broken: tuple[str, ...] = ()) -> None:
        self.asked: dict[str, float] = {}
        self.broken = broken

    async def utterance(self, text: str) -> Utterance:
        self.asked.setdefault(text, asyncio.get_running_loop().time())
        await asyncio.sleep(0.2)
        if text in self.broken:
            raise EngineError("the voice does not return")
        return await super().utterance(text)


class Hanging(FakeRecognizer):
    """Does not return."""

    def __init__(self) -> None:
        super().__init__(["I need a card"], delay_s=3600.0)


def run(
    folder: Path, voice: FakeVoice, webhooks: Webhooks, recognizer: FakeRecognizer | None = None
) -> tuple[Session, list[Turn]]:
    """A call in which the caller speaks from 2 to 3 s, and the turns of the agent."""
    planner = FlowPlanner(load_flow(write(folder, FLOW)), CallInfo("c"), load("en"), webhooks=webhooks)
    log = FakeLog()

    async def main() -> Session:
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        engines = Engines(recognizer or FakeRecognizer(["I need a new card for my account"]), voice, planner)
        session = Session("c", core, engines, log)
        await session.run(None, Line([2.0 <= tick * 0.02 < 3.0 for tick in range(900)]))  # type: ignore[arg-type]
        return session

    session = virtual_time.run(main())
    return session, [turn for turn in log.turns.values() if turn.speaker == "agent"]


def test_the_first_sentence_is_made_early_and_the_webhook_waits(tmp_path: Path) -> None:
    voice, webhooks = TimedVoice(), CountedWebhooks()
    _, said = run(tmp_path, voice, webhooks)
    assert voice.asked["Let me note that."] <= 3.15
    (asked,) = webhooks.asked
    assert asked >= 3.3
    assert said[1].text == "Let me note that. Thank you. Goodbye."
    assert said[1].waits.synthesis_ms == 0
    assert said[1].waits.wait_ms == pytest.approx(said[1].waits.endpoint_ms, abs=40)


def test_a_voice_that_fails_takes_the_failed_path_of_the_flow(tmp_path: Path) -> None:
    session, said = run(tmp_path, TimedVoice(("Let me note that.",)), CountedWebhooks())
    assert session.finish is not None
    assert (session.finish.result, session.finish.queue) == ("queue", "support")
    assert said[-1].text == "I am having trouble with that. One moment, please."
    assert session.cause == ""


def test_a_recognizer_that_does_not_return_takes_the_failed_path_of_the_flow(tmp_path: Path) -> None:
    session, said = run(tmp_path, FakeVoice(), CountedWebhooks(), Hanging())
    assert session.finish is not None
    assert session.finish.result == "queue"
    assert said[-1].text == "I am having trouble with that. One moment, please."
    assert said[-1].started_ms <= 3000 + 4200
