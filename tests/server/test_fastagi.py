"""The FastAGI endpoint over TCP, with a test in the part of Asterisk."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.records import CallInfo, Handover
from bargein.errors import UserError
from bargein.server.fastagi import FastAgiServer
from bargein.server.link import packed_info, unpacked_info
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


async def taken(pbx: Pbx, registry: Registry) -> str:
    """The id of a call whose talk has begun."""
    await pbx.run("start")
    call_id = pbx.variables["BARGEIN_ID"]
    registry.take(call_id)
    return call_id


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


@pytest.mark.parametrize(("version", "codec", "wide"), [("22.10.1", "g722", True), ("22.10.1", "ulaw", False),
                                                        ("22.6.0", "g722", False)])  # fmt: skip
async def test_a_caller_who_hears_16_khz(registry: Registry, version: str, codec: str, wide: bool) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        await pbx.run(f"start?codec=({codec})", f"agi_version: {version}\n")
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert unpacked_info(packed_info(info)).wideband is wide


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


async def test_what_a_caller_dials_chooses_nothing(registry: Registry) -> None:
    """An extension such as `_7.` takes any text."""
    dialled = "7&dialogue=other&vip=yes&var=PIN&linkedid=2&%41"
    async with serving(registry) as agi:
        pbx = Pbx(agi.port, {"BARGEIN_VAR_PIN": "1"})
        await pbx.run(f"start?dialogue=shop&queue=sales&linkedid=1&exten={dialled}", "agi_dnid: unknown\n")
    info = registry.take(pbx.variables["BARGEIN_ID"])
    assert info is not None
    assert (info.dialogue, info.linkedid, info.variables, info.called) == ("shop", "1", {}, dialled)


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
    "Ada (Smith)\n123 Main Street (rear)\n20 Oak Street",
    "1)\n2)",
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
        call_id = await taken(pbx, registry)
        outcome = CallOutcome("queue", "sales", "", 2, 'wants "blue"\nnot red \\', {"Colour": "blue", "no name": "x"})
        registry.finish(call_id, replace(outcome, answered_by="voicemail"))
        await pbx.run("finish")
    assert pbx.variables | {"BARGEIN_SERVER": "", "BARGEIN_ID": ""} == {
        "BARGEIN_ID": "",
        "BARGEIN_SERVER": "",
        "BARGEIN_RESULT": "queue",
        "BARGEIN_QUEUE": "sales",
        "BARGEIN_EXTEN": "",
        "BARGEIN_INTERRUPTIONS": "2",
        "BARGEIN_SUMMARY": 'wants "blue" not red \\',
        "BARGEIN_ANSWERED_BY": "voicemail",
        "BARGEIN_VAR_COLOUR": "blue",
    }


async def test_finish_waits_for_a_session_that_is_about_to_end(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        call_id = await taken(pbx, registry)
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
        call_id = await taken(pbx, registry)
        registry.finish(call_id, outcome)
        await pbx.run("finish")
    assert pbx.variables["BARGEIN_RESULT"] in ("queue", "transfer", "failed")
    assert pbx.variables["BARGEIN_QUEUE"] == ""
    assert pbx.variables["BARGEIN_EXTEN"] == ""


async def test_the_longest_summary_still_fits_a_command(registry: Registry) -> None:
    async with serving(registry) as agi:
        pbx = Pbx(agi.port)
        call_id = await taken(pbx, registry)
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


async def test_the_line_does_not_wait_for_a_slow_log(registry: Registry) -> None:
    asked, logged = asyncio.Event(), asyncio.Event()

    async def after(call_id: str, handover: Handover) -> None:
        asked.set()
        await logged.wait()

    async with serving(registry, after=after) as agi:
        left = {"BARGEIN_ID": registry.register(CallInfo("")), "BARGEIN_STAGE": "people"}
        await asyncio.wait_for(Pbx(agi.port, left).run("after", "agi_channel: PJSIP/t-00000001\n"), 30)
        await asyncio.wait_for(asked.wait(), 30)
        logged.set()


async def test_what_became_of_a_caller_is_reported(registry: Registry) -> None:
    told: list[tuple[str, Handover]] = []

    async def after(call_id: str, handover: Handover) -> None:
        told.append((call_id, handover))

    call_id = registry.register(CallInfo(""))
    left = {"BARGEIN_ID": call_id, "BARGEIN_STAGE": "people", "BARGEIN_QUEUED": "support 100", "EPOCH": "109"}
    gone: list[str] = []
    async with serving(registry, after=after, gone=gone.append) as agi:
        pbx = Pbx(agi.port, {**left, "CHANNEL(hangupsource)": "PJSIP/t-00000001", "CHANNEL(linkedid)": "5.1"})
        await pbx.run("after", "agi_channel: PJSIP/t-00000001\n")
        await Pbx(agi.port, {**left, "BARGEIN_ID": ""}).run("after", "agi_channel: PJSIP/t-00000001\n")
    assert told == [(call_id, Handover("support", "", "abandoned", 9000, hung_up_by="caller"))]
    assert gone == ["5.1"]


async def test_a_database_that_is_away_is_a_line_when_the_caller_is_reported(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    async def after(call_id: str, handover: Handover) -> None:
        raise UserError("the database is away")

    call_id = registry.register(CallInfo(""))
    async with serving(registry, after=after) as agi:
        await Pbx(agi.port, {"BARGEIN_ID": call_id}).run("after", "agi_channel: PJSIP/t-00000001\n")
    assert [record.getMessage() for record in caplog.records] == [
        f"call {call_id}: what became of the caller is not logged: the database is away"
    ]


async def test_the_flow_is_told_who_is_there_for_the_queue(registry: Registry) -> None:
    class WithQueue(Pbx):
        """Has the queue `support`, in which PJSIP/a-1 waits."""

        def answer(self, words: list[str]) -> bytes:
            if words[:2] != ["GET", "FULL"]:
                return super().answer(words)
            if words[-1] == "PJSIP/a-1":
                return b"200 result=1 (support 1764334246)\n"
            if words[3] == "${QUEUE_EXISTS(support)}":
                return b"200 result=1 (1)\n"
            if words[3].startswith("${QUEUE_MEMBER(support,ready)}"):
                return b"200 result=1 (0,2,1764334486,-1,,PJSIP/a-1)\n"
            return b"200 result=1 (0)\n"

    async with serving(registry) as agi:
        for queue, expected in [
            ("support", {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4"}),
            ("suport", {}),
            ("no queue}", {}),
        ]:
            pbx = WithQueue(agi.port)
            await pbx.run(f"start?queue={queue}")
            info = registry.take(pbx.variables["BARGEIN_ID"])
            assert info is not None
            assert info.variables == expected
