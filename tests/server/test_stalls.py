"""The detector of event-loop stalls: it sees them, says where, and is used on a call."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.app import App
from tests.fakes import FakeRecognizer, LevelDetector
from tests.server.stalls import StallDetector
from tests.server.test_privacy import settings, talk


async def test_a_blocking_call_is_a_stall_with_its_place() -> None:
    async with StallDetector() as stalls:
        await asyncio.sleep(0.05)
        time.sleep(0.1)  # noqa: ASYNC251 - the stall itself
        await asyncio.sleep(0.05)
    assert stalls.found
    worst = max(stalls.found, key=lambda stall: stall.length_s)
    assert worst.length_s > 0.07
    assert worst.place.startswith("test_stalls.py:")


@pytest.mark.flaky(reruns=2)  # a machine that takes the processor away looks like work
async def test_a_loop_that_waits_has_no_stall() -> None:
    async with StallDetector() as stalls:
        for _ in range(20):
            await asyncio.sleep(0.01)
    assert not stalls.found


@pytest.mark.flaky(reruns=2)  # calls in real time
async def test_a_call_does_not_stall_the_loop(tmp_path: Path) -> None:
    """With a webhook, the database, a recording and an answer that is understood."""
    config = settings(tmp_path)
    app = App(
        replace(config, recording=replace(config.recording, enabled=True, directory=str(tmp_path / "recordings"))),
        recognizer=FakeRecognizer(["my name is Zaphod"] * 2),
        make_detector=LevelDetector,  # type: ignore[arg-type,return-value]
    )
    await app.start()
    try:
        async with StallDetector() as stalls:
            await talk(app)
            await talk(app)
    finally:
        await app.close()
    # computed for a frame or longer, or blocked for so long that no busy machine explains it
    ours = [stall for stall in stalls.found if stall.cpu_s > 0.02 or stall.length_s > 0.5]
    assert not ours, ours
