"""Whole calls: a SIP phone, Asterisk, and the server as an administrator runs it."""

from __future__ import annotations

import asyncio
import re
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .audio import begins
from .pbx import Asterisk
from .phone import RATE, Phone
from .product import Product, first_sound, speech
from .quiet import audible_until, was_talking
from .stub import tone

STOP_MS = 300
ON_THE_WAY_S = 0.300  # at most, in both directions through Asterisk on a busy machine


@pytest.fixture(scope="module")
def shop(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("shop"), pbx.agi_port).running() as product:
        yield product
    assert "Traceback" not in product.log()


async def test_a_caller_cuts_in_is_answered_and_asks_for_a_person(pbx: Asterisk, shop: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        blue = phone.say(speech("The blue one, please."), 4.0)
        person = phone.say(speech("Let me talk to a person."), 11.0)
        asked_until = person + len(speech("Let me talk to a person.")) / RATE
        await phone.ended(30)
    call = shop.ended_call()
    rows = shop.interruptions(call["id"])

    for onset in (blue, person):
        assert was_talking(phone.received, onset)
        assert audible_until(phone.received, onset) - onset < STOP_MS / 1000 + ON_THE_WAY_S
    stops = [row for row in rows if row["resolution"] in ("replanned", "transferred")]
    assert all(0 < row["stop_latency_ms"] < STOP_MS for row in stops), rows  # counted in samples, not by a clock

    assert "One blue mug for fifteen dollars." in shop.said(call["id"], "agent")
    assert "blue" in shop.said(call["id"], "caller").lower()
    assert rows[0]["unheard_text"]
    resolutions = [row["resolution"] for row in rows]
    assert [r for r in resolutions if r not in ("resumed", "held")] == ["replanned", "transferred"]
    assert (call["outcome"], call["queue"], call["caller"], call["called"]) == ("queue", "support", "caller", "700")

    member_heard = phone.answered_at + begins(phone.heard(), 1000)
    assert member_heard - asked_until < 4  # the agent says that it fetches somebody; see test_scenarios for the queue


async def test_a_recording_that_the_dialplan_asks_for_and_prune_forgets(pbx: Asterisk, shop: Product) -> None:
    words = speech("The blue one, please.")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("702")
        said = phone.say(words, 4.0) - phone.answered_at
        await asyncio.sleep(phone.answered_at + 7.0 - time.monotonic())
    call = shop.ended_call()
    cut = shop.interruptions(call["id"])[0]

    path = Path(call["recording"])
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        legs = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2).astype(float)
    assert abs(len(legs) / RATE - 7.0) < 0.5
    onset = int(cut["onset_ms"] * RATE / 1000)
    assert abs(onset / RATE - said) < 0.3
    frames = legs[: len(legs) // 160 * 160].reshape(-1, 160, 2)
    caller, agent = np.sqrt((frames**2).mean(axis=1)).T
    at = onset // 160
    assert caller[: at - 10].max() < 100 < caller[at : at + 25].max()  # the caller is on the left, and only speaks then
    assert agent[at - 100 : at].max() > 1000 > 10 * agent[at + 20 : at + 40].max()  # the agent is on the right
    assert b"cue " in await asyncio.to_thread(path.read_bytes)

    await asyncio.sleep(1.1)
    done = shop.bargein("prune", "--older-than", "1s", "--yes")
    assert re.search(r"deleted \d+ calls?, .* 1 recording\b", done.stdout), done.stdout + done.stderr
    assert not await asyncio.to_thread(path.exists)


def test_the_log_says_nothing_of_callers(shop: Product) -> None:
    log = shop.log()
    assert "call " in log
    for word in ("blue", "person", "mug"):
        assert word not in log.lower()


async def test_a_voicemail_gets_the_message_after_the_beep(pbx: Asterisk, shop: Product) -> None:
    before = len(pbx.log())
    async with Phone(pbx.sip_port) as phone:  # whom Asterisk called, and who has answered
        await phone.call("741")
        greeting = np.concatenate([speech("Please leave a message after the tone."), np.zeros(RATE // 2, np.int16)])
        beeped = phone.say(np.concatenate([greeting, tone(0.4, 1000)]), 0.2) + len(greeting) / RATE + 0.4
        await phone.ended(20)
    call = shop.ended_call()
    assert (call["answered_by"], call["outcome"], call["dialogue"]) == ("voicemail", "hangup", "outbound")
    message = phone.answered_at + first_sound(phone.heard()) / RATE
    assert 0 < message - beeped < 1 + ON_THE_WAY_S
    assert "hangup voicemail message" in pbx.log()[before:]


async def test_a_person_who_says_hello_is_answered_within_a_second(pbx: Asterisk, shop: Product) -> None:
    async with Phone(pbx.sip_port) as phone:
        await phone.call("741")
        hello = speech("Hello?")
        said = phone.say(hello, 0.5) + len(hello) / RATE
        while phone.ended_at == 0.0 and first_sound_at(phone) < said:
            await asyncio.sleep(0.05)
            assert time.monotonic() - said < 4
    assert first_sound_at(phone) - said < 1 + ON_THE_WAY_S
    assert shop.ended_call()["answered_by"] == "person"


def first_sound_at(phone: Phone) -> float:
    """When the callee first heard something; 0.0 if nothing yet."""
    heard = phone.heard()
    return phone.answered_at + first_sound(heard) / RATE if len(heard) and np.abs(heard).max() > 500 else 0.0
