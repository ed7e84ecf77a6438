"""From the trunk to the person who took the call, with the server as an administrator runs it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from . import g711
from .member import Member, connected
from .pbx import REPOSITORY, Asterisk
from .phone import Phone
from .product import FLOWS, Product

LOGGED = "704"  # `bargein dialplan --cdr --cel --queue-log --events`, and queue screen with one member
FIRST_SOUND_S = 0.300
AUDIBLE = 100  # of 32,767
WARM = "706"  # `bargein dialplan --warm music --back callback`, and the same queue


@pytest.fixture(scope="module")
def product(pbx: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("handover"), pbx.agi_port, str(FLOWS / "handover.yaml")).running() as product:
        yield product
    assert "Traceback" not in product.log()


def seconds(text: str) -> list[int]:
    return [60 * int(m or 0) + int(s) for m, s in re.findall(r"(?:(\d+):)?(\d+)(?: s|,)", text)]


async def test_a_calls_story_from_all_logs_is_the_one_that_show_tells(pbx: Asterisk, product: Product) -> None:
    async with Member(pbx.sip_port, pbx.member_port, rings_s=1.0) as member, Phone(pbx.sip_port) as phone:
        await phone.call(LOGGED, 10)
        await member.answered(20)
        await asyncio.sleep(2)
        await phone.hang_up()
    for _ in range(150):
        if product.last_call()["after_status"]:
            break
        await asyncio.sleep(0.1)
    script = [sys.executable, str(REPOSITORY / "scripts/bench/story"), "last", "--db", str(product.database)]
    run = await asyncio.to_thread(
        subprocess.run, [*script, "--logs", str(pbx.logs)], capture_output=True, text=True, check=True
    )
    print(run.stdout)
    *events, asterisk, ours = run.stdout.splitlines()
    asterisk, ours = asterisk.removeprefix("Asterisk: "), ours.removeprefix("bargein:  ")
    assert re.fullmatch(r"then queue screen: \d s, answered by member, 0:0\d, hung up by the caller", ours), run.stdout
    assert re.sub(r"\d", "", asterisk) == re.sub(r"\d", "", ours)
    assert all(abs(one - other) <= 1 for one, other in zip(seconds(asterisk), seconds(ours), strict=True)), run.stdout
    for told in (
        "CDR",
        "CEL        BARGEIN_RESULT",
        "queue_log  CONNECT screen",
        "bargein    agent: One moment, please.",
    ):
        assert any(told in event for event in events), told
    shown = (await asyncio.to_thread(product.bargein, "show", "last")).stdout
    assert ours in shown
    assert "PJSIP/caller (ulaw)" in shown
    stats = (await asyncio.to_thread(product.bargein, "stats")).stdout
    assert "1 handed over (100%), 1 answered (100%)" in stats


async def test_the_agents_voice_tells_the_member_and_a_key_takes_the_call(pbx: Asterisk, product: Product) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM, 10)
        await member.answered(20)
        for _ in range(200):
            if product.rows("SELECT * FROM turns WHERE heard_text LIKE 'A caller for you%'"):
                break
            await asyncio.sleep(0.1)
        member.digit("1")
        assert await connected(phone, member)
    for _ in range(100):
        talk, told = product.rows("SELECT * FROM calls ORDER BY started_at DESC LIMIT 2")[::-1]
        if talk["after_status"] and told["ended_at"]:
            break
        await asyncio.sleep(0.1)
    assert (talk["after_status"], talk["member"], talk["linkedid"]) == ("answered", "member", told["linkedid"])
    assert (told["dialogue"], told["outcome"]) == ("announce", "continue")
    stats = (await asyncio.to_thread(product.bargein, "stats")).stdout
    assert re.search(r"\d handed over .*, 1 announcement", stats), stats


async def first_sound_s(pbx: Asterisk) -> float:
    """From the answer to the first packet in which the agent is heard."""
    async with Phone(pbx.sip_port) as phone:
        await phone.call(LOGGED, 10)
        for _ in range(100):
            await asyncio.sleep(0.02)
            packets = [packet for packet in phone.received if packet.payload_type == g711.PCMU]
            levels = [(packet.at, int(np.abs(g711.decode(packet.payload, g711.PCMU)).max())) for packet in packets]
            if loud := [at for at, level in levels if level > AUDIBLE]:
                return loud[0] - phone.answered_at
    raise AssertionError("the agent is not heard")


async def test_the_first_sound_of_eight_calls_that_begin_together(pbx: Asterisk, product: Product) -> None:
    found = await asyncio.gather(*(first_sound_s(pbx) for _ in range(8)))
    print([round(1000 * seconds) for seconds in found])
    assert max(found) < FIRST_SOUND_S
