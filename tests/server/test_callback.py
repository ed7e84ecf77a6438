"""A promise to call back is in the log as soon as the caller has heard it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.config import PrivacyConfig
from bargein.core.audio.pcm import to_bytes
from bargein.core.turns.records import CallInfo
from bargein.core.wire.audiosocket import FrameKind, encode
from tests.fakes import QUIET, FakeRecognizer, LevelDetector
from tests.server.test_privacy import settings

FLOW = """
language: en
steps:
  noted:
    callback: {number: "{own_number}", at: "15:30", note: "{var.about}"}
    say: We call back.
    next: more
  more: {say: This is a sentence that is not heard to its end., ask: "Anything else?", menu: [x], next: more}
"""

pytestmark = pytest.mark.usefixtures("logging_restored")


@pytest.mark.parametrize("words", [True, False])
async def test_a_promise_that_was_heard_outlives_the_call(tmp_path: Path, words: bool) -> None:
    recognizer = FakeRecognizer()
    config = replace(settings(tmp_path, FLOW), privacy=PrivacyConfig(words=words))
    app = App(config, recognizer=recognizer, make_detector=LevelDetector)  # type: ignore[arg-type]
    await app.start()
    try:
        call_id = app.registry.register(CallInfo("", caller="+15550100", variables={"about": "a mug"}))
        reader, writer = await asyncio.open_connection("127.0.0.1", app.server.port)
        writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes) + encode(FrameKind.AUDIO, to_bytes(QUIET)))
        await reader.readexactly(323 * 25)
        writer.close()
        async with asyncio.timeout(15):
            while app.server.calls:  # noqa: ASYNC110 - the server has no event for a test
                await asyncio.sleep(0.02)
        await app.store.flush()
        (row,) = await app.store.callbacks()
        told = ("15:30", "a mug") if words else ("", "")
        assert (row.call_id, row.phone, row.wanted, row.note) == (call_id, "+15550100", *told)
    finally:
        await app.close()
