"""The FastAGI endpoint over TCP, with a test in the part of Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.records import CallInfo, Handover
from bargein.doctor.checks import is_our_fastagi
from bargein.errors import UserError
from bargein.server.fastagi import FastAgiServer
from bargein.server.listening import is_allowed
from bargein.server.registry import CallOutcome, Registry


class Pbx:
    """One AGI connection as Asterisk makes it; channel variables are a dict."""

    def __init__(self, port: int, variables: dict[str, str] | None = None) -> None:
        self.port = port
        self.variables = variables or {}
        self.commands: list[str] = []

    async def run(self, script: str, fields: str = "agi_callerid: 100\nagi_calleridname: Ann\nagi_dnid: 700\n") -> None:
        """Make the request, then answer commands until the other side closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"agi_network: yes\nagi_network_script: {script}\n{fields}\n".encode())
        while line := (await reader.readline()).decode():
            self.commands.append(line)
            await self.send(writer, self.answer(shlex.split(line)))
        writer.close()

    async def send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)

    def answer(self, words: list[str]) -> bytes:
        if words[:2] == ["SET", "VARIABLE"]:
            self.variables[words[2].removeprefix("__")] = words[3]
            return b"200 result=1\n"
        value = self.variables.get(words[2])
        return b"200 result=0\n" if value is None else f"200 result=1 ({value})\n".encode()


@pytest.fixture
def registry() -> Registry:
    return Registry(SystemClock())


@asynccontextmanager
async def serving(
    registry: Registry, address: str = "127.0.0.1:9092", **options: object
) -> AsyncIterator[FastAgiServer]:
    agi = FastAgiServer(registry, address, **options)  # type: ignore[arg-type]
    await agi.start("127.0.0.1", 0)
    try:
        yield agi
    finally:
        await agi.close()


async def test_start_gives_an_id_and_what_the_caller_dialled(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port, {"BARGEIN_VAR_ACCOUNT": 'A-1 "gold", \\'})
        await pbx.run("start?dialogue=shop&queue=sales&var=ACCOUNT&var=NOTHING&Language=en")
    assert pbx.variables["BARGEIN_SERVER"] == "127.0.0.1:9092"
    assert pbx.variables["BARGEIN_RESULT"] == "failed"
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert (info.caller, info.caller_name, info.called) == ("100", "Ann", "700")
    assert (info.dialogue, info.queue) == ("shop", "sales")
    assert info.variables == {"account": 'A-1 "gold", \\', "nothing": "", "language": "en"}


async def test_asterisks_names_of_the_call_are_kept_and_are_no_variables(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        fields = "agi_uniqueid: 1700000000.2\nagi_channel: PJSIP/trunk-00000002\nagi_dnid: unknown\nagi_extension: s\n"
        await pbx.run("start?linkedid=1700000000.1&codec=(ulaw)&exten=700", fields)
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert (info.uniqueid, info.linkedid, info.channel) == ("1700000000.2", "1700000000.1", "PJSIP/trunk-00000002")
    assert (info.trunk, info.codec, info.called) == ("PJSIP/trunk", "ulaw", "700")
    assert info.variables == {}


VALUES = [
    "call (home)\nor (work) later",
    "a)\n\nb)\nc",
    "two\nlines",
    "",
    ")",
    "(",
    ":-(",
    'say "hi" \\ now',
    "x" * 4096,
    "été\tnow",
]


@pytest.mark.parametrize("piece", [3, 10_000])
async def test_values_of_any_shape_reach_the_flow(registry: Registry, piece: int) -> None:
    class Pieces(Pbx):
        """Sends each answer in pieces, as a slow network does."""

        async def send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
            for at in range(0, len(answer), piece):
                writer.write(answer[at : at + piece])
                if piece < 10 and len(answer) < 100:
                    await asyncio.sleep(0.001)

    names = [f"V{number}" for number in range(len(VALUES))]
    async with serving(registry) as agi:
        pbx = Pieces(agi.port, {f"BARGEIN_VAR_{name}": value for name, value in zip(names, VALUES, strict=True)})
        await pbx.run("start?" + "&".join(f"var={name}" for name in names))
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert list(info.variables.values()) == [" ".join(value.split("\n")).replace("  ", " ") for value in VALUES]


@pytest.mark.parametrize("noise", [b"\n", b"\r\n\n", b"a stray line\n", b"100 result=0 Trying...\n"])
async def test_noise_between_replies_changes_nothing(registry: Registry, noise: bytes) -> None:
    class Noisy(Pbx):
        def answer(self, words: list[str]) -> bytes:
            return noise + super().answer(words) + noise.replace(b"100", b"101")

    async with serving(registry) as agi:
        pbx = Noisy(agi.port, {"BARGEIN_VAR_A": "one (1)"})
        await pbx.run("start?var=A")
        info = registry.take(pbx.variables["BARGEIN_ID"])
        assert info is not None
        assert info.variables == {"a": "one (1)"}
        registry.finish(pbx.variables["BARGEIN_ID"], CallOutcome("queue", "sales"))
        await pbx.run("finish")
    assert pbx.variables["BARGEIN_QUEUE"] == "sales"


async def test_unknown_caller_and_no_dialled_number(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start", "agi_callerid: unknown\nagi_dnid: unknown\nagi_extension: 701\n")
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert (info.caller, info.called, info.dialogue) == ("", "701", "")


async def test_a_wildcard_address_is_told_as_the_one_that_asterisk_reached(registry: Registry) -> None:
    async with serving(registry, "0.0.0.0:9092") as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
    assert pbx.variables["BARGEIN_SERVER"] == "127.0.0.1:9092"


async def test_finish_hands_back_the_outcome(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
        call_id = pbx.variables["BARGEIN_ID"]
        registry.take(call_id)
        outcome = CallOutcome("queue", "sales", "", 2, 'wants "blue"\nnot red \\', {"Colour": "blue", "no name": "x"})
        registry.finish(call_id, outcome)
        await pbx.run("finish")
    assert pbx.variables | {"BARGEIN_SERVER": "", "BARGEIN_ID": ""} == {
        "BARGEIN_ID": "",
        "BARGEIN_SERVER": "",
        "BARGEIN_RESULT": "queue",
        "BARGEIN_QUEUE": "sales",
        "BARGEIN_EXTEN": "",
        "BARGEIN_INTERRUPTIONS": "2",
        "BARGEIN_SUMMARY": 'wants "blue" not red \\',
        "BARGEIN_VAR_COLOUR": "blue",
    }


async def test_finish_waits_for_a_session_that_is_about_to_end(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
        call_id = pbx.variables["BARGEIN_ID"]
        registry.take(call_id)
        asyncio.get_running_loop().call_later(0.05, registry.finish, call_id, CallOutcome("transfer", exten="200"))
        await pbx.run("finish")
    assert (pbx.variables["BARGEIN_RESULT"], pbx.variables["BARGEIN_EXTEN"]) == ("transfer", "200")


@pytest.mark.parametrize("call_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
async def test_finish_of_a_call_that_never_was_is_failed(registry: Registry, call_id: str) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port, {"BARGEIN_ID": call_id})
        await pbx.run("finish")
    assert pbx.variables["BARGEIN_RESULT"] == "failed"


@pytest.mark.parametrize(
    "outcome",
    [CallOutcome("queue", queue='" = "" | 1'), CallOutcome("transfer", exten="1,1)Hangup(")],
)
async def test_what_the_dialplan_uses_in_expressions_is_plain(registry: Registry, outcome: CallOutcome) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
        call_id = pbx.variables["BARGEIN_ID"]
        registry.take(call_id)
        registry.finish(call_id, outcome)
        await pbx.run("finish")
    assert pbx.variables["BARGEIN_RESULT"] in ("queue", "transfer", "failed")
    assert pbx.variables["BARGEIN_QUEUE"] == ""
    assert pbx.variables["BARGEIN_EXTEN"] == ""


async def test_the_longest_summary_still_fits_a_command(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
        call_id = pbx.variables["BARGEIN_ID"]
        registry.take(call_id)
        registry.finish(call_id, CallOutcome("queue", summary='"' * 5000, variables={"x" * 40: "é" * 5000}))
        await pbx.run("finish")
    assert pbx.variables["BARGEIN_SUMMARY"] == '"' * 900
    assert pbx.variables["BARGEIN_VAR_" + "X" * 40] == "é" * 450


async def test_at_capacity_there_is_no_id(registry: Registry) -> None:
    async with serving(registry, admit=lambda: False) as agi:
        pbx = Pbx(agi.port, {"BARGEIN_ID": "old", "BARGEIN_RESULT": "queue"})
        await pbx.run("start")
    assert pbx.variables == {"BARGEIN_ID": "", "BARGEIN_RESULT": "failed"}
    assert len(registry) == 0


async def test_a_full_registry_gives_no_id() -> None:
    registry = Registry(SystemClock(), capacity=0)
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run("start")
    assert pbx.variables["BARGEIN_ID"] == ""


async def test_a_caller_who_hangs_up_leaves_no_id_behind(registry: Registry) -> None:
    class HangsUp(Pbx):
        def answer(self, words: list[str]) -> bytes:
            return b"HANGUP\n" if words[2] == "BARGEIN_SERVER" else super().answer(words)

    async with serving(registry) as agi:
        await HangsUp(agi.port).run("start")
    assert len(registry) == 0


async def test_a_dead_channel_ends_the_request(registry: Registry) -> None:
    class Dead(Pbx):
        def answer(self, words: list[str]) -> bytes:
            return b"511 Command Not Permitted on a dead channel or intercept routine\n"

    async with serving(registry) as agi:
        pbx = Dead(agi.port)
        await pbx.run("start")
    assert len(pbx.commands) == 1


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
    assert "127.0.0.2 refused" in caplog.text
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
        await pbx.run("start")
        call_id = pbx.variables["BARGEIN_ID"]
        registry.take(call_id)
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


async def test_what_became_of_a_caller_is_reported(registry: Registry) -> None:
    told: list[tuple[str, Handover]] = []

    async def after(call_id: str, handover: Handover) -> None:
        told.append((call_id, handover))

    call_id = registry.register(CallInfo(""))
    left = {"BARGEIN_ID": call_id, "BARGEIN_STAGE": "people", "BARGEIN_QUEUED": "support 100", "EPOCH": "109"}
    async with serving(registry, after=after) as agi:
        pbx = Pbx(agi.port, {**left, "CHANNEL(hangupsource)": "PJSIP/t-00000001"})
        await pbx.run("after", "agi_channel: PJSIP/t-00000001\n")
        await Pbx(agi.port, {**left, "BARGEIN_ID": ""}).run("after", "agi_channel: PJSIP/t-00000001\n")
    assert told == [(call_id, Handover("support", "", "abandoned", 9000, hung_up_by="caller"))]
