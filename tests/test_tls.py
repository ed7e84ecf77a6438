"""AudioSocket and FastAGI through stunnel, as docs/install.md describes it: a whole call, TLS between two ends."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.core.conversation import Conversation
from agent.core.frames import Decoder, FrameKind, encode
from agent.core.reply import Finish, Say
from agent.demo import announce
from agent.engines.base import CallInfo
from agent.fastagi import FastAGI
from agent.languages import load
from agent.registry import Registry
from agent.server import Limits, Server
from agent.session import Engines, Session
from tests.fakes import FakeLog, FakePlanner, FakeRecognizer, FakeVoice, LevelHearing

pytestmark = pytest.mark.skipif(not shutil.which("stunnel"), reason="no stunnel here: apt-get install stunnel4")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def certificate(folder: Path) -> Path:
    path = folder / "bargein.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bargein",
         "-keyout", str(path), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + (folder / "cert.pem").read_text())
    path.chmod(0o600)
    return path


def tunnel(
    folder: Path, name: str, client: bool, pem: Path, links: dict[str, tuple[int, int]]
) -> subprocess.Popen[bytes]:
    """stunnel with one service for each link: accept port -> connect port."""
    lines = ["foreground = yes", "pid =", "socket = l:TCP_NODELAY=1", "socket = r:TCP_NODELAY=1"]
    for link, (accept, connect) in links.items():
        lines += [f"[{link}]", f"client = {'yes' if client else 'no'}"]
        lines += [f"accept = 127.0.0.1:{accept}", f"connect = 127.0.0.1:{connect}"]
        lines += [f"CAfile = {folder / 'cert.pem'}", "verifyPeer = yes"] if client else [f"cert = {pem}"]
    (folder / f"{name}.conf").write_text("\n".join(lines) + "\n")
    return subprocess.Popen(["stunnel", str(folder / f"{name}.conf")], stderr=subprocess.DEVNULL)


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
    core = Conversation(info.id, LevelHearing(), load("en"))  # type: ignore[arg-type]
    return Session(info.id, core, Engines(FakeRecognizer(), FakeVoice(), planner), FakeLog(), SystemClock())


async def test_a_call_through_tls(tmp_path: Path) -> None:
    registry = Registry(SystemClock())
    server = Server(registry, session, lambda info, session: None, Limits())
    await server.start("127.0.0.1", 0)
    audio, agi, secret_audio, secret_agi = (free_port() for _ in range(4))
    fastagi = FastAGI(registry, f"127.0.0.1:{audio}")  # the tunnel's end at the PBX, as `audiosocket.advertise`
    await fastagi.start("127.0.0.1", 0)
    pem = certificate(tmp_path)
    far = tunnel(tmp_path, "server", False, pem, {"a": (secret_audio, server.port), "b": (secret_agi, fastagi.port)})
    near = tunnel(tmp_path, "client", True, pem, {"a": (audio, secret_audio), "b": (agi, secret_agi)})
    try:
        for port in (secret_audio, secret_agi, audio, agi):
            await reachable(port)
        variables = await announce("127.0.0.1", agi, "100", "700")
        assert variables["BARGEIN_SERVER"] == f"127.0.0.1:{audio}"
        reader, writer = await asyncio.open_connection("127.0.0.1", audio)
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
    finally:
        near.kill()
        far.kill()
        await fastagi.close()
        await server.close()
