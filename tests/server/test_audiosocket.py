"""The AudioSocket server: who is served, who is refused, and that one caller's trouble is not another's."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import Listen, Say
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.dialogue.languages import load
from bargein.errors import UserError
from bargein.server.audiosocket import AudioSocketServer, Limits
from bargein.server.media import MediaEngine
from bargein.server.registry import Registry
from bargein.server.session import Engines, Session
from tests.fakes import FakeLog, FakePlanner, FakeRecognizer, FakeVoice, LevelDetector
from tests.waiting import until


class Bench:
    def __init__(self, **limits: object) -> None:
        self.registry = Registry(SystemClock())
        self.ended: list[str] = []
        self.broken = False
        self.logged: set[str] = set()
        self.trouble: Exception | None = None
        self.no_flow = False
        self.prepared = asyncio.Event()
        self.prepared.set()
        self.preparing = self.refused = 0
        self.server = AudioSocketServer(
            self.registry,
            self._session,
            lambda info, session: self.ended.append(info.id),
            MediaEngine(SystemClock()),
            Limits(**limits),  # type: ignore[arg-type]
            self._is_logged,
            prepare=self._prepare,
            refused=self._count,
        )

    def _count(self) -> None:
        self.refused += 1

    async def _prepare(self, info: CallInfo) -> None:
        self.preparing += 1
        await self.prepared.wait()
        if self.no_flow:
            raise ValueError("no flow")

    async def _is_logged(self, call_id: str) -> bool:
        if self.trouble is not None:
            raise self.trouble
        return call_id in self.logged

    def _session(self, info: CallInfo) -> Session:
        if self.broken:
            raise RuntimeError("no model")
        planner = FakePlanner(lambda situation: [Say("one two three four five six seven"), Listen()])
        core = Conversation(info.id, LevelDetector(), load("en"))  # type: ignore[arg-type]
        return Session(info.id, core, Engines(FakeRecognizer(), FakeVoice(), planner), FakeLog())

    async def dial(self, call_id: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        call_id = call_id or self.registry.register(CallInfo(""))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
        return reader, writer


@pytest.fixture
async def bench(request) -> AsyncIterator[Bench]:
    bench = Bench(**getattr(request, "param", {}))
    await bench.server.start("127.0.0.1", 0)
    yield bench
    await bench.server.close()


async def first_kind(reader: asyncio.StreamReader) -> int | None:
    data = await asyncio.wait_for(reader.read(3), 10)
    return data[0] if data else None


async def test_a_call_that_was_announced_is_served(bench: Bench) -> None:
    reader, writer = await bench.dial()
    assert await first_kind(reader) == FrameKind.AUDIO
    assert bench.server.calls == 1
    writer.close()
    await until(lambda: not bench.server.calls)
    assert len(bench.ended) == 1


async def test_an_id_nobody_gave_out_goes_back_to_the_dialplan(bench: Bench, caplog) -> None:
    reader, _ = await bench.dial(str(uuid.uuid4()))
    assert await first_kind(reader) == FrameKind.HANGUP
    assert "was not given out" in caplog.text


async def test_an_id_is_good_once(bench: Bench) -> None:
    call_id = bench.registry.register(CallInfo(""))
    first, writer = await bench.dial(call_id)
    assert await first_kind(first) == FrameKind.AUDIO
    second, _ = await bench.dial(call_id)
    assert await first_kind(second) == FrameKind.HANGUP
    assert bench.server.calls == 1
    writer.close()


@pytest.mark.parametrize("bench", [{"accept_unregistered": True}], indirect=True)
async def test_unregistered_calls_where_they_are_wanted(bench: Bench) -> None:
    reader, _ = await bench.dial(str(uuid.uuid4()))
    assert await first_kind(reader) == FrameKind.AUDIO


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", encode(FrameKind.AUDIO, bytes(320)), b"\x01\x00\x04abcd"])
async def test_garbage_is_one_line_and_disturbs_nobody(bench: Bench, caplog, data: bytes) -> None:
    good, _ = await bench.dial()
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
    writer.write(data)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert len([r for r in caplog.records if r.name == "bargein.server.audiosocket"]) == 1
    decoder, frames = Decoder(), []
    while len(frames) < 10:
        frames += decoder.feed(await asyncio.wait_for(good.read(4096), 10))
    assert all(frame.kind == FrameKind.AUDIO for frame in frames)


@pytest.mark.parametrize("bench", [{"id_timeout_s": 0.1}], indirect=True)
async def test_a_connection_that_says_nothing_is_closed(bench: Bench, caplog) -> None:
    reader, _ = await asyncio.open_connection("127.0.0.1", bench.server.port)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert "sent no call id in time" in caplog.text


@pytest.mark.parametrize("bench", [{"max_pending": 1}], indirect=True)
async def test_connections_without_an_id_are_limited(bench: Bench) -> None:
    waiting = await asyncio.open_connection("127.0.0.1", bench.server.port)
    reader, _ = await asyncio.open_connection("127.0.0.1", bench.server.port)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    waiting[1].close()


@pytest.mark.parametrize("bench", [{"max_calls": 1}], indirect=True)
async def test_at_capacity_the_dialplan_goes_on(bench: Bench) -> None:
    first, _ = await bench.dial()
    assert await first_kind(first) == FrameKind.AUDIO
    assert not bench.server.admits()
    assert bench.refused == 0
    second, _ = await bench.dial()
    assert await first_kind(second) == FrameKind.HANGUP
    assert bench.refused == 1


@pytest.mark.parametrize("bench", [{"peers": [ip_network("10.0.0.0/8")]}, {"peers": []}], indirect=True)
async def test_only_peers_may_connect(bench: Bench, caplog) -> None:
    reader, _ = await bench.dial()
    with contextlib.suppress(ConnectionError):  # what was sent is still unread
        assert await asyncio.wait_for(reader.read(), 10) == b""
    assert "audiosocket.peers" in caplog.text


async def test_a_call_that_cannot_be_served_goes_back_to_the_dialplan(bench: Bench, caplog) -> None:
    bench.broken = True
    reader, _ = await bench.dial()
    assert await first_kind(reader) == FrameKind.HANGUP
    assert "RuntimeError at " in caplog.text
    assert bench.server.calls == 0


async def test_the_id_and_audio_may_come_in_one_packet(bench: Bench) -> None:
    call_id = bench.registry.register(CallInfo(""))
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes) + encode(FrameKind.AUDIO, bytes(320)) * 3)
    assert await first_kind(reader) == FrameKind.AUDIO


@pytest.mark.parametrize("bench", [{"max_pending": 2}], indirect=True)
async def test_what_is_being_handed_back_counts_as_pending(bench: Bench) -> None:
    wrong = [await bench.dial(str(uuid.uuid4())) for _ in range(2)]  # they do not read to the end, nor close
    for reader, _ in wrong:
        assert await first_kind(reader) == FrameKind.HANGUP
    refused, _ = await asyncio.open_connection("127.0.0.1", bench.server.port)
    assert await asyncio.wait_for(refused.read(), 10) == b""
    for _, writer in wrong:
        writer.close()
    kind: int | None = None
    async with asyncio.timeout(10):
        while kind != FrameKind.AUDIO:
            with contextlib.suppress(ConnectionError):  # refused, as long as those two count
                reader, writer = await bench.dial()
                kind = await first_kind(reader)


@pytest.mark.parametrize("bench", [{"accept_unregistered": True}], indirect=True)
async def test_calls_of_one_fixed_id_are_all_served_and_each_has_a_log_of_its_own(bench: Bench, caplog) -> None:
    call_id = str(uuid.uuid4())
    first, writer = await bench.dial(call_id)
    assert await first_kind(first) == FrameKind.AUDIO
    second, other = await bench.dial(call_id)
    assert await first_kind(second) == FrameKind.AUDIO
    assert bench.server.calls == 2
    writer.close()
    other.close()
    await until(lambda: not bench.server.calls)
    bench.logged.add(call_id)
    third, writer = await bench.dial(call_id)
    assert await first_kind(third) == FrameKind.AUDIO
    writer.close()
    await until(lambda: len(set(bench.ended)) == 3)
    assert call_id in bench.ended
    assert caplog.text.count("this one is logged as") == 2


@pytest.mark.parametrize("bench", [{"accept_unregistered": True}], indirect=True)
@pytest.mark.parametrize("trouble", [UserError("the database is gone"), TimeoutError()])
async def test_a_database_that_cannot_say_costs_a_call_its_id_and_nothing_else(bench: Bench, trouble) -> None:
    call_id = str(uuid.uuid4())
    bench.trouble = trouble
    reader, writer = await bench.dial(call_id)
    assert await first_kind(reader) == FrameKind.AUDIO
    writer.close()
    await until(lambda: len(bench.ended) == 1)
    assert bench.ended != [call_id]


@pytest.mark.parametrize("bench", [{"accept_unregistered": True}], indirect=True)
async def test_an_id_of_fastagi_is_good_once_though_unregistered_ones_are_accepted(bench: Bench) -> None:
    call_id = bench.registry.register(CallInfo(""))
    first, writer = await bench.dial(call_id)
    assert await first_kind(first) == FrameKind.AUDIO
    during, _ = await bench.dial(call_id)
    assert await first_kind(during) == FrameKind.HANGUP
    writer.close()
    await until(lambda: bench.ended)
    after, _ = await bench.dial(call_id)
    assert await first_kind(after) == FrameKind.HANGUP
    assert bench.ended == [call_id]


async def test_close_ends_what_is_no_call_without_a_word_in_the_log(bench: Bench, caplog) -> None:
    pending = await asyncio.open_connection("127.0.0.1", bench.server.port)
    handed_back = await bench.dial(str(uuid.uuid4()))
    assert await first_kind(handed_back[0]) == FrameKind.HANGUP
    call = await bench.dial()
    assert await first_kind(call[0]) == FrameKind.AUDIO
    before = len(caplog.records)
    await asyncio.wait_for(bench.server.close(), 5)
    for reader, writer in (pending, handed_back, call):
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
    await asyncio.sleep(0.05)
    assert [record.getMessage() for record in caplog.records[before:]] == []
    assert len(asyncio.all_tasks()) == 1


async def test_drain_lets_calls_finish_and_then_hands_them_back(bench: Bench) -> None:
    reader, _ = await bench.dial()
    assert await first_kind(reader) == FrameKind.AUDIO
    draining = asyncio.create_task(bench.server.drain(0.3))
    await asyncio.sleep(0.05)
    assert not bench.server.admits()
    decoder, kinds = Decoder(), []
    await reader.readexactly(320 + 2 - 2)  # what is left of the first frame
    while data := await asyncio.wait_for(reader.read(4096), 5):
        kinds += [frame.kind for frame in decoder.feed(data)]
        if FrameKind.HANGUP in kinds:
            break
    assert kinds[-1] == FrameKind.HANGUP
    await asyncio.wait_for(draining, 8)


async def test_a_call_that_is_prepared_when_the_server_drains_goes_back_to_the_dialplan(bench: Bench) -> None:
    bench.prepared.clear()
    reader, writer = await bench.dial()
    writer.write(encode(FrameKind.AUDIO, bytes(320)))
    await until(lambda: bench.preparing)
    draining = asyncio.create_task(bench.server.drain(0.1))
    await asyncio.sleep(0.2)
    bench.prepared.set()
    assert await first_kind(reader) == FrameKind.HANGUP
    writer.close()
    await asyncio.wait_for(draining, 10)
    assert len(bench.ended) == 0


@pytest.mark.parametrize("bench", [{"max_calls": 2}], indirect=True)
async def test_calls_that_are_prepared_together_are_no_more_than_allowed(bench: Bench) -> None:
    bench.prepared.clear()
    ids = [bench.registry.register(CallInfo("")) for _ in range(4)]
    calls = [await bench.dial(call_id) for call_id in ids]
    await until(lambda: bench.preparing == 4)
    bench.prepared.set()
    kinds = [await first_kind(reader) for reader, _ in calls]
    assert sorted(map(str, kinds)) == sorted(map(str, [FrameKind.AUDIO] * 2 + [FrameKind.HANGUP] * 2))
    refused = await bench.registry.outcome(ids[kinds.index(FrameKind.HANGUP)], 1)
    assert refused is not None
    assert refused.result == "failed"


@pytest.mark.parametrize("bench", [{"accept_unregistered": True}], indirect=True)
async def test_two_calls_of_the_same_id_at_the_same_time_are_two_calls(bench: Bench) -> None:
    bench.prepared.clear()
    own = str(uuid.uuid4())
    calls = [await bench.dial(own) for _ in range(2)]
    await until(lambda: bench.preparing == 2)
    bench.prepared.set()
    assert [await first_kind(reader) for reader, _ in calls] == [FrameKind.AUDIO] * 2
    assert bench.server.calls == 2
    for _, writer in calls:
        writer.close()
    await until(lambda: len(set(bench.ended)) == 2)


async def test_a_call_that_cannot_be_prepared_goes_back_to_the_dialplan(bench: Bench) -> None:
    bench.no_flow = True
    reader, _ = await bench.dial()
    assert await first_kind(reader) == FrameKind.HANGUP


async def test_a_taken_port_is_one_clear_line(bench: Bench) -> None:
    other = Bench()
    with pytest.raises(UserError, match=r"cannot listen on 127.0.0.1:\d+.*set audiosocket.listen"):
        await other.server.start("127.0.0.1", bench.server.port)


async def test_a_fault_in_a_call_costs_it_one_line_and_its_caller_goes_to_people(bench: Bench, caplog) -> None:
    reader, writer = await bench.dial()
    assert await first_kind(reader) == FrameKind.AUDIO
    (running,) = bench.server._running.values()

    def wrong(pcm: object) -> list[object]:
        raise ValueError("the words of a caller")

    running.session._conversation.on_frame = wrong  # type: ignore[assignment]
    writer.write(encode(FrameKind.AUDIO, bytes(320)))
    writer.write_eof()
    await reader.readexactly(320)  # of the frame whose head was read
    frames = Decoder().feed(await asyncio.wait_for(reader.read(), 10))
    assert frames[-1].kind == FrameKind.HANGUP
    assert running.session.finish is not None
    assert running.session.finish.result == "failed"
    (line,) = [record.getMessage() for record in caplog.records]
    assert "a fault of bargein, ValueError at test_audiosocket.py:" in line
    assert "caller" not in line.split("ValueError")[1]
