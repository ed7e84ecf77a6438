"""Whatever happens to our server, the caller ends with a member of the queue, who is heard (a tone of 1000 Hz)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bargein.server.fastagi import FastAgiServer

from .audio import begins
from .member import Member, connected
from .pbx import Asterisk
from .phone import Phone
from .stub import StubCall, StubServer, tone

LOGGED = "704"  # `bargein dialplan --cdr --cel --queue-log --events`, and queue screen with one member
EXTENSIONS = ["700", "701", "710"]  # AudioSocket, Dial(AudioSocket/...), the shared subroutine
IN_MID_CALL = [*EXTENSIONS, "730", "7700", "740"]  # and the other dialplans; 740 is outbound.conf
OUTBOUND_WAIT_S = 0.5
AGI_LIMIT_S = 5
QUEUE_S = 2  # from the failure to the member's voice


async def seconds_to_member(pbx: Asterisk, exten: str) -> float:
    """Call, and how long it takes from the answer until the member is heard."""
    async with Phone(pbx.sip_port) as phone:
        await phone.call(exten)
        await phone.ended(20)
    return begins(phone.heard(), 1000)


@asynccontextmanager
async def listening(port: int, serve: Callable[..., Awaitable[None]]) -> AsyncIterator[None]:
    """A TCP server of the test's own in the place of one of ours."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            await serve(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize("exten", EXTENSIONS)
async def test_server_not_running(pbx: Asterisk, exten: str) -> None:
    assert await seconds_to_member(pbx, exten) < QUEUE_S


async def test_a_log_whose_module_is_not_loaded_loses_nobody(pbx: Asterisk) -> None:
    """Asterisk hangs up at an application that it does not have."""
    for module in ("app_userevent", "app_celgenuserevent"):
        pbx.cli(f"module unload {module}.so")
    try:
        async with Member(pbx.sip_port, pbx.member_port) as member, Phone(pbx.sip_port) as phone:
            await phone.call(LOGGED)
            await member.answered(10)
            assert await connected(phone, member)
    finally:
        for module in ("app_userevent", "app_celgenuserevent"):
            pbx.cli(f"module load {module}.so")


async def test_agi_that_never_answers(pbx: Asterisk) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with listening(pbx.agi_port, silent):
        assert AGI_LIMIT_S - 1 < await seconds_to_member(pbx, "700") < AGI_LIMIT_S + QUEUE_S


async def test_agi_whose_connection_never_completes(pbx: Asterisk) -> None:
    """A machine that drops packets: a full backlog looks the same to whoever connects."""
    with socket.create_server(("127.0.0.1", pbx.agi_port), backlog=0) as full:
        clients = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(full.getsockname())
            clients.append(client)
        assert await seconds_to_member(pbx, "700") < AGI_LIMIT_S + QUEUE_S
        for client in clients:
            client.close()


async def test_agi_that_is_slow(pbx: Asterisk, stub: StubServer) -> None:
    await stub.agi.close()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5)
        ours = FastAgiServer(stub.registry, stub.address)
        await ours.start("127.0.0.1", 0)
        there, back = await asyncio.open_connection("127.0.0.1", ours.port)
        await asyncio.wait([asyncio.ensure_future(pipe(reader, back)), asyncio.ensure_future(pipe(there, writer))])
        await ours.close()

    async with listening(pbx.agi_port, slow):
        assert await seconds_to_member(pbx, "700") < 1.5 + 0.5 + 1.5 + QUEUE_S
    assert len(stub.calls) == 1


async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(4096):
        sink.write(data)
    sink.close()


async def test_agi_that_resets(pbx: Asterisk) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with listening(pbx.agi_port, reset):
        assert await seconds_to_member(pbx, "700") < QUEUE_S


async def test_agi_that_is_something_else(pbx: Asterisk) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listening(pbx.agi_port, http):
        assert await seconds_to_member(pbx, "700") < QUEUE_S


async def test_refused_at_capacity(pbx: Asterisk, stub: StubServer) -> None:
    stub.admits = False
    assert await seconds_to_member(pbx, "700") < QUEUE_S
    assert stub.calls == []


@pytest.mark.parametrize("exten", EXTENSIONS)
async def test_audiosocket_down_though_agi_is_up(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    stub.stop_audiosocket()
    assert await seconds_to_member(pbx, exten) < QUEUE_S


@pytest.mark.parametrize("exten", EXTENSIONS)
async def test_audiosocket_refuses_the_id(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    async def refuse(call: StubCall) -> None:
        await call.hang_up()

    stub.talk = refuse
    assert await seconds_to_member(pbx, exten) < QUEUE_S


@pytest.mark.parametrize("exten", IN_MID_CALL)
async def test_connection_reset_in_mid_call(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    async def reset(call: StubCall) -> None:
        await call.play(tone(0.5, 440))
        call.reset()

    stub.talk = reset
    assert await seconds_to_member(pbx, exten) < OUTBOUND_WAIT_S + 0.5 + QUEUE_S


@pytest.mark.parametrize("exten", IN_MID_CALL)
async def test_server_gone_in_mid_call(pbx: Asterisk, stub: StubServer, exten: str) -> None:
    async def die(call: StubCall) -> None:
        await call.play(tone(0.5, 440))
        await stub.close()

    stub.talk = die
    assert await seconds_to_member(pbx, exten) < OUTBOUND_WAIT_S + 0.5 + QUEUE_S


async def test_after_hours_a_caller_whose_agent_is_lost_is_told_that_nobody_is_there(
    pbx: Asterisk, stub: StubServer
) -> None:
    async def reset(call: StubCall) -> None:
        await call.play(tone(0.5, 440))
        call.reset()

    pbx.cli("dialplan set global BARGEIN_HOURS 00:00-00:01,mon,1,jan")
    stub.talk = reset
    async with Phone(pbx.sip_port) as phone:
        await phone.call("720")
        await phone.ended(10)
    assert phone.ended_at - phone.answered_at > 0.5 + 2  # vm-nobodyavail, vm-goodbye
    assert np.abs(phone.heard()[-8000:]).max() > 1000


async def test_server_that_sends_nonsense(pbx: Asterisk, stub: StubServer) -> None:
    async def nonsense(call: StubCall) -> None:
        call.writer.write(b"\x77\x00\x04nope")
        await call.over.wait()

    stub.talk = nonsense
    assert await seconds_to_member(pbx, "700") < QUEUE_S


async def test_the_second_server_takes_over(pbx: Asterisk) -> None:
    second = StubServer()
    await second.start(pbx.agi_port_2)
    try:
        async with Phone(pbx.sip_port) as phone:
            await phone.call("730")
            await phone.ended(10)
        assert begins(phone.heard(), 440) < QUEUE_S
        assert begins(phone.heard(), 1000) < 0.5 + QUEUE_S
    finally:
        await second.close()


async def test_the_second_server_takes_over_from_a_full_one(pbx: Asterisk, stub: StubServer) -> None:
    stub.admits = False
    second = StubServer()
    await second.start(pbx.agi_port_2)
    try:
        await seconds_to_member(pbx, "730")
        assert (len(stub.calls), len(second.calls)) == (0, 1)
    finally:
        await second.close()


async def test_the_second_server_takes_over_from_a_silent_one(pbx: Asterisk) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    second = StubServer()
    await second.start(pbx.agi_port_2)
    try:
        async with listening(pbx.agi_port, silent):
            assert await seconds_to_member(pbx, "730") < AGI_LIMIT_S + 0.5 + QUEUE_S
        assert len(second.calls) == 1
    finally:
        await second.close()


async def test_both_servers_down(pbx: Asterisk) -> None:
    assert await seconds_to_member(pbx, "730") < QUEUE_S
