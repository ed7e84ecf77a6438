"""A session over a real TCP connection, with fake engines and real time."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from typing import ClassVar

import numpy as np
import pytest

from bargein.clock import SystemClock
from bargein.core.audio.pcm import from_bytes, to_bytes
from bargein.core.turns import actions as act
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import Situation
from bargein.core.turns.reply import Finish, Listen, Piece, Say
from bargein.core.turns.transcript import SoundProbabilities
from bargein.core.wire.audiosocket import Decoder, Frame, FrameKind, encode
from bargein.dialogue.languages import load
from bargein.server.connection import Connection
from bargein.server.media import MediaEngine
from bargein.server.session import Engines, Session
from tests.fakes import LOUD, QUIET, FakeLog, FakePlanner, FakeRecognizer, FakeStream, FakeVoice, LevelDetector
from tests.waiting import until

CALL_ID = "00000000-0000-4000-8000-000000000001"
MENU = "the red mug costs ten dollars and the green mug twelve"


class Far:
    """Asterisk's side of one call: keeps every frame with the time it came."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, Frame]] = []
        self.closed = asyncio.Event()

    async def connect(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(encode(FrameKind.ID, uuid.UUID(CALL_ID).bytes))
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        decoder = Decoder()
        while data := await self.reader.read(4096):
            self.frames += [(time.monotonic(), frame) for frame in decoder.feed(data)]
            if any(frame.kind == FrameKind.HANGUP for _, frame in self.frames):
                break
        self.closed.set()
        self.writer.close()

    async def speak(self, ms: int, pcm: np.ndarray = LOUD) -> None:
        for _ in range(ms // 20):
            self.writer.write(encode(FrameKind.AUDIO, to_bytes(pcm)))
            await asyncio.sleep(0.02)

    @property
    def audio(self) -> np.ndarray:
        return np.concatenate([from_bytes(f.payload) for _, f in self.frames if f.kind == FrameKind.AUDIO])


class Setup:
    def __init__(self, planner: FakePlanner, recognizer: FakeRecognizer) -> None:
        self.planner, self.recognizer, self.log = planner, recognizer, FakeLog()
        self.session: Session | None = None
        self.done = asyncio.Event()

    def opened(self, connection: Connection) -> None:
        self._task = asyncio.create_task(self._serve(connection))

    async def _serve(self, connection: Connection) -> None:
        assert await connection.call_id() == CALL_ID
        core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
        self.session = Session("c", core, Engines(self.recognizer, FakeVoice(), self.planner), self.log)
        await self.session.run(connection, MediaEngine(SystemClock()))
        connection.close()
        self.done.set()


@pytest.fixture
async def call() -> AsyncIterator[Callable[..., object]]:
    servers: list[asyncio.Server] = []

    async def make(
        answer: Callable[[Situation], Iterable[Piece]], texts: list[str], delay_s: float = 0.0
    ) -> tuple[Setup, Far]:
        setup, far = Setup(FakePlanner(answer, delay_s), FakeRecognizer(texts)), Far()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(setup.opened, SystemClock()), "127.0.0.1", 0)
        servers.append(server)
        await far.connect(server.sockets[0].getsockname()[1])
        return setup, far

    yield make
    for server in servers:
        server.close()


def menu_then(*pieces: Piece) -> Callable[[Situation], list[Piece]]:
    def answer(situation: Situation) -> list[Piece]:
        return list(pieces) if situation.turns else [Say(MENU), Listen()]

    return answer


class WideStream(FakeStream):
    """Notes what is above 4 kHz."""

    uppers: ClassVar[list[np.ndarray]] = []

    def feed_wide(self, pcm: np.ndarray, upper: np.ndarray) -> None:
        assert len(upper) == 2 * len(pcm)
        self.uppers.append(upper)
        self.feed(pcm)


async def test_a_recognizer_gets_what_a_line_of_16_khz_has_above_4_khz(call, monkeypatch) -> None:
    hiss = (6000 * np.sin(2 * np.pi * 6000 * np.arange(320) / 16_000)).astype(np.int16)
    loud = np.repeat(LOUD, 2) // 2 + hiss
    setup, far = await call(menu_then(Say("Fine."), Finish("done")), ["stop"])
    monkeypatch.setattr(setup.recognizer, "stream", lambda *_: WideStream(setup.recognizer, "stop"))
    await until(lambda: len(far.frames) > 10)
    for pcm in [loud] * 20 + [np.zeros(320, np.int16)] * 60:
        far.writer.write(encode(FrameKind.WIDE_AUDIO, to_bytes(pcm)))
        await asyncio.sleep(0.02)
    upper = np.concatenate(WideStream.uppers)
    assert np.argmax(np.abs(np.fft.rfft(upper[:16_000].astype(float), 16_000))) == 6000


def test_what_is_above_4_khz_is_silence_where_nothing_had_come() -> None:
    core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
    session = Session("c", core, Engines(FakeRecognizer(), FakeVoice(), FakePlanner(menu_then())), FakeLog())
    stream, two_frames = WideStream(FakeRecognizer(), ""), np.zeros(320, np.int16)
    WideStream.uppers.clear()
    session._feed(stream, two_frames)
    assert not WideStream.uppers  # a line of 8 kHz
    session.on_upper(np.full(320, 7, np.int16))
    session._feed(stream, two_frames)
    assert list(WideStream.uppers[0]) == [0] * 320 + [7] * 320


class JudgingRecognizer(FakeRecognizer):
    """It is asked what the beginning of a sound is; without an answer it fails."""

    def __init__(self, answer: SoundProbabilities | None) -> None:
        super().__init__()
        self.answer = answer

    async def judge_sound(self, pcm: np.ndarray) -> SoundProbabilities:
        if self.answer is None:
            raise OSError("it broke")
        return self.answer


@pytest.mark.parametrize("answer", [SoundProbabilities(0.5, 0.25, 0.25), None])
async def test_what_the_recognizer_says_of_a_sound_reaches_the_conversation(
    answer: SoundProbabilities | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = Conversation("c", LevelDetector(), load("en"))  # type: ignore[arg-type]
    session = Session("c", core, Engines(JudgingRecognizer(answer), FakeVoice(), FakePlanner(menu_then())), FakeLog())
    told: list[tuple[int, SoundProbabilities]] = []
    monkeypatch.setattr(core, "on_sound", lambda *args: told.append(args))
    async with asyncio.TaskGroup() as session._tasks:
        session._perform([act.JudgeSound(7, LOUD)])
    assert told == ([(7, answer)] if answer is not None else [])


@pytest.mark.flaky(reruns=2)  # it measures real time; test_media.py shows the grid in virtual time
async def test_audio_leaves_every_20_ms_in_frames_of_320_bytes(call) -> None:
    _, far = await call(menu_then(), [])
    await until(lambda: len(far.frames) > 50)
    times = [t for t, f in far.frames]
    assert {(f.kind, len(f.payload)) for _, f in far.frames} == {(FrameKind.AUDIO, 320)}
    assert np.median(np.diff(times)) == pytest.approx(0.02, abs=0.005)
    far.writer.close()


async def test_an_interruption_over_tcp(call) -> None:
    setup, far = await call(menu_then(Say("one blue mug"), Finish("hangup")), ["no, the blue one"])
    await asyncio.sleep(0.6)
    await far.speak(700)
    assert setup.session.now.caller_dbfs > -30
    await far.speak(1500, QUIET)
    await asyncio.wait_for(setup.done.wait(), 15)
    row = setup.log.rows[0]
    assert row.caller_text == "no, the blue one"
    assert row.resolution == "hung_up"
    assert [t.heard_text for t in setup.log.turns.values()][1:] == ["no, the blue one", "one blue mug"]
    assert far.frames[-1][1].kind == FrameKind.HANGUP
    assert setup.session.finish == Finish("hangup")
    assert setup.planner.replies[0].cancelled
    assert [r.committed for r in setup.planner.replies] == [1, 1]


async def test_a_caller_who_hangs_up_ends_everything(call) -> None:
    setup, far = await call(menu_then(), [])
    await until(lambda: len(far.frames) > 20)
    far.writer.close()
    await asyncio.wait_for(setup.done.wait(), 10)
    assert setup.session.finish is None
    assert setup.log.turns[0].cut_word
    assert len(asyncio.all_tasks()) <= 3


async def test_garbage_in_mid_call_ends_this_call_only(call, caplog) -> None:
    setup, far = await call(menu_then(), [])
    other, other_far = await call(menu_then(), [])
    await asyncio.sleep(0.2)
    far.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(setup.done.wait(), 15)
    assert "no AudioSocket frame: kind 0x47" in caplog.text
    assert setup.session.finish == Finish("failed")
    assert far.frames[-1][1].kind == FrameKind.HANGUP  # the dialplan goes on
    assert not other.done.is_set()
    other_far.writer.close()


async def test_audio_faster_than_time_ends_the_call(call, caplog) -> None:
    setup, far = await call(menu_then(), [])
    await asyncio.sleep(0.1)
    sent_s = 0
    with contextlib.suppress(ConnectionError):
        while not setup.done.is_set() and sent_s < 60:
            far.writer.write(encode(FrameKind.AUDIO, to_bytes(QUIET)) * 50)
            sent_s += 1
            await asyncio.sleep(0.01)
    await asyncio.wait_for(setup.done.wait(), 15)
    assert [record.getMessage() for record in caplog.records] == [
        "call c: more than 15 s of audio ahead of time; the dialplan goes on"
    ]
    assert setup.session.cause == "more than 15 s of audio ahead of time"


async def test_seconds_of_backlog_are_heard(call, caplog) -> None:
    """A server that stood still finds in its socket what came meanwhile."""
    setup, far = await call(menu_then(), [])
    far.writer.write(encode(FrameKind.AUDIO, to_bytes(QUIET)) * 500)
    await asyncio.sleep(0.5)
    assert not setup.done.is_set()
    assert not caplog.records
    far.writer.close()


@pytest.mark.parametrize("kind", [FrameKind.AUDIO, FrameKind.DTMF])
async def test_a_frame_of_65535_bytes_in_mid_call(call, caplog, kind: FrameKind) -> None:
    setup, far = await call(menu_then(), [])
    await asyncio.sleep(0.1)
    far.writer.write(struct.pack(">BH", kind, 65_535) + bytes(65_535))
    far.writer.write(encode(FrameKind.AUDIO, to_bytes(QUIET)))
    before = len(far.frames)
    await until(lambda: len(far.frames) > before + 10)
    assert not setup.done.is_set()
    assert ("without a digit" in caplog.text) is (kind == FrameKind.DTMF)
    far.writer.close()


async def test_a_frame_of_unknown_kind_in_mid_call_is_skipped_with_one_warning(call, caplog) -> None:
    setup, far = await call(menu_then(), [])
    await asyncio.sleep(0.1)
    for kind in (0x02, 0x02, 0x7F):
        far.writer.write(encode(kind, b"\x015\0\0\0\0") + encode(FrameKind.AUDIO, to_bytes(QUIET)))
    await until(lambda: "unknown kind" in caplog.text)
    await asyncio.sleep(0.2)
    assert not setup.done.is_set()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "bargein.server.media"]
    assert "unknown kind 0x02" in line
    far.writer.close()


async def test_a_planner_that_fails_gives_the_call_back(call, caplog) -> None:
    def broken(situation: Situation) -> list[Piece]:
        raise RuntimeError("no model")

    setup, far = await call(broken, [])
    await asyncio.wait_for(far.closed.wait(), 15)
    assert setup.session.finish == Finish("failed")
    assert "RuntimeError at " in caplog.text


async def test_sentences_come_in_order_and_the_next_is_made_while_one_plays(call) -> None:
    def answer(situation: Situation) -> list[Piece]:
        return [Say("one two"), Say("three four"), Finish("continue")]

    setup, _far = await call(answer, [], delay_s=0.05)
    await asyncio.wait_for(setup.done.wait(), 15)
    assert setup.log.turns[0].heard_text == "one two three four"


async def test_stop_hands_the_call_back_with_a_hangup_frame(call) -> None:
    setup, far = await call(menu_then(), [])
    await asyncio.sleep(0.2)
    setup.session.stop("a test")
    await asyncio.wait_for(far.closed.wait(), 15)
    assert far.frames[-1][1] == Frame(FrameKind.HANGUP, b"")
    assert setup.session.finish == Finish("failed")  # the flow is not done: its caller goes to people


async def test_a_clump_after_a_stall_is_not_answered_with_a_burst(call) -> None:
    _setup, far = await call(menu_then(), [])
    await asyncio.sleep(0.3)
    before = len(far.frames)
    time.sleep(0.5)  # noqa: ASYNC251 - the stall itself
    stalled_until = time.monotonic()
    await asyncio.sleep(0.1)
    assert len(far.frames) - before < 10 + (time.monotonic() - stalled_until) / 0.02
    far.writer.close()


def test_the_header_and_payload_of_a_frame_are_one_write() -> None:
    assert encode(FrameKind.AUDIO, b"ab") == struct.pack(">BH", 0x10, 2) + b"ab"


async def test_a_recognizer_that_fails_to_listen_gives_the_call_back(call, caplog) -> None:
    setup, far = await call(menu_then(), [])
    setup.recognizer.stream = lambda language, hints=(): setup.recognizer.check("xx")
    await until(lambda: len(far.frames) > 20)
    await far.speak(300)
    await asyncio.wait_for(setup.done.wait(), 15)
    assert setup.session.finish == Finish("failed")
    assert setup.log.turns[0].cut_word
    assert far.frames[-1][1].kind == FrameKind.HANGUP
    assert [record.getMessage() for record in caplog.records if record.name == "bargein.server.session"] == [
        "call c: no speech to text: no xx here; the dialplan goes on"
    ]


async def test_audio_of_another_rate_ends_this_call_with_one_line(call, caplog) -> None:
    setup, far = await call(menu_then(), [])
    far.writer.write(b"\x16\x07\x80" + bytes(1920))
    await asyncio.wait_for(setup.done.wait(), 15)
    cause = "the audio is at 48 kHz, not 8 or 16; write Dial(AudioSocket/.../c(slin)) in the dialplan"
    assert [record.getMessage() for record in caplog.records if record.name == "bargein.server.media"] == [
        f"call c: {cause}; the dialplan goes on"
    ]
    assert (setup.session.finish, setup.session.cause) == (Finish("failed"), cause)
