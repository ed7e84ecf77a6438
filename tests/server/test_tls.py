"""AudioSocket and FastAGI through stunnel, as docs/install.md describes it: a whole call, TLS between two ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import Finish, Say
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.dialogue.languages import load
from bargein.offline.simulated_caller import announce
from bargein.server.audiosocket import AudioSocketServer, Limits
from bargein.server.fastagi import FastAgiServer
from bargein.server.media import MediaEngine
from bargein.server.registry import Registry
from bargein.server.session import Engines, Session
from tests.fakes import FakeLog, FakePlanner, FakeRecognizer, FakeVoice, LevelDetector

INSTALL = Path(__file__).parents[2] / "docs" / "install.md"

pytestmark = pytest.mark.skipif(not shutil.which("stunnel"), reason="no stunnel here: apt-get install stunnel4")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def recipes() -> dict[str, str]:
    """The two stunnel.conf of docs/install.md: of the server, and of the client."""
    blocks = re.findall(r"```ini\n(; /etc/stunnel/.*?)```", INSTALL.read_text(), re.DOTALL)
    return {"client" if "client = yes" in block else "server": block for block in blocks}


def certificate(folder: Path, name: str) -> None:
    """NAME.pem and NAME-cert.pem, made as docs/install.md says."""
    (block,) = re.findall(r"```sh\nname=bargein.*?\n(.*?)```", INSTALL.read_text(), re.DOTALL)
    subprocess.run(["sh", "-ec", block], cwd=folder, env={**os.environ, "name": name}, check=True, capture_output=True)


@contextlib.contextmanager
def tunnel(folder: Path, side: str, ports: dict[str, int], name: str = "", without: str = "") -> Iterator[None]:
    """stunnel as in docs/install.md, with the ports and files of this test; `without` a line."""
    text = recipes()[side].replace("/etc/stunnel", str(folder)).replace("bargein.example:", "127.0.0.1:")
    for port, ours in ports.items():
        text = re.sub(rf"(?<=[ :]){port}\b", str(ours), text)
    lines = [line for line in text.splitlines() if not (without and line.startswith(without))]
    path = folder / f"{name or side}.conf"
    path.write_text("\n".join(["foreground = yes", "pid =", *lines]) + "\n")
    with path.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(["stunnel", str(path)], stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def reachable(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise AssertionError(f"nothing listens on {port}")


def session(info: CallInfo) -> Session:
    planner = FakePlanner(lambda situation: [Say("one two three"), Finish("queue", queue="support")])
    core = Conversation(info.id, LevelDetector(), load("en"))  # type: ignore[arg-type]
    return Session(info.id, core, Engines(FakeRecognizer(), FakeVoice(), planner), FakeLog())


class Bench:
    """The server behind its tunnel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audio, self.agi, self.secret_audio, self.secret_agi = (free_port() for _ in range(4))
        self.registry = Registry(SystemClock())
        self.server = AudioSocketServer(
            self.registry, session, lambda info, session: None, MediaEngine(SystemClock()), Limits()
        )
        # the tunnel's end at the PBX, as `audiosocket.advertise`
        self.fastagi = FastAgiServer(self.registry, f"127.0.0.1:{self.audio}")

    def far(self) -> contextlib.AbstractContextManager[None]:
        ports = {"19092": self.secret_audio, "14573": self.secret_agi}
        return tunnel(self.folder, "server", {**ports, "9092": self.server.port, "4573": self.fastagi.port})

    def near(self, name: str = "", without: str = "") -> contextlib.AbstractContextManager[None]:
        ports = {"19092": self.secret_audio, "14573": self.secret_agi, "9092": self.audio, "4573": self.agi}
        return tunnel(self.folder, "client", ports, name, without)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    for name in ("bargein", "pbx"):
        certificate(tmp_path, name)
    bench = Bench(tmp_path)
    await bench.server.start("127.0.0.1", 0)
    await bench.fastagi.start("127.0.0.1", 0)
    with bench.far():
        await reachable(bench.secret_audio)
        await reachable(bench.secret_agi)
        yield bench
    await bench.fastagi.close()
    await bench.server.close()


async def test_a_call_through_tls(bench: Bench) -> None:
    with bench.near():
        await reachable(bench.audio)
        await reachable(bench.agi)
        variables = await announce("127.0.0.1", bench.agi, "100", "700")
        assert variables["BARGEIN_SERVER"] == f"127.0.0.1:{bench.audio}"
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.audio)
        writer.write(encode(FrameKind.ID, uuid.UUID(variables["BARGEIN_ID"]).bytes))
        decoder, kinds, heard = Decoder(), [], False
        while data := await asyncio.wait_for(reader.read(4096), 10):
            frames = decoder.feed(data)
            kinds += [frame.kind for frame in frames]
            heard = heard or any(any(frame.payload) for frame in frames)
            if FrameKind.HANGUP in kinds:
                break
        writer.close()
        assert heard
        assert kinds[-1] == FrameKind.HANGUP


@pytest.mark.parametrize("who", ["no certificate", "a stranger's"])
async def test_only_the_pbx_comes_through(bench: Bench, who: str) -> None:
    """With the same settings as the PBX but for its certificate: nothing of what is sent reaches us."""
    if who == "a stranger's":
        (bench.folder / "pbx.pem").unlink()
        certificate(bench.folder, "stranger")
        (bench.folder / "stranger.pem").rename(bench.folder / "pbx.pem")
    with bench.near(without="cert =" if who == "no certificate" else ""):
        await reachable(bench.audio)
        call_id = bench.registry.register(CallInfo(""))
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.audio)
        writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(4096), 10) == b""
        writer.close()
        assert bench.registry.take(call_id) is not None  # nobody has used it
