"""Every dialplan that we give out, loaded and called."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from agent.registry import Outcome

from .audio import hears
from .pbx import Asterisk
from .phone import Phone
from .sip import Message
from .stub import StubCall, StubServer, tone


async def test_nothing_in_our_files_makes_asterisk_complain(pbx: Asterisk) -> None:
    bad = [line for line in pbx.log().splitlines() if "WARNING" in line or "ERROR" in line]
    assert bad == []


@pytest.mark.parametrize("exten", ["700", "701", "710", "720", "730", "7700"])
async def test_the_caller_hears_the_agent_then_the_queue(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    pbx.cli("dialplan set global BARGEIN_HOURS 00:00-00:01,mon,1,jan")
    stub.outcome = Outcome("queue")
    async with Phone(pbx.sip_port) as phone:
        await phone.call(exten)
        phone.say(tone(0.3, 700), 0.1)
        await phone.ended(12)
    info = stub.calls[0].info
    assert info is not None
    assert (info.caller, info.called) == ("caller", exten)
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


@pytest.mark.parametrize(
    ("outcome", "hz"),
    [
        (Outcome("queue", queue="sales"), 600),
        (Outcome("queue", queue="no-such-queue"), 1000),
        (Outcome("transfer", exten="200"), 1400),
        (Outcome("transfer", exten="999999"), 1000),
        (Outcome("transfer"), 1000),
        (Outcome("continue"), 1000),
        (Outcome("failed"), 1000),
    ],
    ids=lambda value: f"{value.result}-{value.queue or value.exten}" if isinstance(value, Outcome) else str(value),
)
async def test_where_a_call_goes_on(pbx: Asterisk, stub: StubServer, outcome: Outcome, hz: float) -> None:
    stub.outcome = outcome
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await phone.ended(12)
    assert hears(phone.heard(), hz)


async def test_a_goodbye_is_played_to_its_end_and_then_the_line_is_cut(pbx: Asterisk, stub: StubServer) -> None:
    async def talk(call: StubCall) -> None:
        await call.play(np.concatenate([tone(0.5, 440), tone(0.1, 2000)]))

    stub.talk, stub.outcome = talk, Outcome("hangup")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await phone.ended(5)
    heard = phone.heard()
    assert hears(heard, 2000, 0.05)
    assert not hears(heard, 1000)
    assert phone.ended_at - phone.answered_at < 1.5


async def test_a_member_sees_what_was_said(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = Outcome("queue", "screen", "", 3, 'order 12; "blue", not red', {"colour": "blue"})
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
    stub.outcome = Outcome("queue")
    before = len(pbx.log())
    pbx.cli("channel originate Local/s@world/n extension s@bargein-outbound")
    for _ in range(100):
        if "Local/support@members" in pbx.log()[before:]:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("no member was called")
    assert hears(stub.calls[0].heard(), 440)
    assert stub.calls[0].info is not None
    assert stub.calls[0].info.variables == {"account": ""}
    pbx.cli("channel request hangup all")
