"""The doctor at the manager interface that [fastagi] ami names: one line for each fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bargein.doctor import checks
from bargein.doctor.manager import manager_interface

SUMMARY = "Response: Success\r\nEventList: start\r\n\r\n{}Event: QueueSummaryComplete\r\nEventList: Complete\r\n\r\n"
QUEUE = "Event: QueueSummary\r\nQueue: support\r\nAvailable: 1\r\nCallers: 0\r\n\r\n"
UNKNOWN = "Response: Error\r\nMessage: Invalid/unknown command: QueueSummary. Use Action: ListCommands.\r\n\r\n"


class Ami:
    """It takes the secret `x`, and answers QueueSummary as a test wants."""

    answer = SUMMARY.format(QUEUE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        if b"Secret: x\r\n" not in await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"Response: Error\r\nMessage: Authentication failed\r\n\r\n")
        else:
            writer.write(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer.encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def ami(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Ami, str]]:
    monkeypatch.setenv("BARGEIN_AMI_USER", "bargein")
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "x")
    played = Ami()
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    yield played, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_what_can_be_wrong_is_one_line_each(ami: tuple[Ami, str], monkeypatch: pytest.MonkeyPatch) -> None:
    played, address = ami
    assert await manager_interface(address) == checks.ok("AMI", f"{address}: 1 queue")
    played.answer = SUMMARY.format("")
    none = await manager_interface(address)
    assert (none.status, none.text) == ("warn", f"{address}: it knows no queues")
    played.answer = UNKNOWN
    refused = await manager_interface(address)
    assert (refused.status, refused.remedy) == ("fail", "is app_queue loaded?")
    assert refused.text == f"{address}: Invalid/unknown command: QueueSummary. Use Action: ListCommands"
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "wrong")
    assert (await manager_interface(address)).text == f"{address}: the login was refused"
    assert (await manager_interface("127.0.0.1:1")).text == "127.0.0.1:1: Connection refused"
    monkeypatch.delenv("BARGEIN_AMI_USER")
    anonymous = await manager_interface(address)
    assert anonymous.text == f"{address}: AMI wants a user and a secret"
    assert anonymous.remedy.startswith("set BARGEIN_AMI_USER and BARGEIN_AMI_SECRET")
