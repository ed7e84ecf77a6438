"""The media engine in virtual time: when frames leave, and what one call may do to another."""

from __future__ import annotations

import asyncio
import gc
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_BYTES, FRAME_SAMPLES, SILENCE, Pcm
from bargein.core.detector.block import DetectorBlock
from bargein.core.detector.speech_detector import SpeechDetector
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.reply import Listen, Say
from bargein.core.turns.settings import ConversationSettings
from bargein.core.wire.line import LineAudio, LineDigit, LineEvent, LineHungUp
from bargein.data.trained import load_weights
from bargein.dialogue.languages import load
from bargein.server.media import AT_ONCE_CALLS, TOGETHER, MediaEngine
from bargein.server.session import Engines, Session
from tests.fakes import FakeLog, FakePlanner, FakeRecognizer, FakeVoice, LevelDetector, utterance

NOISE = np.random.default_rng(1).normal(0, 300, (50, FRAME_SAMPLES)).astype(np.int16)


class VirtualClock:
    """Time passes when somebody sleeps. `then` is called with each new time."""

    def __init__(self, then: Callable[[float], None] = lambda now: None) -> None:
        self.now = 1000.0
        self.day = datetime(2026, 1, 2, tzinfo=UTC)
        self._then = then

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return self.day

    async def sleep_until(self, deadline: float) -> None:
        self.now = max(self.now, deadline)
        self._then(self.now)
        await asyncio.sleep(0)


class Peer:
    """A connection that keeps what is sent with the time it is sent at."""

    stalled = False

    def __init__(self, clock: VirtualClock) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.handed_back = False
        self._clock = clock

    def deliver_to(self, receiver: object, sockets: object) -> None:
        self.receiver = receiver

    def come(self, *events: LineEvent) -> None:
        self.receiver.on_events(list(events))  # type: ignore[attr-defined]

    def send(self, data: bytes) -> None:
        self.sent.append((self._clock.now, data))

    async def hand_back(self) -> None:
        self.handed_back = True

    @property
    def times(self) -> np.ndarray:
        return np.array([at for at, _ in self.sent])


class Ear:
    """A call that notes what reaches it."""

    id = "c"
    detector = None

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.fault: Exception | None = None
        self.ticks = 0

    def sensitivity(self) -> float:
        return 0.5

    def on_audio(self, pcm: Pcm) -> None:
        if self.fault is not None:
            raise self.fault
        self.heard.append(int(pcm[0]))

    def on_upper(self, upper: Pcm) -> None:
        self.heard.append(("upper", len(upper), int(upper[0])))

    def on_digit(self, digit: str) -> None:
        self.heard.append(digit)

    def on_tick(self) -> Pcm | None:
        self.ticks += 1
        return SILENCE

    def stop(self, cause: str) -> None:
        pass


async def carry(engine: MediaEngine, clock: VirtualClock, calls: list[object]) -> tuple[list[Peer], list[asyncio.Task]]:
    peers = [Peer(clock) for _ in calls]
    tasks = [asyncio.create_task(engine.carry(c, p)) for c, p in zip(calls, peers, strict=True)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    return peers, tasks


async def until(clock: VirtualClock, seconds: float) -> None:
    end = clock.now + seconds
    while clock.now < end:  # noqa: ASYNC110 - each turn of the loop is a step of virtual time
        await asyncio.sleep(0)


async def hang_up(peers: list[Peer], tasks: list[asyncio.Task]) -> None:
    for peer, task in zip(peers, tasks, strict=True):
        if not task.done():
            peer.come(LineHungUp())
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_frames_leave_every_20_ms_and_calls_are_spread_over_that_time() -> None:
    clock = VirtualClock()
    peers, tasks = await carry(MediaEngine(clock), clock, [Ear() for _ in range(40)])
    await until(clock, 2.0)
    for peer in peers:
        assert np.allclose(np.diff(peer.times), 0.02)
        assert peer.sent[0][1] == struct.pack(">BH", 0x10, FRAME_BYTES) + bytes(FRAME_BYTES)
    phases = [round((peer.times[5] % 0.02) * 200) % 4 for peer in peers]
    assert [phases.count(phase) for phase in range(4)] == [10, 10, 10, 10]
    await hang_up(peers, tasks)


async def test_frames_that_are_due_go_before_those_that_have_come() -> None:
    clock = VirtualClock()
    engine = MediaEngine(clock)

    class Slow(Ear):
        def on_audio(self, pcm: Pcm) -> None:
            clock.now += 0.0001
            super().on_audio(pcm)

    ears = [Slow() for _ in range(96)]
    peers, tasks = await carry(engine, clock, ears)
    for number in range(50):
        for peer in peers:
            peer.come(LineAudio(np.full(FRAME_SAMPLES, number, np.int16)))
        await until(clock, 0.02)
    assert all(ear.heard == list(range(50)) for ear in ears)
    late = np.concatenate([(peer.times - 1000 + 1e-6) % 0.005 for peer in peers])
    assert late.max() < 0.0032  # 96 frames take 9.6 ms, twice as long as a slot
    await hang_up(peers, tasks)


@pytest.mark.parametrize("wideband", [False, True])
async def test_a_caller_who_hears_16_khz_gets_frames_of_that_kind(wideband: bool) -> None:
    clock = VirtualClock()
    planner = FakePlanner(lambda situation: [Say("one two three"), Listen()])
    settings = ConversationSettings(wideband=wideband)
    core = Conversation("c", LevelDetector(), load("en"), settings)  # type: ignore[arg-type]
    session = Session("c", core, Engines(FakeRecognizer(), FakeVoice(), planner), FakeLog())
    (peer,), tasks = [Peer(clock)], []
    tasks.append(asyncio.create_task(session.run(peer, MediaEngine(clock))))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await until(clock, 2.0)
    times = 2 if wideband else 1
    header = struct.pack(">BH", 0x12 if wideband else 0x10, times * FRAME_BYTES)
    assert {data[:3] for _, data in peer.sent} == {header}
    assert {len(data) for _, data in peer.sent} == {3 + times * FRAME_BYTES}
    loud = np.abs(np.frombuffer(b"".join(data[3:] for _, data in peer.sent), "<i2")) > 100
    assert abs(np.count_nonzero(loud) / times - np.count_nonzero(utterance("one two three").pcm)) < 500
    await hang_up([peer], tasks)


async def test_after_a_stall_frames_that_are_lost_are_not_sent_in_a_burst() -> None:
    clock = VirtualClock()
    engine = MediaEngine(clock)
    peers, tasks = await carry(engine, clock, [Ear() for _ in range(8)])
    await until(clock, 1.0)
    clock.now += 0.5
    stalled_until = clock.now
    await until(clock, 1.0)
    for peer in peers:
        after = peer.times[peer.times >= stalled_until]
        assert np.diff(after).min() > 0.014
        assert 48 <= len(after) <= 53
    assert 0 < engine.late_frames <= 8
    await hang_up(peers, tasks)


async def test_a_small_delay_is_made_up_for_so_that_the_grid_stays_absolute() -> None:
    clock = VirtualClock()
    peers, tasks = await carry(MediaEngine(clock), clock, [Ear()])
    await until(clock, 1.0)
    first = peers[0].times[0]
    clock.now += 0.013
    await until(clock, 1.0)
    assert (peers[0].times[-1] - first) % 0.02 == pytest.approx(0.0, abs=1e-6) or (
        peers[0].times[-1] - first
    ) % 0.02 == pytest.approx(0.02, abs=1e-6)
    await hang_up(peers, tasks)


async def test_what_is_above_4_khz_comes_before_its_frame() -> None:
    clock, ear = VirtualClock(), Ear()
    peers, tasks = await carry(MediaEngine(clock), clock, [ear])
    wide = [LineAudio(np.full(n, at, np.int16), np.full(2 * n, at, np.int16)) for at, n in enumerate((100, 60, 160), 1)]
    peers[0].come(*wide)
    await until(clock, 0.1)
    assert ear.heard == [("upper", 320, 1), 1, ("upper", 320, 3), 3]
    await hang_up(peers, tasks)


@pytest.mark.parametrize("count", [1, AT_ONCE_CALLS + 4])
async def test_what_a_caller_sends_arrives_in_order_whatever_its_size(count: int) -> None:
    clock = VirtualClock()
    ears = [Ear() for _ in range(count)]
    peers, tasks = await carry(MediaEngine(clock), clock, list(ears))
    peers[0].come(LineAudio(np.full(200, 1, np.int16)), LineDigit("5"))
    peers[0].come(LineAudio(np.full(120, 2, np.int16)), LineDigit("#"), LineAudio(np.full(160, 3, np.int16)))
    await until(clock, 0.02)
    assert ears[0].heard == [1, "5", 1, "#", 3]
    await hang_up(peers, tasks)


async def test_a_fault_ends_the_call_that_it_happens_in() -> None:
    clock = VirtualClock()
    ears = [Ear() for _ in range(20)]
    ears[3].fault = ValueError("a fault")
    peers, tasks = await carry(MediaEngine(clock), clock, list(ears))
    for peer in peers:
        peer.come(LineAudio(NOISE[0]))
    await until(clock, 0.1)
    assert isinstance(tasks[3].exception(), ValueError)
    assert not any(task.done() for task in tasks[:3] + tasks[4:])
    assert all(len(ear.heard) == 1 for ear in ears[:3] + ears[4:])
    await hang_up(peers, tasks)


async def test_who_has_several_frames_waiting_lets_others_go_first() -> None:
    clock, order = VirtualClock(), list[int]()
    engine = MediaEngine(clock)
    ears = [Ear() for _ in range(TOGETHER + 4)]
    peers, tasks = await carry(engine, clock, ears)
    for number, ear in enumerate(ears):
        ear.on_audio = lambda *_, number=number: order.append(number)  # type: ignore[method-assign]
    for peer in peers:
        for _ in range(3):
            peer.come(LineAudio(NOISE[0]))
    await until(clock, 0.04)
    assert sorted(order[: len(ears)]) == list(range(len(ears)))
    await hang_up(peers, tasks)


async def test_the_grid_stops_when_there_are_no_calls() -> None:
    clock = VirtualClock()
    peers, tasks = await carry(MediaEngine(clock), clock, [Ear()])
    await hang_up(peers, tasks)
    await asyncio.sleep(0)
    stopped_at = clock.now
    for _ in range(20):
        await asyncio.sleep(0)
    assert clock.now == stopped_at
    assert len(asyncio.all_tasks()) == 1


def session(call_id: str, detector: object, shared: SpeechDetector | None = None) -> Session:
    planner = FakePlanner(lambda situation: [Say("one two three four five six seven"), Listen()])
    core = Conversation(call_id, detector, load("en"))  # type: ignore[arg-type]
    return Session(call_id, core, Engines(FakeRecognizer(), FakeVoice(), planner), FakeLog(), None, shared)


@pytest.mark.slow
async def test_a_call_of_one_hour_keeps_its_pace_though_the_clock_of_the_day_is_set_back() -> None:
    clock = VirtualClock()
    peers, tasks = await carry(MediaEngine(clock), clock, [session("c", LevelDetector())])
    del tasks
    await until(clock, 1800.0)
    clock.day -= timedelta(days=30)
    await until(clock, 1800.0)
    (peer,) = peers
    assert len(peer.sent) == pytest.approx(180_000, abs=2)
    assert np.abs(np.diff(peer.times) - 0.02).max() < 1e-6


@pytest.mark.slow
async def test_5000_short_calls_and_then_5000_more_leave_nothing_behind() -> None:
    clock, block = VirtualClock(), DetectorBlock(load_weights())
    engine = MediaEngine(clock)

    async def calls(rounds: int) -> int:
        for at in range(rounds):
            sessions = []
            for k in range(50):
                detector = SpeechDetector(block)
                sessions.append(session(f"{at}-{k}", detector, detector))
            peers = [Peer(clock) for _ in sessions]
            tasks = [asyncio.create_task(s.run(p, engine)) for s, p in zip(sessions, peers, strict=True)]  # type: ignore[arg-type]
            await asyncio.sleep(0)
            for peer in peers:
                peer.come(LineAudio(NOISE[0]))
            await until(clock, 0.02)
            for peer in peers:
                peer.come(LineHungUp())
            await asyncio.gather(*tasks)
        del sessions, detector, peers, tasks, peer
        gc.collect()
        return len(gc.get_objects())

    await calls(2)
    first, second = await calls(100), await calls(100)
    assert second - first < 200
    assert block.capacity <= 64
