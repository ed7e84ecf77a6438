"""FastAGI with peers that are wrong, slow, many or gone, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from bargein.core.turns.records import CallInfo
from bargein.doctor.checks import is_our_fastagi
from bargein.errors import UserError
from bargein.server.fastagi import FastAgiServer
from bargein.server.listening import is_allowed
from bargein.server.registry import CallOutcome, Registry
from tests.server.test_fastagi import Pbx, serving, taken


async def talk(port: int, data: bytes) -> bytes:
    """Send bytes, close our side, return what comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not an AGI request"),
        (b"agi_network_script: ../../etc/passwd\n\n", "none of start, finish and after"),
        (b"agi_network_script: secret-4420\n\n", "none of start, finish and after"),
        (b"agi_callerid: secret-4420" + b"0" * 9000, "longer than 8192 bytes"),
    ],
)
async def test_bad_requests_are_one_clear_line_without_what_they_said(
    registry: Registry, caplog: pytest.LogCaptureFixture, data: bytes, why: str
) -> None:
    async with serving(registry) as agi:
        assert await talk(agi.port, data) == b""
    assert len(caplog.records) == 1
    assert why in caplog.text
    assert "4420" not in caplog.text


@pytest.mark.parametrize("query", ["a%20b=1", "var=A%0AB", "var=", "=1", "&".join(f"v{i}=1" for i in range(33))])
async def test_a_url_that_an_administrator_has_to_mend(
    registry: Registry, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run(f"start?{query}")
    assert pbx.variables == {"BARGEIN_ID": "", "BARGEIN_RESULT": "failed"}
    assert "its URL has" in caplog.text


@pytest.mark.parametrize("data", [b"", b"agi_network: yes\n", b"agi_network_script: start\n\n"])
async def test_a_peer_that_does_not_go_on_is_closed(
    registry: Registry, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    async with serving(registry, timeout_s=0.05) as agi:
        async with asyncio.timeout(10):
            await talk(agi.port, data)
    assert "did not go on" in caplog.text
    assert len(registry) == 0


async def test_a_peer_that_drips_is_closed(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(registry, timeout_s=0.2) as agi:
        reader, writer = await asyncio.open_connection("127.0.0.1", agi.port)
        closed = asyncio.create_task(reader.read())
        async with asyncio.timeout(10):
            while not closed.done():
                writer.write(b"a")
                await asyncio.sleep(0.02)
        writer.close()
    assert "did not go on" in caplog.text


async def test_only_peers_may_connect(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(registry, peers=[ip_network("10.0.0.0/8")]) as agi:
        reader, writer = await asyncio.open_connection("127.0.0.1", agi.port, local_addr=("127.0.0.2", 0))
        assert await reader.read() == b""
        writer.close()
    assert "127.0.0.2: request refused" in caplog.text
    assert "fastagi.peers" in caplog.text


async def test_no_peers_means_nobody(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(registry, peers=[]) as agi:
        assert not await is_our_fastagi(f"127.0.0.1:{agi.port}")
    assert "fastagi.peers" in caplog.text


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("::ffff:11.1.2.3", False), ("fe80::1%eth0", True), ("::1", False)],
)
def test_an_address_of_either_family_is_compared_with_the_networks(peer: str, allowed: bool) -> None:
    assert is_allowed(peer, [ip_network("10.0.0.0/8"), ip_network("fe80::/10")]) is allowed
    assert not is_allowed(peer, [])


async def test_its_own_machine_may_connect_whoever_the_peers_are(registry: Registry) -> None:
    """`bargein doctor` asks so on a machine whose only peer is the PBX."""
    async with serving(registry, peers=[ip_network("10.0.0.0/8")]) as agi:
        assert await is_our_fastagi(f"127.0.0.1:{agi.port}")


async def test_connections_are_limited_and_come_free_again(registry: Registry) -> None:
    async with serving(registry, max_connections=2) as agi:
        idle = [await asyncio.open_connection("127.0.0.1", agi.port) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert await talk(agi.port, b"") == b""
        for _, writer in idle:
            writer.close()
        pbx = Pbx(agi.port)
        async with asyncio.timeout(10):
            while not pbx.variables:
                with contextlib.suppress(ConnectionError):
                    await pbx.run("start")
        assert pbx.variables["BARGEIN_ID"]


async def test_a_port_in_use_is_one_clear_line(registry: Registry) -> None:
    async with serving(registry) as agi:
        with pytest.raises(UserError, match=r"FastAGI cannot listen on 127\.0\.0\.1:\d+: .*fastagi\.listen"):
            await FastAgiServer(registry, "127.0.0.1:9092").start("127.0.0.1", agi.port)


async def test_close_ends_what_is_in_progress(registry: Registry) -> None:
    async with serving(registry) as agi:
        reader, writer = await asyncio.open_connection("127.0.0.1", agi.port)
        await asyncio.sleep(0.02)
        await agi.close()
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_drain_waits_for_the_dialplan_to_ask(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        call_id = await taken(pbx, registry)
        registry.finish(call_id, CallOutcome("queue", queue="sales"))
        draining = asyncio.create_task(agi.drain(5))
        await asyncio.sleep(0.1)
        await pbx.run("finish")
        async with asyncio.timeout(4):  # not the whole five seconds
            await draining
    assert pbx.variables["BARGEIN_QUEUE"] == "sales"


async def test_drain_does_not_wait_for_ever(registry: Registry) -> None:
    async with serving(registry) as agi:
        call_id = registry.register(CallInfo(""))
        registry.take(call_id)
        registry.finish(call_id, CallOutcome("hangup"))
        async with asyncio.timeout(10):
            await agi.drain(0.1)


async def test_no_caller_data_in_the_log(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    admits: list[Callable[[], bool]] = [lambda: True, lambda: False]
    for admit in admits:
        async with serving(registry, admit=admit) as agi:
            pbx = Pbx(agi.port)
            await pbx.run("start", "agi_callerid: 5551234\nagi_calleridname: Ann Example\n")
            await pbx.run("finish")
    assert "5551234" not in caplog.text
    assert "Ann" not in caplog.text


@pytest.mark.parametrize(
    "options", [{"max_connections": 4, "timeout_s": 0.2}, {"peers": []}], ids=["silent", "strangers"]
)
async def test_a_flood_of_connections_costs_the_log_a_few_lines(
    registry: Registry, caplog: pytest.LogCaptureFixture, options: dict[str, object]
) -> None:
    async with serving(registry, **options) as agi, asyncio.timeout(10):
        held = [await asyncio.open_connection("127.0.0.1", agi.port) for _ in range(50)]
        for reader, writer in held:
            assert await reader.read() == b""
            writer.close()
    assert 1 <= len(caplog.records) <= 2  # those who are one too many, and those who say nothing
