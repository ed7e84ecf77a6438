"""Work beside the calls."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.errors import UserError
from bargein.server import lasting as module
from bargein.server.lasting import lasting
from tests.test_app import config, planner


async def test_work_that_fails_is_logged_and_begins_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ValueError("what a caller said")

    await lasting("queues", work)
    assert begun == 3
    assert caplog.text.count("queues: ") == 2
    assert "a caller" not in caplog.text


async def test_it_can_be_cancelled() -> None:
    task = asyncio.create_task(lasting("load", asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_start_that_fails_leaves_no_task_behind(tmp_path: Path) -> None:
    settings = config(tmp_path)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        app = App(replace(settings, fastagi=replace(settings.fastagi, listen=listen)), planner)
        tasks = asyncio.all_tasks()
        with pytest.raises(UserError, match="in use"):
            await app.start()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
