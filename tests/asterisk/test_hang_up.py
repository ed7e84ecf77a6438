"""Callers who hang up in every state of the conversation. The server runs here, so that one sees what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.config import Config
from bargein.core.turns import conversation
from bargein.core.turns.records import CallInfo, Situation
from bargein.core.turns.reply import Finish, Listen, Piece, Say
from bargein.core.turns.table import Effect, Event, State, step
from tests.fakes import FakePlanner

from .pbx import Asterisk
from .phone import Phone
from .product import speech

THINKS_S = 0.8
OPENING = "Thank you for calling the museum of telephones, where we keep everything that ever rang. Which floor?"
GOODBYE = "Thank you. We are open from ten to six and look forward to your visit. Goodbye."
SHORT, LONG = "Stop.", "Wait, I have a question about that, because I was there last week."


@dataclass(frozen=True)
class Caller:
    """Hangs up `until` s after the answer; speaks at `at` s."""

    until: float
    says: str = ""
    at: float = 2.5


# The agent talks from about 1.0 to 6.5 s. What takes a moment that is not exact is tried at several.
CALLERS = [
    Caller(0.05),  # while the call is being set up
    Caller(0.5),  # the agent thinks of its first words
    Caller(2.0),  # it speaks
    *(Caller(2.5 + after, LONG) for after in (0.2, 0.3, 0.4, 0.5)),  # it has paused
    *(Caller(2.5 + after, LONG) for after in (1.6, 2.0)),  # it has yielded
    *(Caller(after, SHORT) for after in (3.4, 3.7, 4.0, 4.3)),  # it thinks of an answer
    Caller(8.0),  # it listens, and nobody speaks
    Caller(8.3, LONG, 7.5),  # it listens to the caller
    Caller(6.0, SHORT),  # in its goodbye
]
AT_ONCE = 4
LAG_MS = 100  # a row's times count samples sent, its duration is by the clock


def answer(situation: Situation) -> Iterator[Piece]:
    if situation.turns:
        return iter([Say(GOODBYE, step="goodbye"), Finish("hangup")])
    return iter([Say(OPENING, step="opening"), Listen()])


def planner(_: CallInfo) -> FakePlanner:
    return FakePlanner(answer, THINKS_S)


@pytest.fixture
async def app(pbx: Asterisk, tmp_path: Path) -> AsyncIterator[App]:
    plain = Config()
    config = replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(plain.fastagi, listen=f"127.0.0.1:{pbx.agi_port}"),
        store=replace(plain.store, url=f"sqlite:///{tmp_path / 'calls.db'}"),
    )
    app = App(config, planner)
    await app.start()
    yield app
    await app.close()


async def call(pbx: Asterisk, app: App, caller: Caller) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        if caller.says:
            phone.say(speech(caller.says), caller.at)
        await asyncio.sleep(phone.answered_at + caller.until - time.monotonic())


async def over(app: App) -> tuple[int, int]:
    """Once no call is left: the tasks of this process, and its sockets."""
    async with asyncio.timeout(8):
        while app.server.calls:  # noqa: ASYNC110 - the server has no event for a test
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    await app.store.flush()
    return len(asyncio.all_tasks()), sum(is_socket(Path("/proc/self/fd", fd)) for fd in os.listdir("/proc/self/fd"))


def is_socket(fd: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # the listing's own
        return os.readlink(fd).startswith("socket:")
    return False


async def test_hanging_up_in_any_state_leaves_nothing_behind(
    pbx: Asterisk, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left_in: Counter[State] = Counter()

    def traced(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        if event is Event.HANGUP:
            left_in[state] += 1
        return step(state, event)

    monkeypatch.setattr(conversation, "step", traced)
    for text in (SHORT, LONG):  # synthesized before it is needed
        speech(text)
    await call(pbx, app, Caller(2.0))
    before = await over(app)
    for first in range(0, len(CALLERS), AT_ONCE):
        await asyncio.gather(*(call(pbx, app, caller) for caller in CALLERS[first : first + AT_ONCE]))
    assert await over(app) == before
    assert set(left_in) == set(State) - {State.ENDED}, left_in
    assert not [record for record in caplog.records if record.levelname == "ERROR"]

    summaries = await app.store.calls(limit=100)
    assert len(summaries) in (len(CALLERS), len(CALLERS) + 1)  # one may be over before it has reached the server
    resolutions: Counter[str] = Counter()
    in_the_goodbye, wordless = False, 0
    for summary in summaries:
        row = await app.store.call(summary.id)
        assert row.ended_at
        assert row.outcome == "caller_hung_up"
        turns = [logged.turn for logged in await app.store.turns(row.id)]
        assert [turn.seq for turn in turns] == list(range(len(turns)))
        within_ms = row.duration_ms + LAG_MS
        assert all(turn.started_ms <= turn.ended_ms <= within_ms for turn in turns), (row, turns)
        wordless += not turns
        in_the_goodbye |= bool(turns) and turns[-1].step == "goodbye" and bool(turns[-1].unheard_text)
        resolutions.update(logged.interruption.resolution for logged in await app.store.interruptions(call_id=row.id))
    assert in_the_goodbye
    assert wordless <= left_in[State.THINKING]  # who heard a word has a turn
    assert "ignored" not in resolutions
    assert resolutions["hung_up"] >= left_in[State.PAUSED] + left_in[State.YIELDED], (resolutions, left_in)
