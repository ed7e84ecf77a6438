"""Connections that send nothing, or a byte now and then: what they cost a call and the log."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys

import pytest

from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from tests.server.test_audiosocket import Bench, bench, first_kind

__all__ = ["bench"]

FLOOD = """
import resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for number in range(10_000):
    if number % 80 == 0:  # more at once than the kernel queues would come a second later
        time.sleep(0.1)
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
print(len(held), flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.flaky(reruns=2)  # it counts the frames of a call in real time
@pytest.mark.parametrize("bench", [{"max_pending": 16, "id_timeout_s": 0.5}], indirect=True)
async def test_10000_silent_connections_cost_a_call_nothing_and_the_log_a_few_lines(bench: Bench, caplog) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= hard < 10_500:
        pytest.skip("needs 10,500 open files: ulimit -Hn")
    call, _writer = await bench.dial()
    decoder, frames = Decoder(), []
    assert await first_kind(call) == FrameKind.AUDIO
    await call.readexactly(320)

    async def listen() -> None:
        while data := await call.read(4096):
            frames.extend(decoder.feed(data))

    listening = asyncio.create_task(listen())
    began = asyncio.get_running_loop().time()
    flood = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FLOOD, str(bench.server.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert flood.stdin is not None
    assert flood.stdout is not None
    assert await flood.stdout.readline() == b"10000\n"  # all are open, and none hangs up
    took = asyncio.get_running_loop().time() - began
    assert bench.server.calls == 1
    assert len(frames) > 0.7 * took / 0.02
    assert 2 <= len(caplog.records) <= 2 * (2 + took / 10)  # who is refused, and who waits for too long
    flood.stdin.close()
    await flood.wait()
    listening.cancel()


@pytest.mark.parametrize("bench", [{"id_timeout_s": 0.4}], indirect=True)
async def test_a_peer_that_sends_a_byte_now_and_then_has_no_more_time_than_others(bench: Bench, caplog) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
    for byte in encode(FrameKind.ID, bytes(16)):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
        if reader.at_eof():
            break
    assert "sent no call id in time" in caplog.text
    assert bench.server.calls == 0
    writer.close()


@pytest.mark.parametrize("bench", [{"peers": []}], indirect=True)
async def test_a_flood_of_strangers_costs_the_log_a_line(bench: Bench, caplog) -> None:
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
        assert await reader.read() == b""
        writer.close()
    assert len(caplog.records) == 1
