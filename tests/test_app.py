"""The whole server in one process: recordings as the dialplan asks for them, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import uuid
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bargein.app import SWITCH_S, App
from bargein.config import Config, DialogueConfig
from bargein.core.audio.pcm import to_bytes
from bargein.core.audio.utterance import Utterance
from bargein.core.language.intent import is_backchannel
from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import Finish, Listen, Say
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.data import LANGUAGES
from bargein.dialogue.dialogues import Dialogues
from bargein.errors import EngineError, UserError
from bargein.server.recorder import wait_until_written
from bargein.speech.tts_hibari import HibariTts
from bargein.speech.voice import Voice
from tests.fakes import LOUD, QUIET, FakeLog, FakePlanner, FakeRecognizer, LevelDetector


def config(folder: Path, record: bool = False) -> Config:
    plain = Config()
    return replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(plain.fastagi, listen="127.0.0.1:0"),
        store=replace(plain.store, url=f"sqlite:///{folder / 'calls.db'}"),
        recording=replace(plain.recording, enabled=record, directory=str(folder / "recordings")),
        speech=replace(plain.speech, cache_mb=0, stt_process=False),
    )


FLOW = "language: en\nsteps:\n  hello:\n    say: {}\n    hangup:\n"


def planner(_: CallInfo) -> FakePlanner:
    return FakePlanner(lambda situation: [Finish("hangup")] if situation.turns else [Say("One moment."), Listen()])


@pytest.fixture
async def app(tmp_path: Path, request) -> AsyncIterator[App]:
    app = App(config(tmp_path, getattr(request, "param", False)), planner)
    await app.start()
    yield app
    await app.close()


def test_a_busy_thread_holds_the_audio_up_for_half_a_millisecond(app: App) -> None:
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)


async def dial(app: App, **variables: str) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    """A call that has begun: its id and its line."""
    call_id = app.registry.register(CallInfo("", variables=variables))
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    return call_id, reader, writer


async def call(app: App, how: str = "", **variables: str) -> str:
    """A call of half a second; `how` it ends: the caller hangs up, sends garbage, a digit (then the agent ends it)."""
    call_id, reader, writer = await dial(app, **variables)
    for _ in range(20):
        writer.write(encode(FrameKind.AUDIO, to_bytes(LOUD // 50)))
        await reader.readexactly(323)
    if how == "garbage":
        writer.write(b"\xee" * 100)
    if how == "digit":
        writer.write(encode(FrameKind.DTMF, b"5"))
    if how in ("garbage", "digit"):
        await asyncio.wait_for(reader.read(), 15)
    writer.close()
    async with asyncio.timeout(15):
        while app.server.calls:  # noqa: ASYNC110 - the server has no event for a test
            await asyncio.sleep(0.02)
    return call_id


@pytest.mark.parametrize(
    ("app", "asked", "recorded"),
    [(False, "", False), (False, "yes", True), (True, "", True), (True, "no", False)],
    indirect=["app"],
)
async def test_recorded_is_what_the_dialplan_asks_else_what_is_configured(
    app: App, asked: str, recorded: bool, tmp_path: Path
) -> None:
    call_id = await call(app, record=asked)
    await app.store.flush()
    await asyncio.to_thread(wait_until_written)
    path = (await app.store.call(call_id)).recording
    assert bool(path) is recorded
    if recorded:
        with wave.open(path) as file:
            assert file.getnchannels() == 2
            assert file.getnframes() >= 15 * 160


async def test_the_row_names_the_recording_from_the_start_of_the_call(app: App, tmp_path: Path) -> None:
    """So `prune` finds it, though the server may die in mid-call."""
    call_id, reader, writer = await dial(app, record="yes")
    await reader.readexactly(323)
    await app.store.flush()
    path = Path((await app.store.call(call_id)).recording)
    await asyncio.to_thread(wait_until_written)
    assert await asyncio.to_thread(path.is_file)
    assert path.is_relative_to(tmp_path)
    writer.close()


async def test_a_connection_that_we_end_is_failed_with_its_cause(app: App) -> None:
    call_id = await call(app, "garbage")
    await app.store.flush()
    row = await app.store.call(call_id)
    assert (row.outcome, "no AudioSocket frame" in row.cause) == ("failed", True)
    call_id = await call(app)
    await app.store.flush()
    row = await app.store.call(call_id)
    assert (row.outcome, row.cause) == ("caller_hung_up", "")


@pytest.mark.parametrize("how", ["", "garbage", "digit"])
async def test_calls_leave_no_task_and_no_socket_behind(app: App, how: str) -> None:
    await call(app, how)
    await asyncio.sleep(0.2)
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await asyncio.gather(*(call(app, how) for _ in range(3)))
    await asyncio.sleep(0.3)
    assert len(asyncio.all_tasks()) <= tasks
    assert len(os.listdir("/proc/self/fd")) < files + 15  # calls; some connections to the database are kept


@contextlib.asynccontextmanager
async def serving(folder: Path, flow: str, **parts: Any) -> AsyncIterator[tuple[App, FakeLog]]:
    """An app with the flow, with `parts` in place of what is configured, and a log of what is said."""
    settings = config(folder)
    log = FakeLog()
    app = App(replace(settings, dialogue=replace(settings.dialogue, flow=flow)), observer=log, **parts)
    await app.start()
    yield app, log
    await app.close()


async def until_hangup(reader: asyncio.StreamReader) -> None:
    decoder = Decoder()
    async with asyncio.timeout(20):
        while FrameKind.HANGUP not in [frame.kind for frame in decoder.feed(await reader.read(4096))]:
            pass


LONG = "well " * 100


@pytest.mark.flaky(reruns=2)  # a call in real time
@pytest.mark.parametrize(
    ("said", "summary"),
    [
        ('let me "talk" to a person', 'let me "talk" to a person'),
        (f"a person please {LONG}", f"a person please {LONG[:179]} ..."),
    ],
)
async def test_who_takes_the_call_sees_the_last_words_where_the_flow_has_gathered_nothing(
    tmp_path: Path, said: str, summary: str
) -> None:
    parts = {"make_detector": LevelDetector, "recognizer": FakeRecognizer([said])}
    async with serving(tmp_path, "shop", **parts) as (app, _):
        call_id, reader, writer = await dial(app)
        await reader.readexactly(323 * 20)
        for pcm in [LOUD] * 35 + [QUIET] * 75:
            writer.write(encode(FrameKind.AUDIO, to_bytes(pcm)))
            await asyncio.sleep(0.02)
        await until_hangup(reader)
        writer.close()
        outcome = await app.registry.outcome(call_id, 5)
        assert outcome is not None
        assert (outcome.result, outcome.queue) == ("queue", "support")
        assert outcome.summary == summary
        await app.store.flush()
        assert (await app.store.call(call_id)).summary == summary


async def opening(app: App, log: FakeLog) -> str:
    _, reader, writer = await dial(app)
    await until_hangup(reader)
    writer.close()
    return log.turns[0].text


class HibariThatCannotSayTwo(HibariTts):
    """The embedded voice, which fails at one sentence."""

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        if text == "Two.":
            raise EngineError("no voice")
        return super().synthesize(text, language, voice)


async def test_flows_are_read_anew_and_what_cannot_be_spoken_changes_nothing(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW.format("One."))
    voice = Voice(HibariThatCannotSayTwo())
    async with serving(tmp_path, str(flow), make_voice=lambda *_: voice) as (app, log):
        flow.write_text(FLOW.format("Two."))
        with pytest.raises(EngineError):
            await app.reload()
        assert await opening(app, log) == "One."
        flow.write_text(FLOW.format("Three."))
        await app.reload()
        assert await opening(app, log) == "Three."


async def test_a_reload_while_a_call_waits_for_its_flow_does_not_change_its_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW.format("Main."))
    (tmp_path / "other.yaml").write_text(FLOW.format("Other."))
    waits, goes_on = asyncio.Event(), asyncio.Event()
    prepare = Dialogues.prepare

    async def slow(self: Dialogues, name: str) -> None:
        waits.set()
        await goes_on.wait()
        await prepare(self, name)

    monkeypatch.setattr(Dialogues, "prepare", slow)
    async with serving(tmp_path, str(flow)) as (app, log):
        call_id = app.registry.register(CallInfo("", dialogue="other"))
        reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
        writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
        await waits.wait()
        await app.reload()
        goes_on.set()
        await until_hangup(reader)
        writer.close()
        assert log.turns[0].text == "Other."


class HibariThatHangs(HibariTts):
    """The embedded voice, which does not return from a sentence that is not known in advance."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def synthesize(self, text: str, language: str = "en", voice: str = "") -> Utterance:
        if "blue" in text:
            self.free.wait(10)
        return super().synthesize(text, language, voice)


async def test_a_voice_that_hangs_costs_seconds_and_the_caller_hears_why(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("variables: {mug: blue}\n" + FLOW.format('"The {mug} one."'))
    engine = HibariThatHangs()
    voice = Voice(engine, limit_s=0.3)
    async with serving(tmp_path, str(flow), make_voice=lambda *_: voice) as (app, log):
        call_id, reader, writer = await dial(app)
        async with asyncio.timeout(6):
            await until_hangup(reader)
        writer.close()
        engine.free.set()
        outcome = await app.registry.outcome(call_id, 5)
        assert outcome is not None
        assert outcome.result == "failed"
        assert log.turns[0].heard_text == "I am having trouble with that."


class HibariFarAway(HibariTts):
    """A voice that has to be fetched."""

    here = False

    def ready(self, language: str, voice: str) -> bool:
        return self.here


async def test_a_dialogue_whose_voice_is_not_here_yet_does_not_cost_a_call(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW.format("One."))
    (tmp_path / "other.yaml").write_text("voice: far\n" + FLOW.format("Two."))
    (tmp_path / "klingon.yaml").write_text(FLOW.format("Drei.").replace("en", "de", 1))
    far = HibariFarAway()
    voices = {"": Voice(HibariTts()), "far": Voice(far)}
    parts = {"make_voice": lambda language, voice: voices[voice]}
    async with serving(tmp_path, str(tmp_path / "flow.yaml"), **parts) as (app, log):
        for name in ("other", "klingon"):
            log.turns.clear()
            call_id = app.registry.register(CallInfo("", dialogue=name))
            reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
            writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
            await until_hangup(reader)
            writer.close()
            assert log.turns[0].text == "One."


async def test_reading_a_flow_stalls_no_call(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW.format("One."))
    async with serving(tmp_path, str(flow)) as (app, _):
        steps = "".join(f"  step{n}:\n    say: One.\n    next: step{n + 1}\n" for n in range(2000))
        start = "language: en\nsteps:\n  hello:\n    say: One.\n    next: step0\n"
        flow.write_text(f"{start}{steps}  step2000:\n    say: One.\n    hangup:\n")  # takes long to read
        reloading = asyncio.create_task(app.reload())
        turns = 0
        while not reloading.done():
            await asyncio.sleep(0.02)
            turns += 1
        await reloading
        assert turns > 10


async def test_a_language_file_is_read_anew_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    flow, words = tmp_path / "flow.yaml", tmp_path / "words.yaml"
    whole = (LANGUAGES / "en.yaml").read_text("utf-8")
    words.write_text(whole)
    flow.write_text("language_file: words.yaml\n" + FLOW.format("One."))
    dialogues = Dialogues(replace(Config(), dialogue=DialogueConfig(flow=str(flow))))
    assert not is_backchannel("yessiree", dialogues.planner(CallInfo("a")).phrases, False)
    words.write_text("{broken")
    with pytest.raises(UserError):
        dialogues.reload()
    assert dialogues.planner(CallInfo("b")).phrases.language == "en"
    words.write_text(whole.replace("[uh-huh,", "[yessiree, uh-huh,", 1))
    dialogues.reload()
    assert is_backchannel("yessiree", dialogues.planner(CallInfo("c")).phrases, False)


async def test_the_configured_language_is_that_of_the_call(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW.format("One."))
    dialogues = Dialogues(replace(Config(), dialogue=DialogueConfig(flow=str(flow), language="de")))
    planner = dialogues.planner(CallInfo("a"))
    assert (planner.language, planner.phrases.language) == ("de", "de")


async def test_a_language_that_the_recognizer_does_not_know_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW.format("One.").replace("en", "de", 1))
    plain = config(tmp_path)
    app = App(replace(plain, dialogue=replace(plain.dialogue, flow=str(tmp_path / "flow.yaml"))))
    with pytest.raises(EngineError, match="does not understand 'de'"):
        await app.start()


@pytest.mark.parametrize("app", [True], indirect=True)
async def test_a_call_that_cannot_be_spoken_leaves_no_recording(app: App, tmp_path: Path) -> None:
    app._make_planner = lambda info: replace_language(planner(info), "xx")
    _, reader, writer = await dial(app)
    await until_hangup(reader)
    writer.close()
    assert left_behind(tmp_path) == []


def left_behind(folder: Path) -> list[Path]:
    return list(folder.rglob("*.wav"))


def replace_language(fake: FakePlanner, language: str) -> FakePlanner:
    fake.language = language
    return fake


@pytest.mark.parametrize(("asked", "named"), [("", "greet"), ("other", "other"), ("no-such", "greet")])
async def test_the_row_names_the_flow_and_the_server(tmp_path: Path, asked: str, named: str) -> None:
    for name in ("greet", "other"):
        (tmp_path / f"{name}.yaml").write_text(FLOW.format("Hello."))
    plain = config(tmp_path)
    plain = replace(plain, store=replace(plain.store, server="north"))
    app = App(replace(plain, dialogue=replace(plain.dialogue, flow=str(tmp_path / "greet.yaml"))))
    await app.start()
    call_id = app.registry.register(CallInfo("", dialogue=asked))
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    await reader.readexactly(323)
    await app.store.flush()
    row = await app.store.call(call_id)
    assert (row.dialogue, row.server) == (named, "north")
    writer.close()
    await app.close()
