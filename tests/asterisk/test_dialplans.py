"""Every dialplan that we give out, loaded and called."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from bargein.server.registry import CallOutcome

from .audio import hears
from .pbx import Asterisk
from .phone import Phone
from .sip import Message
from .stub import StubCall, StubServer, tone


async def test_nothing_in_our_files_makes_asterisk_complain(pbx: Asterisk) -> None:
    bad = [line for line in pbx.log_of_start.splitlines() if "WARNING" in line or "ERROR" in line]
    assert bad == []


@pytest.mark.parametrize("exten", ["700", "701", "710", "720", "730", "7700"])
async def test_the_caller_hears_the_agent_then_the_queue(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    pbx.cli("dialplan set global BARGEIN_HOURS 00:00-00:01,mon,1,jan")
    stub.outcome = CallOutcome("queue")
    async with Phone(pbx.sip_port) as phone:
        await phone.call(exten)
        phone.say(tone(0.3, 700), 0.1)
        await phone.ended(12)
    info = stub.calls[0].info
    assert info is not None
    assert (info.caller, info.called) == ("caller", exten)
    assert info.channel.startswith("PJSIP/caller-")
    assert info.linkedid == info.uniqueid != ""
    assert (info.trunk, info.codec) == ("PJSIP/caller", "ulaw")
    assert hears(stub.calls[0].heard(), 700)
    assert hears(phone.heard(), 440)
    if exten != "720":  # nobody is there after hours
        assert hears(phone.heard(), 1000)


async def test_by_day_people_answer_at_once(pbx: Asterisk, stub: StubServer) -> None:
    pbx.cli("dialplan set global BARGEIN_HOURS *,*,*,*")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("720")
        await phone.ended(10)
    assert stub.calls == []
    assert hears(phone.heard(), 1000)


VOICES = {1000: "support", 600: "sales", 1400: "200", 1800: "survey"}  # etc/extensions.conf, by their tone
APOLOGY_S = 2.5  # nobody is there after hours: a caller who is told so is on the line for longer
DIALPLANS = ("700", "701", "710", "720", "730", "7700", "740")  # 740 is outbound.conf


async def who_answers(pbx: Asterisk, exten: str) -> str:
    """Call, and who speaks after the agent: a member, an extension, "apology", or "" for nobody."""
    async with Phone(pbx.sip_port) as phone:
        await phone.call(exten)
        await phone.ended(15)
    heard = phone.heard()
    voices = [name for hz, name in VOICES.items() if hears(heard, hz)]
    told = "apology" if phone.ended_at - phone.answered_at > APOLOGY_S else ""
    return "+".join(voices) or told


@pytest.mark.parametrize(
    ("outcome", "everywhere", "but"),
    [
        (CallOutcome("queue"), "support", {"720": "apology"}),
        (CallOutcome("queue", queue="sales"), "sales", {"720": "apology", "7700": "support"}),
        (CallOutcome("queue", queue="401"), "support", {"720": "apology", "7700": "sales"}),
        (CallOutcome("queue", queue="no-such-queue"), "support", {"720": "apology"}),
        (CallOutcome("transfer", exten="200"), "200", {}),
        (CallOutcome("transfer", exten="999999"), "support", {"720": "apology"}),
        (CallOutcome("transfer"), "support", {"720": "apology"}),
        (CallOutcome("continue"), "support", {"720": "apology", "740": ""}),
        (CallOutcome("failed"), "support", {"720": "apology"}),
        (CallOutcome("hangup"), "", {}),
    ],
    ids=lambda value: f"{value.result} {value.queue}{value.exten}".strip() if isinstance(value, CallOutcome) else "",
)
async def test_where_a_call_goes_on(
    pbx: Asterisk, stub: StubServer, outcome: CallOutcome, everywhere: str, but: dict[str, str]
) -> None:
    """One call to each dialplan, all at once."""
    pbx.cli("dialplan set global BARGEIN_HOURS 00:00-00:01,mon,1,jan")
    stub.outcome = outcome
    answered = await asyncio.gather(*(who_answers(pbx, exten) for exten in DIALPLANS))
    assert dict(zip(DIALPLANS, answered, strict=True)) == dict.fromkeys(DIALPLANS, everywhere) | but


@pytest.mark.parametrize(
    "outcome", [CallOutcome("queue"), CallOutcome("queue", queue="no-such-queue"), CallOutcome("failed")], ids=str
)
async def test_where_no_queue_exists_the_caller_is_told(pbx: Asterisk, stub: StubServer, outcome: CallOutcome) -> None:
    """A queue that is mistyped, or was deleted: every dialplan ends with a sentence."""
    pbx.cli("dialplan set global BARGEIN_HOURS 00:00-00:01,mon,1,jan")
    stub.outcome = outcome
    answered = await asyncio.gather(*(who_answers(pbx, f"9{exten}") for exten in DIALPLANS))
    assert answered == ["apology"] * len(DIALPLANS)


async def test_a_way_on_that_does_not_exist_leads_to_people(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("continue")
    assert await who_answers(pbx, "*74") == "support"


async def test_a_flow_and_a_way_on_of_the_extensions_own(pbx: Asterisk, stub: StubServer) -> None:
    """`bargein dialplan --exten '*73' --dialogue night --var ACCOUNT --continue survey,start,1`."""
    stub.outcome = CallOutcome("continue")
    assert await who_answers(pbx, "*73") == "survey"
    info = stub.calls[0].info
    assert info is not None
    assert (info.dialogue, info.queue, info.variables["account"]) == ("night", "support", "")
    assert info.variables["queue.ready"] == "1"
    stub.outcome = CallOutcome("failed")
    assert await who_answers(pbx, "*73") == "support"


async def test_a_call_leaves_nothing_behind_for_the_next(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("continue", "", "", 2, "order 12")

    async def no_agent_next_time(call: StubCall) -> None:
        await call.play(tone(0.2, 440))
        asyncio.get_running_loop().call_later(1, stub.stop_agi)

    stub.talk = no_agent_next_time
    before = len(pbx.log())
    async with Phone(pbx.sip_port) as phone:
        await phone.call("750")
        await phone.ended(10)
    log = pbx.log()[before:]
    assert "first: continue 2 order 12 exit=\n" in log
    assert "second: failed   exit=mine\n" in log


async def test_a_goodbye_is_played_to_its_end_and_then_the_line_is_cut(pbx: Asterisk, stub: StubServer) -> None:
    async def talk(call: StubCall) -> None:
        await call.play(np.concatenate([tone(0.5, 440), tone(0.1, 2000)]))

    stub.talk, stub.outcome = talk, CallOutcome("hangup")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await phone.ended(5)
    heard = phone.heard()
    assert hears(heard, 2000, 0.05)
    assert not hears(heard, 1000)
    assert phone.ended_at - phone.answered_at < 1.5


async def test_a_member_sees_what_was_said(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("queue", "screen", "", 3, 'order 12; "blue", not red', {"colour": "blue"})
    invitations: list[Message] = []

    class Member(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            message = Message.parse(data)
            if message.method == "INVITE":
                invitations.append(message)
            if message.method != "ACK":
                answer = message.answer("486 Busy Here")
                self.transport.sendto(answer, address)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Member, ("127.0.0.1", pbx.member_port))
    async with Phone(pbx.sip_port) as phone:
        await phone.call("710")
        while not invitations:
            await asyncio.sleep(0.05)
            assert time.monotonic() - phone.answered_at < 5
    transport.close()
    assert invitations[0]["x-bargein-summary"] == 'order 12; "blue", not red'
    assert invitations[0]["x-bargein-interruptions"] == "3"


async def test_an_outbound_call_talks_to_the_agent_then_to_people(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome, stub.talk = CallOutcome("queue"), lambda call: call.play(tone(1.0, 440))
    before = len(pbx.log())
    await pbx.originate("Local/s@world/n", "bargein-outbound", "s", BARGEIN_VAR_ACCOUNT="4711")
    for _ in range(100):
        if "Local/support@members" in pbx.log()[before:]:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("no member was called")
    assert hears(stub.calls[0].heard(), 440)
    info = stub.calls[0].info
    assert info is not None
    assert (info.variables["account"], info.variables["outbound"]) == ("4711", "yes")
    pbx.cli("channel request hangup all")
