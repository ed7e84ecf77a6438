"""What Asterisk's own logs say of a call with the agent, and what our log says of what became of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bargein.core.turns.records import Handover
from bargein.server.registry import CallOutcome

from .member import Member
from .pbx import Asterisk
from .phone import Phone
from .stub import StubServer

QUEUE = "704"  # `bargein dialplan --cdr --cel --queue-log --events`, and queue screen with one member
SUMMARY = 'order 12, Result: forged, ${BARGEIN_RESULT} $[6*7] "blue" (or (red'


@asynccontextmanager
async def ami_events(pbx: Asterisk) -> AsyncIterator[list[dict[str, str]]]:
    """All user events from here on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pbx.ami_port)
    writer.write(b"Action: Login\r\nUsername: test\r\nSecret: test\r\nEvents: user\r\n\r\n")
    found: list[dict[str, str]] = []

    async def read() -> None:
        while block := (await reader.readuntil(b"\r\n\r\n")).decode():
            fields = dict(line.partition(": ")[::2] for line in block.splitlines())
            if fields.get("Event") == "UserEvent":
                found.append(fields)

    await reader.readuntil(b"accepted\r\n\r\n")
    reading = asyncio.create_task(read())
    yield found
    reading.cancel()
    writer.close()


async def becomes(stub: StubServer) -> Handover:
    """What the hangup handler tells of the call."""
    return await asyncio.wait_for(stub.handovers.get(), 10)


async def in_log(pbx: Asterisk, name: str, text: str) -> bool:
    """Whether Asterisk has written it, within 5 s: it writes a CDR some time after the hangup handler."""
    for _ in range(50):
        if text in (pbx.logs / name).read_text():
            return True
        await asyncio.sleep(0.1)
    return False


def near(value: int | None, expected_ms: int) -> bool:
    """Asterisk and the test look at their clocks at different moments, and some clocks count seconds."""
    return value is not None and abs(value - expected_ms) < 1500


@pytest.mark.parametrize("side", ["caller", "member"])
async def test_a_member_answers_and_either_side_hangs_up(pbx: Asterisk, stub: StubServer, side: str) -> None:
    stub.outcome = CallOutcome("queue", "screen", "", 2, SUMMARY)
    async with (
        ami_events(pbx) as events,
        Member(pbx.sip_port, pbx.member_port, rings_s=1.0) as member,
        Phone(pbx.sip_port) as phone,
    ):
        await phone.call(QUEUE)
        await member.answered(10)
        await asyncio.sleep(1)
        await (phone if side == "caller" else member).hang_up()
        told = await becomes(stub)
    assert (told.after_queue, told.after_status, told.member, told.hung_up_by) == ("screen", "answered", "member", side)
    assert near(told.waited_ms, 1000), told
    assert near(told.talked_ms, 1000), told
    assert told.hangup_cause == 16
    info = stub.calls[0].info
    assert info is not None
    start, result = (event for event in events if event["UserEvent"].startswith("Bargein"))
    assert (start["UserEvent"], start["CallId"], start["Linkedid"]) == ("BargeinStart", info.id, info.linkedid)
    assert (result["UserEvent"], result["Result"], result["Interruptions"]) == ("BargeinResult", "queue", "2")
    # no header of its own, and nothing of it is evaluated
    assert result["Summary"].startswith("order 12  Result: forged   {BARGEIN_RESULT}  [6*7] ")
    assert await in_log(pbx, "cdr-csv/Master.csv", f'"{info.id} queue"')
    cel = (pbx.logs / "cel-custom/Master.csv").read_text()
    assert f'"BARGEIN_START","{{""extra"":""{info.id}""}}"' in cel
    assert f'"BARGEIN_RESULT","{{""extra"":""{info.id} queue""}}"' in cel
    assert f"|{info.uniqueid}|screen|NONE|BARGEIN|{info.id}|queue|2\n" in (pbx.logs / "queue_log").read_text()


async def test_a_caller_who_gives_up_waiting(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("queue", "screen")
    async with Member(pbx.sip_port, pbx.member_port, rings_s=None) as member, Phone(pbx.sip_port) as phone:
        await phone.call(QUEUE)
        await member.rung(10)
        await asyncio.sleep(1)
        await phone.hang_up()
        told = await becomes(stub)
    assert (told.after_queue, told.after_status, told.member, told.hung_up_by) == ("screen", "abandoned", "", "caller")
    assert near(told.waited_ms, 1000), told


async def test_a_caller_who_hangs_up_on_the_agent(pbx: Asterisk, stub: StubServer) -> None:
    async def talk(call: object) -> None:
        await asyncio.sleep(30)

    stub.talk = talk
    async with ami_events(pbx) as events, Phone(pbx.sip_port) as phone:
        await phone.call(QUEUE)
        await asyncio.sleep(0.5)
        await phone.hang_up()
        stub.registry.finish(stub.calls[0].info.id, CallOutcome("failed", interruptions=1))  # type: ignore[union-attr]
        told = await becomes(stub)
    assert told == Handover(hangup_cause=told.hangup_cause, hung_up_by="caller")
    info = stub.calls[0].info
    assert info is not None
    assert [(e["Result"], e["Interruptions"]) for e in events if "Result" in e] == [("caller_hung_up", "1")]
    assert await in_log(pbx, "cdr-csv/Master.csv", f'"{info.id} caller_hung_up"')


async def test_an_extension_that_answers(pbx: Asterisk, stub: StubServer) -> None:
    stub.outcome = CallOutcome("transfer", exten="210")
    async with Phone(pbx.sip_port) as phone:
        await phone.call("700")
        await phone.ended(10)
        told = await becomes(stub)
    assert (told.after_exten, told.after_status, told.member) == ("210", "answered", "support")
