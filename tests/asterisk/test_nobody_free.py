"""What a flow learns of the queue behind it, and where a caller goes for whom nobody is there, at a real Asterisk."""

from __future__ import annotations

import asyncio

from bargein.pbx import availability
from bargein.pbx.asterisk import Manager
from bargein.server.registry import CallOutcome

from ..waiting import until
from .audio import hears
from .member import Member
from .pbx import Asterisk
from .phone import Phone
from .product import read_wav
from .stub import StubServer, tone

WARM, PLAIN = "705", "704"  # both before queue screen, which has one member


async def test_a_flow_is_told_who_is_ready_who_waits_and_for_how_long(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("queue", "screen")
    stub.talk = lambda call: call.play(tone(0.2, 440))
    before = len(pbx.log())
    async with Member(pbx.sip_port, pbx.member_port, rings_s=None) as member:
        for extension in (PLAIN, WARM):
            async with Phone(pbx.sip_port) as first, Phone(pbx.sip_port) as second:
                await first.call(extension)
                await member.rung(10, len(member.invitations) + 1)
                await asyncio.sleep(1.1)  # the time that Asterisk tells has whole seconds
                await second.call(extension)
                await until(lambda: len([call for call in stub.calls if call.info]) == 2)
                told = [call.info.variables for call in stub.calls if call.info]
                stub.calls.clear()
                asterisk = await Manager.connect("127.0.0.1", pbx.ami_port, "test", "test")
                summary = next(event for event in await asterisk.queues() if event["Queue"] == "screen")
                await asterisk.close()
                assert availability.of_summary(summary) == told[1]
            assert told[0] == {"queue.ready": "1", "queue.waiting": "0", "queue.wait": ""}
            assert told[1] == {"queue.ready": "0", "queue.waiting": "1", "queue.wait": "1"}
            await until(lambda: "No Callers" in pbx.cli("queue show screen"))
    assert "WARNING" not in "".join(line for line in pbx.log()[before:].splitlines(True) if "queue" in line.lower())


async def test_a_caller_chooses_voicemail_and_leaves_a_message(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("voicemail")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("707")
        await until(lambda: "VoiceMail" in pbx.cli("core show channels concise"))
        phone.digit("#")  # no greeting
        phone.say(tone(2.0, 700), 0.5)
        await asyncio.sleep(2.0)
        await phone.hang_up()
        told = await asyncio.wait_for(stub.handovers.get(), 10)
    assert told.hung_up_by == "caller"
    await until(lambda: list(pbx.messages("100").glob("msg*.wav")))
    assert stub.calls[0].info is not None
    assert stub.calls[0].info.variables["voicemail"] == "yes"
    assert hears(read_wav(next(pbx.messages("100").glob("msg*.wav")))[0], 700)


async def test_without_the_mailbox_a_sentence_ends_the_call(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("voicemail")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("708")
        assert await phone.ended(15) == "remote hung up"
        assert phone.ended_at - phone.answered_at > 2.5  # it was told that nobody is there
