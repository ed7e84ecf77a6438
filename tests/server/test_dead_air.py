"""What a caller hears, second by second, while the answer does not come. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bargein.core.audio.pcm import dbfs
from bargein.core.audio.utterance import Utterance
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import Situation
from bargein.core.turns.reply import Listen, Piece, Say
from bargein.dialogue.languages import load
from bargein.errors import EngineError
from bargein.offline import virtual_time
from bargein.server.session import Engines, Session
from tests.fakes import LOUD, QUIET, FakeLog, FakePlanner, FakeRecognizer, FakeVoice, LevelDetector

Timed = tuple[float, Piece]


class SlowReply:
    """Pieces that come after so many seconds each; `None` of them is ever early."""

    kind = None

    def __init__(self, pieces: list[Timed]) -> None:
        self._pieces = pieces
        self.commits = 0

    async def __aiter__(self) -> AsyncIterator[Piece]:
        for seconds, piece in self._pieces:
            await asyncio.sleep(seconds)
            yield piece

    def commit(self) -> None:
        self.commits += 1

    def cancel(self) -> None:
        pass


class SlowPlanner(FakePlanner):
    """The greeting at once, then one slow reply for each turn."""

    def __init__(self, replies: list[list[Timed]]) -> None:
        super().__init__([])
        self._slow = [SlowReply([(0.0, Say("hello")), (0.0, Listen())]), *map(SlowReply, replies)]
        self.given: list[SlowReply] = []

    def plan(self, situation: Situation) -> SlowReply:  # type: ignore[override]
        self.given.append(self._slow.pop(0))
        return self.given[-1]


class Line:
    """The media engine's place: `script` says for each 20 ms whether the caller speaks."""

    def __init__(self, script: list[bool]) -> None:
        self.script = script
        self.heard: list[bool] = []  # of each 20 ms: whether the agent was heard

    def speaks(self, tick: int) -> bool:
        return self.script[tick]

    async def carry(self, call: Session, connection: object) -> None:
        for tick in range(len(self.script)):
            call.on_audio(LOUD if self.speaks(tick) else QUIET)
            await asyncio.sleep(0.02)
            sent = call.on_tick()
            self.heard.append(sent is not None and dbfs(np.asarray(sent)) > -60)

    def begins_s(self) -> list[float]:
        """When the agent began to speak, in s; gaps of less than 0.3 s are one utterance."""
        at = np.flatnonzero(self.heard) * 0.02
        return [round(float(t), 1) for i, t in enumerate(at) if not i or t - at[i - 1] > 0.3]


def call(
    replies: list[list[Timed]], *spans_s: tuple[float, float], last_s: float = 14.0, voice: FakeVoice | None = None
) -> tuple[Line, SlowPlanner]:
    """The caller speaks during `spans_s`; the agent answers with `replies`."""
    script = [any(a <= tick * 0.02 < b for a, b in spans_s) for tick in range(int(last_s * 50))]
    line, planner = Line(script), SlowPlanner(replies)

    async def main() -> None:
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        recognizer = FakeRecognizer(["I need a new card for my account"] * 9)
        session = Session("c", core, Engines(recognizer, voice or FakeVoice(), planner), FakeLog())
        await session.run(None, line)  # type: ignore[arg-type]

    virtual_time.run(main())
    return line, planner


ANSWER = [(0.0, Say("here it is")), (0.0, Listen())]


def late(seconds: float) -> list[Timed]:
    return [(seconds, Say("here it is")), (0.0, Listen())]


def test_an_answer_that_comes_in_time_needs_no_filler() -> None:
    line, _ = call([late(0.5)], (2.0, 3.5), last_s=9.0)
    assert line.begins_s() == [0.0, pytest.approx(4.7, abs=0.2)]


def test_ten_silent_seconds_are_bridged_once() -> None:
    line, planner = call([late(10.0)], (2.0, 3.5), last_s=17.0)
    greeting, filler, answer = line.begins_s()
    assert greeting == 0.0
    assert filler == pytest.approx(5.0, abs=0.3)  # 3.5 s, the silence that ends the turn, 0.8 s
    assert answer == pytest.approx(14.2, abs=0.3)
    assert planner.given[1].commits == 1


def test_two_slow_answers_in_a_row_are_bridged_once() -> None:
    line, _ = call([late(3.0), late(3.0), late(3.0)], (2.0, 3.5), (9.0, 10.5), (16.0, 17.5), last_s=23.0)
    begun = line.begins_s()
    assert [any(a < t < b for t in begun) for a, b in ((4.5, 6.0), (11.4, 13.0), (18.4, 20.0))] == [True, False, True]


def test_a_filler_is_never_said_over_the_caller_and_commits_nothing() -> None:
    line, planner = call([late(4.0), ANSWER], (2.0, 3.5), (4.7, 6.5))
    assert not any(line.heard[int(4.9 / 0.02) : int(6.5 / 0.02)])
    assert planner.given[1].commits == 0
    assert len(planner.given) == 3


def test_nothing_is_said_before_the_greeting() -> None:
    line, _ = call([], last_s=1.5)
    assert line.begins_s() == [0.0]


class NoFiller(FakeVoice):
    """Cannot say the filler."""

    async def utterance(self, text: str) -> Utterance:
        if text == load("en").sayings["filler"]:
            raise EngineError("the voice does not return")
        return await super().utterance(text)


def test_a_filler_that_cannot_be_said_costs_no_call() -> None:
    line, planner = call([late(4.0)], (2.0, 3.5), last_s=12.0, voice=NoFiller())
    assert line.begins_s() == [0.0, pytest.approx(8.2, abs=0.3)]
    assert planner.given[1].commits == 1
