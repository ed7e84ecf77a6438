"""The server as an administrator runs it, at its limit and at its worst: full, and frozen as a talk ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .audio import begins, hears
from .pbx import Asterisk, free_port
from .phone import Phone
from .product import FLOWS, Product
from .quiet import was_talking
from .test_failures import AGI_LIMIT_S, QUEUE_S, listening, pipe, seconds_to_member


@pytest.fixture
def small(pbx: Asterisk, tmp_path: Path) -> Iterator[Product]:
    """A server for one call at a time."""
    product = Product(tmp_path, pbx.agi_port, str(FLOWS / "tale.yaml"))
    with product.running(BARGEIN_AUDIOSOCKET__MAX_CALLS="1"):
        yield product


async def test_a_full_server_sends_the_next_caller_to_people(pbx: Asterisk, small: Product) -> None:
    async with Phone(pbx.sip_port) as first:
        await first.call("700")
        await asyncio.sleep(0.5)
        assert await seconds_to_member(pbx, "700") < QUEUE_S
        assert was_talking(first.received, time.monotonic())
    await asyncio.sleep(0.5)
    assert [row["outcome"] for row in small.rows("SELECT * FROM calls")] == ["caller_hung_up"]
    async with Phone(pbx.sip_port) as again:  # there is room now
        await again.call("700")
        await asyncio.sleep(1)
        assert was_talking(again.received, time.monotonic())
        assert not hears(again.heard(), 1000)


async def test_a_worker_that_is_killed_sends_its_caller_to_people_and_the_other_talks_on(
    pbx: Asterisk, tmp_path: Path
) -> None:
    product = Product(tmp_path, pbx.agi_port, str(FLOWS / "tale.yaml"))
    product.start(BARGEIN_SERVER__WORKERS="2")
    try:
        async with Phone(pbx.sip_port) as first, Phone(pbx.sip_port) as second:
            await first.call("700")
            await second.call("700")
            await asyncio.sleep(1)
            os.kill(product.workers()[0], signal.SIGKILL)
            await asyncio.sleep(2.5)
            with_people = [hears(phone.heard(), 1000) for phone in (first, second)]
            talking = [was_talking(phone.received, time.monotonic()) for phone in (first, second)]
            assert sorted(with_people) == [False, True]
            assert talking[with_people.index(False)]
    finally:
        assert product.stop() == 0


async def test_audio_that_is_no_slin_is_named_and_the_caller_goes_to_people(pbx: Asterisk, small: Product) -> None:
    """`Dial(AudioSocket/...)` without c(slin): both sides would hear noise."""
    noise = np.random.default_rng(1).normal(size=8 * 8000) * 40
    async with Phone(pbx.sip_port) as phone:
        phone.say(noise.astype(np.int16), 0.1)
        await phone.call("760")
        await phone.ended(20)
    assert hears(phone.heard(), 1000)
    call = small.ended_call()
    assert (call["outcome"], "the audio is mu-law, not slin" in call["cause"]) == ("failed", True)
    assert "c(slin)" in small.log()


async def test_audio_at_32_khz_is_named_and_the_caller_goes_to_people(pbx: Asterisk, small: Product) -> None:
    """`Dial(AudioSocket/...)` with c(slin32)."""
    async with Phone(pbx.sip_port) as phone:
        await phone.call("762")
        await phone.ended(20)
    assert hears(phone.heard(), 1000)
    call = small.ended_call()
    assert (call["outcome"], "the audio is at 32 kHz, not 8 or 16" in call["cause"]) == ("failed", True)
    assert "c(slin)" in small.log()


async def test_a_server_that_freezes_as_the_talk_ends(pbx: Asterisk, tmp_path: Path) -> None:
    """The dialplan's `finish` is accepted and never answered."""
    behind = free_port()
    product = Product(tmp_path, behind, str(FLOWS / "brief.yaml"))
    product.start()
    frozen_at = 0.0

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal frozen_at
        request = await reader.readuntil(b"\n\n")
        if b"/finish" in request:
            product.signal(signal.SIGSTOP)
            frozen_at = time.monotonic()
        there, back = await asyncio.open_connection("127.0.0.1", behind)
        back.write(request)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    try:
        async with listening(pbx.agi_port, relay), Phone(pbx.sip_port) as phone:
            await phone.call("700")
            await phone.ended(20)
        member_at = phone.answered_at + begins(phone.heard(), 1000)
        assert AGI_LIMIT_S - 1 < member_at - frozen_at < AGI_LIMIT_S + QUEUE_S
    finally:
        product.signal(signal.SIGCONT)
        assert product.stop() == 0
