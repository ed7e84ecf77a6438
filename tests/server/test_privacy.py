"""A call at log level `debug`: nothing that identifies the caller, and nothing they said, is in the log."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.config import Config, LogConfig
from bargein.core.audio.pcm import to_bytes
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.server.logs import on_loop_fault, setup
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
