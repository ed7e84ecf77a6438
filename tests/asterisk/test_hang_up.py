"""Callers who hang up in every state of the conversation. The server runs in this process, so a test sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.config import Config
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo, Situation
from bargein.core.turns.reply import Finish, Listen, Piece, Say
from bargein.core.turns.table import Event, State
from tests.fakes import FakePlanner

from .pbx import Asterisk
from .phone import Phone
from .product import speech

THINKS_S = 0.8
OPENING = "Thank you for calling the museum of telephones, where we keep everything that ever rang. Which floor?"
GOODBYE = "Thank you. We are open from ten to six and look forward to your visit. Goodbye."
SHORT, LONG = "Stop.", "Wait, I have a question about that, because I was there last week."
SLOW = "Excuse me, one question."  # the agent takes a quarter of a second to stop for these
OPENING_S = 1.5  # into the opening, a caller speaks over it
LIMIT_S = 12.0  # how long a call may take until its caller hangs up
ROUNDS = 5
LAG_MS = 100  # a row's times count samples sent, its duration is by the clock


@dataclass
class Call:
    """What is known here of one call, from the server that runs in this process."""

    state: State = State.THINKING
    planner: FakePlanner | None = None

    @property
    def answered(self) -> bool:
        """Whether the caller has said something, so that the agent's words are its goodbye."""
        return self.planner is not None and bool(self.planner.situations) and bool(self.planner.situations[-1].turns)


@dataclass(frozen=True)
class Caller:
    """Speaks once the call is in the state `speaks_in`, and hangs up once it is in `leaves_in`.

    answered: hangs up only once the agent is about to answer. later_s: waits this long before it hangs up.
    """

    leaves_in: State | None  # None: at once, while the call is being set up
    says: str = ""
    speaks_in: State = State.SPEAKING
    answered: bool = False
    later_s: float = 0.0


CALLERS = [
    Caller(None),
    Caller(State.THINKING),  # of its first words
    Caller(State.SPEAKING, later_s=0.5),
    Caller(State.DUCKED, SLOW),
    Caller(State.PAUSED, LONG),
    Caller(State.YIELDED, LONG),
    Caller(State.YIELDED, LONG, later_s=0.5),
    Caller(State.THINKING, SHORT, answered=True),
    Caller(State.SPEAKING, SHORT, answered=True, later_s=0.5),  # in its goodbye
    Caller(State.LISTENING, later_s=1.0),  # nobody speaks
    Caller(State.LISTENING, LONG, State.LISTENING, later_s=0.8),  # the caller speaks
]
AT_ONCE = 4


def answer(situation: Situation) -> Iterator[Piece]:
    if situation.turns:
        return iter([Say(GOODBYE, step="goodbye"), Finish("hangup")])
    return iter([Say(OPENING, step="opening"), Listen()])


class Switchboard:
    """The calls of the server, by the name that the caller shows, and the states in which they were left."""

    def __init__(self) -> None:
        self.left_in: Counter[State] = Counter()
        self.left_in_goodbye = 0
        self._calls: defaultdict[str, Call] = defaultdict(Call)  # by id
        self._ids: dict[str, str] = {}

    def planner(self, info: CallInfo) -> FakePlanner:
        planner = self._calls[info.id].planner = FakePlanner(answer, THINKS_S)
        self._ids[info.caller_name] = info.id
        return planner

    def call(self, name: str) -> Call | None:
        """None until the server knows it."""
        return self._calls[self._ids[name]] if name in self._ids else None

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """See every event of every conversation."""
        dispatch = Conversation._dispatch

        def watched(conversation: Conversation, event: Event, retracted: bool = False) -> None:
            call = self._calls[conversation.ledger._call_id]
            if event is Event.HANGUP:
                self.left_in[conversation.state] += 1
                self.left_in_goodbye += conversation.state is State.SPEAKING and call.answered
            dispatch(conversation, event, retracted)
            call.state = conversation.state

        monkeypatch.setattr(Conversation, "_dispatch", watched)

    def missed(self, caller: Caller) -> bool:
        """Whether no caller has hung up yet in the state of this one."""
        if caller.leaves_in is State.SPEAKING and caller.answered:
            return not self.left_in_goodbye
        return caller.leaves_in is not None and not self.left_in[caller.leaves_in]


@pytest.fixture
def switchboard(monkeypatch: pytest.MonkeyPatch) -> Switchboard:
    board = Switchboard()
    board.watch(monkeypatch)
    return board


@pytest.fixture
async def app(pbx: Asterisk, tmp_path: Path, switchboard: Switchboard) -> AsyncIterator[App]:
    plain = Config()
    config = replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(plain.fastagi, listen=f"127.0.0.1:{pbx.agi_port}"),
        store=replace(plain.store, url=f"sqlite:///{tmp_path / 'calls.db'}"),
    )
    app = App(config, switchboard.planner)
    await app.start()
    yield app
    await app.close()


async def place(pbx: Asterisk, board: Switchboard, caller: Caller, name: str) -> None:
    """One call."""

    async def until(state: State, answered: bool) -> None:
        while (call := board.call(name)) is None or (call.state, call.answered) != (state, answered):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async with Phone(pbx.sip_port, name=name) as phone:
        await phone.call("700")
        if caller.leaves_in is None:
            return
        with contextlib.suppress(TimeoutError):  # the state was over before it was seen
            async with asyncio.timeout(LIMIT_S):
                if caller.says:
                    await until(caller.speaks_in, False)
                    phone.say(speech(caller.says), time.monotonic() + OPENING_S - phone.answered_at)
                await until(caller.leaves_in, caller.answered)
                await asyncio.sleep(caller.later_s)


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
    pbx: Asterisk, switchboard: Switchboard, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    for text in (SHORT, LONG, SLOW):  # synthesized before it is needed
        speech(text)
    await place(pbx, switchboard, Caller(State.SPEAKING, later_s=0.5), "first")
    before = await over(app)
    placed, left_in = 1, switchboard.left_in
    left_in.clear()
    callers = CALLERS
    for _ in range(ROUNDS):  # a state that lasts a moment may be over when the news of the end arrives: try again
        for first in range(0, len(callers), AT_ONCE):
            group = callers[first : first + AT_ONCE]
            names = [f"caller {placed + index}" for index in range(len(group))]
            await asyncio.gather(*(place(pbx, switchboard, *each) for each in zip(group, names, strict=True)))
            placed += len(group)
        await over(app)
        callers = [caller for caller in CALLERS if switchboard.missed(caller)]
        if not callers:
            break
    assert await over(app) == before
    assert set(left_in) == set(State) - {State.ENDED}, left_in
    assert switchboard.left_in_goodbye
    assert not [record for record in caplog.records if record.levelname == "ERROR"]

    summaries = await app.store.calls(limit=1000)
    assert len(summaries) in (placed - 1, placed)  # one may be over before it has reached the server
    resolutions: Counter[str] = Counter()
    in_the_goodbye = wordless = 0
    for summary in summaries:
        row = await app.store.call(summary.id)
        assert row.ended_at
        assert row.outcome == "caller_hung_up"
        turns = [logged.turn for logged in await app.store.turns(row.id)]
        assert [turn.seq for turn in turns] == list(range(len(turns)))
        within_ms = row.duration_ms + LAG_MS
        assert all(turn.started_ms <= turn.ended_ms <= within_ms for turn in turns), (row, turns)
        wordless += not turns
        in_the_goodbye += bool(turns) and turns[-1].step == "goodbye" and bool(turns[-1].unheard_text)
        resolutions.update(logged.interruption.resolution for logged in await app.store.interruptions(call_id=row.id))
    assert in_the_goodbye
    assert wordless <= left_in[State.THINKING]  # who heard a word has a turn
    assert "ignored" not in resolutions
    assert resolutions["hung_up"] >= left_in[State.PAUSED] + left_in[State.YIELDED], (resolutions, left_in)
