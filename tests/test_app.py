"""The whole server in one process: recordings as the dialplan asks for them, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import uuid
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.app import App
from agent.config import Config
from agent.core.frames import FrameKind, encode
from agent.core.pcm import to_bytes
from agent.core.reply import Finish, Listen, Say
from agent.engines.base import CallInfo
from agent.recording import wait_until_written
from tests.fakes import LOUD, FakePlanner


def config(folder: Path, record: bool = False) -> Config:
    plain = Config()
    return replace(
        plain,
        audiosocket=replace(plain.audiosocket, listen="127.0.0.1:0"),
        fastagi=replace(plain.fastagi, listen="127.0.0.1:0"),
        store=replace(plain.store, url=f"sqlite:///{folder / 'calls.db'}"),
        recording=replace(plain.recording, enabled=record, directory=str(folder / "recordings")),
        speech=replace(plain.speech, cache_mb=0),
    )


def planner(_: CallInfo) -> FakePlanner:
    return FakePlanner(lambda situation: [Finish("hangup")] if situation.turns else [Say("One moment."), Listen()])


@pytest.fixture
async def app(tmp_path: Path, request) -> AsyncIterator[App]:
    app = App(config(tmp_path, getattr(request, "param", False)), planner)
    await app.start()
    yield app
    await app.close()


async def call(app: App, how: str = "", **variables: str) -> str:
    """A call of half a second; `how` it ends: the caller hangs up, sends garbage, a digit (then the agent ends it)."""
    call_id = app.registry.register(CallInfo("", variables=variables))
    reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    for _ in range(20):
        writer.write(encode(FrameKind.AUDIO, to_bytes(LOUD // 50)))
        await reader.readexactly(323)
    if how == "garbage":
        writer.write(b"\xee" * 100)
    if how == "digit":
        writer.write(encode(FrameKind.DTMF, b"5"))
    if how in ("garbage", "digit"):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
    async with asyncio.timeout(5):
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


@pytest.mark.parametrize("how", ["", "garbage", "digit"])
async def test_calls_leave_no_task_and_no_socket_behind(app: App, how: str) -> None:
    await call(app, how)
    await asyncio.sleep(0.2)
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await asyncio.gather(*(call(app, how) for _ in range(3)))
    await asyncio.sleep(0.3)
    assert len(asyncio.all_tasks()) <= tasks
    assert len(os.listdir("/proc/self/fd")) <= files
