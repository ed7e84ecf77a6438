"""Warm handover with real SIP members: whoever answers hears what the call is about before the caller is connected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bargein.core.turns.records import ANNOUNCEMENT
from bargein.server.registry import CallOutcome

from .audio import begins, hears
from .member import CALLER, Member, connected
from .pbx import Asterisk
from .phone import Phone
from .stub import StubCall, StubServer, tone

WARM = "706"  # `bargein dialplan --warm music --back callback`: the music is 500 Hz, queue screen has one member
AGENT, ANNOUNCED = 440, 1300  # Hz
FOREVER_S = 30


@pytest.fixture
async def warm(pbx: Asterisk, stub: StubServer) -> AsyncIterator[StubServer]:
    """An agent that hands over. The member hears a tone until a key is pressed: 1 takes the call."""

    async def talk(call: StubCall) -> None:
        assert call.info is not None
        stub.outcome = CallOutcome("queue", "screen", summary="blue mug, paid")
        if call.info.dialogue != ANNOUNCEMENT:
            return await call.play(tone(0.3, AGENT))
        playing = asyncio.create_task(call.play(tone(FOREVER_S, ANNOUNCED)))
        for _ in range(50 * FOREVER_S):
            if call.digits() or call.over.is_set() or call.info.linkedid in stub.gone:
                break
            await asyncio.sleep(0.02)
        playing.cancel()
        stub.outcome = CallOutcome("continue" if call.digits() == "1" else "hangup")

    stub.talk = talk
    yield stub
    for _ in range(50):  # what this call's hangup handlers tell is not for the next test
        if pbx.cli("core show channels count").startswith("0 active channels"):
            break
        await asyncio.sleep(0.1)


async def announced(stub: StubServer, count: int = 1) -> StubCall:
    """Wait for an announcement to a member."""
    for _ in range(500):
        found = [call for call in stub.calls if call.info and call.info.dialogue == ANNOUNCEMENT]
        if len(found) >= count:
            await asyncio.sleep(0.5)
            return found[-1]
        await asyncio.sleep(0.02)
    raise AssertionError("no announcement")


async def test_a_member_takes_the_call_and_only_then_hears_the_caller(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        call = await announced(warm)
        assert call.info is not None
        assert call.info.variables == {"about": "blue mug, paid"}
        phone.say(tone(0.5, CALLER))
        await asyncio.sleep(0.7)
        assert hears(member.heard(), ANNOUNCED)
        assert not hears(member.heard(), CALLER, 0.1)
        member.digit("1")
        assert await connected(phone, member)
        await phone.hang_up()
        told = [await asyncio.wait_for(warm.handovers.get(), 10) for _ in range(2)]
    heard = phone.heard()
    assert not hears(heard, ANNOUNCED, 0.1)
    assert begins(heard, 500) < float("inf")  # music while the member listened
    caller = next(one for one in told if one.after_queue)
    assert (caller.after_status, caller.member, caller.hung_up_by) == ("answered", "member", "caller")


@pytest.mark.parametrize("how", ["declines", "hangs up"])
async def test_a_member_leaves_the_call_to_the_next(pbx: Asterisk, warm: StubServer, how: str) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        await announced(warm)
        if how == "declines":
            member.digit("2")
        else:
            await member.hang_up()
        await announced(warm, 2)
        assert not phone.reason
        member.digit("1")
        assert await connected(phone, member)


async def test_nobody_answers_and_the_caller_is_back_with_the_agent(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port, rings_s=None), Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        told = await asyncio.wait_for(warm.handovers.get(), 15)
        while len(warm.calls) < 2:
            await asyncio.sleep(0.02)
            assert not phone.reason
    assert (told.after_queue, told.after_status, told.hung_up_by) == ("screen", "timeout", "dialplan")
    assert [call.info.dialogue for call in warm.calls if call.info] == ["", "callback"]


async def test_the_caller_hangs_up_while_the_member_listens(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        await announced(warm)
        await phone.hang_up()
        told = await asyncio.wait_for(warm.handovers.get(), 10)
        assert (told.after_status, told.hung_up_by, told.member) == ("abandoned", "caller", "")
        assert await member.ended(3) == "remote hung up"  # the announcement would last for half a minute
    assert not hears(member.heard(), 500)


async def test_the_server_dies_while_the_member_listens(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        call = await announced(warm)
        warm.stop_agi()
        warm.stop_audiosocket()
        call.reset()
        assert await connected(phone, member)


async def test_no_server_for_the_member_means_no_announcement(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port, rings_s=1.0) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        await member.rung(10)
        warm.stop_agi()
        await member.answered(10)
        assert await connected(phone, member)


async def test_without_an_agent_the_call_is_over_when_the_member_hangs_up(pbx: Asterisk, warm: StubServer) -> None:
    warm.stop_agi()
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        await member.answered(10)
        assert await connected(phone, member)
        await member.hang_up()
        assert await phone.ended(10) == "remote hung up"
        assert len(member.invitations) == 1


async def test_a_caller_whom_a_member_sends_back_is_not_taken_yet(pbx: Asterisk, warm: StubServer) -> None:
    async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
        await phone.call(WARM)
        await announced(warm)
        member.digit("1")
        assert await connected(phone, member)
        member.rings_s = None
        channels = pbx.cli("core show channels concise")
        caller = next(line.split("!")[0] for line in channels.splitlines() if line.startswith("PJSIP/caller-"))
        pbx.cli(f"channel redirect {caller} from-internal,{WARM},1")
        for _ in range(750):
            if [call.info.dialogue for call in warm.calls if call.info][-1] == "callback":
                break
            assert not phone.reason
            await asyncio.sleep(0.02)
    assert [call.info.dialogue for call in warm.calls if call.info] == ["", ANNOUNCEMENT, "", "callback"]
