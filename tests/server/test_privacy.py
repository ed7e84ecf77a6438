"""A call at log level `debug`: nothing that identifies the caller, and nothing they said, is in the log."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bargein.app import App
from bargein.config import Config, LogConfig, RecordingConfig
from bargein.core.audio.pcm import Pcm, to_bytes
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.server.logs import on_loop_fault, setup
from bargein.server.recorder import wait_until_written
from tests.fakes import LOUD, QUIET, FakeRecognizer, LevelDetector
from tests.server.test_fastagi import Pbx

NUMBER, NAME, SPOKEN, ACCOUNT, PIN = "5550199", "Zaphod", "my name is Beeblebrox", "AC-4711", "8642"
FLOW = """
language: en
slots:
  name: {type: text}
steps:
  hello:
    say: What is your name?
    slot: name
    next: lookup
  lookup:
    webhook:
      url: "http://127.0.0.1:9/customers/{caller}"
      body: {name: "{name}", account: "{var.account}"}
      failed: bye
    next: bye
  bye:
    say: "Thank you, {name}."
    hangup:
"""


pytestmark = pytest.mark.usefixtures("logging_restored")


def settings(folder: Path, flow: str = FLOW) -> Config:
    plain = Config()
    (folder / "flow.yaml").write_text(flow)
    return replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(plain.fastagi, listen="127.0.0.1:0"),
        store=replace(plain.store, url=f"sqlite:///{folder}/calls.db"),
        dialogue=replace(plain.dialogue, flow=str(folder / "flow.yaml")),
        speech=replace(plain.speech, cache_mb=0),
    )


class Broken(FakeRecognizer):
    """Fails with the caller's words in its message."""

    def stream(self, language: str, hints: object = ()) -> object:
        raise ValueError(SPOKEN)


async def talk(app: App) -> str:
    """One call from FastAGI to the end: the caller answers, keys a PIN and hangs up unless the flow does."""
    pbx = Pbx(app.fastagi.port, {"BARGEIN_VAR_ACCOUNT": ACCOUNT})
    await pbx.run("start?var=ACCOUNT", f"agi_callerid: {NUMBER}\nagi_calleridname: {NAME}\n")
    call_id = pbx.variables["BARGEIN_ID"]
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    for pcm in [QUIET] * 80 + [LOUD] * 30 + [QUIET] * 60:
        writer.write(encode(FrameKind.AUDIO, to_bytes(pcm)))
        await asyncio.sleep(0.02)
    writer.write(b"".join(encode(FrameKind.DTMF, digit.encode()) for digit in PIN) + encode(0x44, NAME.encode()))
    decoder = Decoder()
    with contextlib.suppress(ConnectionError):  # handed back long ago, and we went on sending
        async with asyncio.timeout(20):
            while FrameKind.HANGUP not in [frame.kind for frame in decoder.feed(await reader.read(4096))]:
                pass
    writer.close()
    await pbx.run("finish")
    await app.store.flush()
    return call_id


SECRETS = """
language: en
slots:
  pin: {type: digits, length: 4, secret: yes}
  order: {type: digits, length: 4}
steps:
  hello: {say: Hello., next: pin}
  pin: {ask: "Your PIN?", slot: pin, next: order}
  order: {ask: "Your order?", slot: order, next: end}
  end: {say: Done., hangup: yes}
"""
SAID_PIN, ORDER = "eight six four two", "5711"


def stored(folder: Path) -> bytes:
    """All that is in the files below a folder, but for the recordings."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".wav")


async def test_a_secret_is_nowhere_after_a_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The caller says the PIN and keys the order. The PIN is not in the database, its spool, the log, the summary
    for the dialplan, or the recording."""
    setup(LogConfig(level="debug"))
    config = replace(
        settings(tmp_path, SECRETS), recording=RecordingConfig(enabled=True, directory=str(tmp_path / "wav"))
    )
    app = App(config, recognizer=FakeRecognizer([SAID_PIN]), make_detector=LevelDetector)  # type: ignore[arg-type]
    await app.start()
    try:
        pbx = Pbx(app.fastagi.port)
        await pbx.run("start", f"agi_callerid: {NUMBER}\n")
        call_id = pbx.variables["BARGEIN_ID"]
        reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
        writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))

        async def send(pcm: Pcm, frames: int) -> None:
            for _ in range(frames):
                writer.write(encode(FrameKind.AUDIO, to_bytes(pcm)))
                await asyncio.sleep(0.02)

        await send(LOUD // 20, 20)
        conversation = app._records.in_progress[call_id].session._conversation
        async with asyncio.timeout(20):
            while not conversation.is_secret:
                await send(QUIET, 1)
            await send(QUIET, 60)
            await send(LOUD, 40)
            while conversation.is_secret:
                await send(QUIET, 1)
            await send(QUIET, 10)
        writer.write(b"".join(encode(FrameKind.DTMF, digit.encode()) for digit in ORDER))
        async with asyncio.timeout(10):
            decoder = Decoder()
            while FrameKind.HANGUP not in [frame.kind for frame in decoder.feed(await reader.read(4096))]:
                pass
        writer.close()
        await pbx.run("finish")
        await app.store.flush()
        row = await app.store.call(call_id)
    finally:
        await app.close()
    assert pbx.variables["BARGEIN_SUMMARY"] == f"order={ORDER}"
    assert row.slots == {"order": ORDER}
    assert await asyncio.to_thread(wait_until_written, 5)
    with wave.open(row.recording) as recording:
        caller = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")[::2]
    assert 0 < np.abs(caller).max() < np.abs(LOUD).max() / 10  # what came before the question, not the PIN
    log = capsys.readouterr().err
    files = stored(tmp_path)
    assert ORDER.encode() in files
    for pin in (SAID_PIN, PIN, "8 6 4 2"):
        assert pin.encode() not in files
        assert pin not in log
        assert not any(pin in value for value in pbx.variables.values())


@pytest.mark.parametrize("engine", [FakeRecognizer, Broken], ids=["a call", "a fault"])
@pytest.mark.parametrize("kind", ["text", "json"])
async def test_nothing_of_the_caller_is_in_the_log(
    tmp_path: Path, engine: type[FakeRecognizer], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    setup(LogConfig(level="debug", format=kind))  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(on_loop_fault)
    loop.set_debug(True)
    app = App(settings(tmp_path), recognizer=engine([SPOKEN]), make_detector=LevelDetector)  # type: ignore[arg-type]
    await app.start()
    try:
        call_id = await talk(app)
        assert (await app.store.call(call_id)).caller == NUMBER
    finally:
        loop.set_debug(False)
        await app.close()
    log = capsys.readouterr().err
    assert call_id in log
    found = [word for word in (NUMBER, NAME, "Beeblebrox", ACCOUNT, PIN) if word.lower() in log.lower()]
    assert not found, [line for line in log.splitlines() if any(word.lower() in line.lower() for word in found)]
