"""The caller's world: keys, mute, packet times, codecs, hold, bad networks, and hanging up at any moment."""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from . import g711
from .audio import begins
from .pbx import Asterisk
from .phone import RATE, Phone
from .product import FLOWS, Product, speech
from .quiet import audible_until, was_talking

STOP_S = 0.300
KEY_STOP_S = 0.100
KEY_PRESS_S = 0.100  # five packets of 20 ms, then the end
WORDS = "No. That is wrong."  # the agent stops 110 ms after its onset; of other words it may think for 250 ms
APART_S = 0.37  # between the onsets of three callers
NUMBER = "One two three four."


@pytest.fixture(scope="module")
def tale(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("tale"), pbx.agi_port, str(FLOWS / "tale.yaml")).running() as product:
        yield product
    assert "Traceback" not in product.log()
    assert "error" not in product.log()


@asynccontextmanager
async def three_callers(
    pbx: Asterisk, exten: str = "700", silent: bool = False, **options: Any
) -> AsyncIterator[list[Phone]]:
    """Three calls at a time. A busy machine spoils the measurement of one of them, not their median."""
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(Phone(pbx.sip_port, seed=seed, **options)) for seed in (1, 2, 3)]
        for phone in phones:
            phone.silent = silent
        await asyncio.gather(*(phone.call(exten) for phone in phones))
        yield phones


async def seconds_to_silence(phones: Sequence[Phone], at_s: float = 3.0) -> float:
    """Each caller speaks over the agent. From the true onset to the agent's last audible sample, the median of all."""
    onsets = [phone.say(speech(WORDS), at_s + index * APART_S) for index, phone in enumerate(phones)]
    await asyncio.sleep(onsets[-1] + 1.2 - time.monotonic())
    talking = [was_talking(phone.received, onset) for phone, onset in zip(phones, onsets, strict=True)]
    assert sum(talking) > len(phones) / 2
    return statistics.median(audible_until(p.received, onset) - onset for p, onset in zip(phones, onsets, strict=True))


@pytest.mark.parametrize("payload_type", [g711.PCMU, g711.PCMA], ids=["mu-law", "A-law"])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
async def test_a_caller_cuts_in_with_packets_of_any_length(
    pbx: Asterisk, tale: Product, ptime_ms: int, payload_type: int
) -> None:
    async with three_callers(pbx, ptime_ms=ptime_ms, payload_type=payload_type) as phones:
        # A longer packet brings the caller's first sound later.
        assert await seconds_to_silence(phones) < STOP_S + max(0, ptime_ms - 20) / 1000


async def test_the_channel_driver_in_place_of_the_application(pbx: Asterisk, tale: Product) -> None:
    async with three_callers(pbx, "701") as phones:
        assert await seconds_to_silence(phones) < STOP_S


@pytest.mark.parametrize("how", ["rfc4733", "info"])
@pytest.mark.parametrize("exten", ["700", "701"])
async def test_keys_stop_the_agent_and_fill_the_slot(pbx: Asterisk, tale: Product, how: str, exten: str) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call(exten)
        await asyncio.sleep(2.5)
        pressed = time.monotonic()
        phone.digit("4", how)
        for digit in "711":
            await asyncio.sleep(0.5)
            phone.digit(digit, how)
        await phone.ended(8)
    released = pressed + KEY_PRESS_S
    assert was_talking(phone.received, pressed)
    assert audible_until(phone.received, pressed) - released < KEY_STOP_S
    call = tale.ended_call()
    assert (call["outcome"], call["summary"]) == ("hangup", "code=4711")
    row = tale.interruptions(call["id"])[0]
    assert row["kind"] == "dtmf"
    assert row["unheard_text"]
    assert tale.said(call["id"], "agent").endswith("Thank you. Goodbye.")


async def test_who_asks_for_a_person_is_in_the_queue_in_two_seconds(pbx: Asterisk, tale: Product) -> None:
    asked = speech("Let me talk to a person.")
    async with three_callers(pbx) as phones:
        # One after the other: one recognizer serves them all. Who is not served in time waits for ever.
        until = [phone.say(asked, 3.0 + 2 * index) + len(asked) / RATE for index, phone in enumerate(phones)]
        await asyncio.gather(*(phone.ended(18) for phone in phones), return_exceptions=True)
    waits = [p.answered_at + begins(p.heard(), 1000) - done for p, done in zip(phones, until, strict=True)]
    assert statistics.median(waits) < 2.0
    tale.ended_call()
    rows = tale.rows("SELECT outcome FROM calls ORDER BY started_at DESC LIMIT ?", len(phones))
    assert [row["outcome"] for row in rows].count("queue") > len(phones) / 2


@pytest.mark.slow
async def test_a_minute_without_a_single_packet_from_the_caller(pbx: Asterisk, tale: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        phone.silent = True
        await phone.call("700")
        await asyncio.sleep(60)
        in_that_minute = len(phone.received)
        onset = phone.say(speech(NUMBER))
        await phone.ended(10)
    assert in_that_minute > 60 * 50 * 0.98
    assert onset - phone.answered_at > 60
    call = tale.ended_call()
    assert (call["outcome"], call["summary"]) == ("hangup", "code=1234")


async def test_mute_while_the_agent_talks_then_a_word(pbx: Asterisk, tale: Product) -> None:
    async with three_callers(pbx, silent=True) as phones:
        assert await seconds_to_silence(phones, 4.0) < STOP_S


async def test_hold_and_resume(pbx: Asterisk, tale: Product) -> None:
    async with three_callers(pbx) as phones:
        await asyncio.sleep(2)
        await asyncio.gather(*(phone.hold() for phone in phones))
        await asyncio.sleep(3)
        await asyncio.gather(*(phone.resume() for phone in phones))
        assert await seconds_to_silence(phones, 7.0) < STOP_S
    assert tale.ended_call()["outcome"] == "caller_hung_up"


async def test_five_percent_lost_and_sixty_ms_of_jitter(pbx: Asterisk, tale: Product) -> None:
    async with three_callers(pbx, loss=0.05, jitter_ms=60) as phones:
        assert await seconds_to_silence(phones, 4.0) < STOP_S + 0.060
    assert tale.interruptions(tale.ended_call()["id"])


async def test_hanging_up_while_it_rings(pbx: Asterisk, tale: Product) -> None:
    before = tale.sockets()
    async with Phone(pbx.sip_port) as phone:
        phone.ring("700")
        await phone.cancel_or_hang_up()
    await asyncio.sleep(1)
    assert tale.sockets() == before


async def test_a_call_goes_on_while_the_flow_is_read_anew(pbx: Asterisk, tale: Product) -> None:
    async with three_callers(pbx) as phones:
        await asyncio.sleep(1)
        tale.signal(signal.SIGHUP)
        assert await seconds_to_silence(phones) < STOP_S
    assert "were read again" in tale.log()
    assert tale.ended_call()["outcome"] == "caller_hung_up"


async def test_killed_in_mid_call_and_started_again(pbx: Asterisk, tale: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await asyncio.sleep(2)
        killed = time.monotonic()
        tale.stop(signal.SIGKILL)
        await phone.ended(12)
    assert phone.answered_at + begins(phone.heard(), 1000) - killed < 2.0
    tale.start()
    async with three_callers(pbx) as phones:
        assert await seconds_to_silence(phones) < STOP_S


async def test_frozen_in_mid_call_until_the_watchdog_kills_it(pbx: Asterisk, tale: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await asyncio.sleep(1)
        tale.signal(signal.SIGSTOP)
        await asyncio.sleep(4)  # systemd's WatchdogSec; scripts/test-systemd shows that it does
        killed = time.monotonic()
        tale.stop(signal.SIGKILL)
        await phone.ended(12)
    assert phone.answered_at + begins(phone.heard(), 1000) - killed < 2.0
    tale.start()


async def test_shut_down_in_mid_call_hands_the_caller_to_people(pbx: Asterisk, tale: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await asyncio.sleep(1)
        tale.signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        async with Phone(pbx.sip_port) as late:  # no new calls: this one is with people at once
            await late.call("700")
            await late.ended(8)
        assert begins(late.heard(), 1000) < 2.0
        await phone.ended(15)
    assert begins(phone.heard(), 1000) < 1 + 5 + 2
    assert tale.last_call()["outcome"] == "failed"  # not continue: the flow is not done
    tale.stop()
    tale.start()
