"""The doctor at a PBX: an AMI of the test's own says what Asterisk would."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from bargein.core.audio.pcm import from_bytes, to_bytes
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.doctor.call import AgentExtension
from bargein.doctor.checks import Check
from bargein.doctor.pbx import dialplan_entrances, examine_pbx
from bargein.pbx.asterisk import PbxError, connect
from bargein.store import Store

MODULES = """\
Module                         Description                              Use Count  Status      Support Level
app_audiosocket.so             AudioSocket Application                  0          Running          extended
app_exec.so                    Executes dialplan applications           0          Running              core
app_playback.so                Sound File Playback Application          0          Running              core
app_queue.so                   True Call Queueing                       0          Running              core
app_stack.so                   Dialplan subroutines (Gosub, Return, etc 4          Running              core
func_dialplan.so               Dialplan Context/Extension/Priority Chec 0          Running              core
func_timeout.so                Channel timeout dialplan functions       0          Running              core
func_uuid.so                   UUID generation dialplan function        0          Running          extended
res_agi.so                     Asterisk Gateway Interface (AGI)         1          Running              core
res_audiosocket.so             AudioSocket support                      2          Running          extended
"""
DIALPLAN = """\
[ Context 'in' created by 'pbx_config' ]
  '700' =>          1. Answer()                                   [bargein-700.conf:6]
                    2. Gosub(bargein-700,s,1(,support))           [bargein-700.conf:7]
     [people]       7. Queue(support)                             [bargein-700.conf:13]
  '800' =>          1. Queue(support)                             [extensions.conf:3]

[ Context 'old' created by 'pbx_config' ]
  '_3XX' =>         1. Answer()                                   [extensions.conf:40]
                    2. AGI(agi://127.0.0.1:4573/start?dialogue=x) [extensions.conf:41]

[ Context 'bargein-700' created by 'pbx_config' ]
  's' =>            1. MSet(BARGEIN_RESULT=failed)                [bargein-700.conf:27]
                    5. AGI(agi://${BARGEIN_AGI}/start?dialogue=${ARG1}&queue=${ARG2}) [bargein-700.conf:31]
  'T' =>            1. Goto(s,${BARGEIN_LATE})                    [bargein-700.conf:40]

-= 5 extensions (10 priorities) in 3 contexts. =-
"""
ID = "4b0d7a62-9a3c-4f5e-8a57-0c6b5a1d2e3f"
# as `core show channels concise` prints it
LEG = "Local/700@in-00000001;2!in!700!3!Up!{step}!!!3!3!!1.1"
AUDIOSOCKET = f"AudioSocket!{ID},10.0.0.5:9092"
DIAL = f"Dial!AudioSocket/10.0.0.5:9092/{ID}/c(slin),,g"


QUEUE = """\
support      has 0 calls (max unlimited) in 'ringall' strategy (0s holdtime, 0s talktime), W:0, C:0, A:0
   Members:
      PJSIP/201 (ringinuse enabled) (Not in use) has taken no calls yet
   No Callers
"""


class Asterisk:
    """AMI as Asterisk 22 speaks it, with console answers that a test chooses."""

    def __init__(self) -> None:
        self.answers = {
            "core show version": "Asterisk 22.10.1 built by nobody @ buildd on a Linux",
            "module show": MODULES,
            "dialplan show": DIALPLAN,
            "core show channels concise": "",
            "queue show": QUEUE + "\n" + QUEUE.replace("support", "sales"),
            "queue show support": QUEUE,
            "queue show sales": QUEUE.replace("support", "sales"),
        }
        self.step = AUDIOSOCKET  # what a call to the extension leads to
        self.leaves_after_s = float("inf")  # it is in that step
        self.leaves_for = LEG.format(step="Queue!support")
        self.takes_call: Callable[[], None] = lambda: None  # what the agent's server does of it
        self.commands: list[str] = []
        self.agent_says, self.echo = np.full(8000, 3000, np.int16), 0.0
        self.refuses_commands = False
        self._left_at = float("inf")

    where = url = ""

    async def start(self) -> str:
        self.server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        return f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while text := await self._message(reader):
            fields = dict(line.split(": ", 1) for line in text)
            writer.write(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
            writer.write("\r\n".join([*self._answer(fields), "", ""]).encode())
        writer.close()

    async def _message(self, reader: asyncio.StreamReader) -> list[str]:
        lines = []
        while line := (await reader.readline()).decode().strip():
            lines.append(line)
        return lines

    async def _carry(self, host: str, port: str) -> None:
        """The caller's side of a call is connected to the doctor, who hears the agent, and an echo of itself."""
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(encode(FrameKind.AUDIO, to_bytes(self.agent_says)))
        decoder = Decoder()
        while data := await reader.read(4096):
            for frame in decoder.feed(data):
                if frame.kind == FrameKind.HANGUP:
                    return writer.close()
                echo = from_bytes(frame.payload) * self.echo
                writer.write(encode(FrameKind.AUDIO, to_bytes(echo.astype(np.int16))))

    def _answer(self, fields: dict[str, str]) -> list[str]:
        if fields["Action"] == "Login":
            good = (fields["Username"], fields["Secret"]) == ("bob", "secret")
            return ["Response: Success"] if good else ["Response: Error", "Message: Authentication failed"]
        if fields["Action"] == "Originate" and fields["Application"] == "AudioSocket":
            self.caller = asyncio.create_task(self._carry(*fields["Data"].rpartition(",")[2].split(":")))
            return ["Response: Success", "Message: Originate successfully queued"]
        if fields["Action"] == "Originate":
            self.answers["core show channels concise"] = LEG.format(step=self.step)
            self._left_at = time.monotonic() + self.leaves_after_s
            self.takes_call()
            return ["Response: Success", "Message: Originate successfully queued"]
        if self.refuses_commands:
            return ["Response: Error", "Message: Permission denied"]
        self.commands.append(fields["Command"])
        if time.monotonic() > self._left_at:
            self.answers["core show channels concise"] = self.leaves_for
        told = self.answers.get(fields["Command"], "No such queue: x.")
        return ["Response: Success", "Message: Command output follows", *(f"Output: {x}" for x in told.splitlines())]


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Asterisk]:
    monkeypatch.setenv("BARGEIN_AMI_USER", "bob")
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "secret")
    fake = Asterisk()
    fake.where = await fake.start()
    fake.url = f"sqlite:///{tmp_path}/calls.db"
    store = await Store.open(fake.url)
    fake.takes_call = lambda: store.call_started(ID)
    yield fake
    await store.close()
    fake.server.close()


async def test_the_doctor_takes_the_callers_place_on_the_line(
    asterisk: Asterisk, fastagi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LISTEN_S", 0.3), ("TONE_S", 0.2), ("AFTER_S", 0.1)):
        monkeypatch.setattr(f"bargein.doctor.line.{name}", seconds)
    asterisk.step, asterisk.echo = f"AudioSocket!{ID},127.0.0.1:9092", 0.5
    check = (await looked_at(asterisk, "700", fastagi))["line"]
    assert check.status == "warn"
    assert check.text == "the agent is heard at -21 dBFS, 0 ms after the answer; a tone comes back 6 dB lower"


async def test_a_server_on_another_machine(asterisk: Asterisk, fastagi: str) -> None:
    check = (await looked_at(asterisk, "700", fastagi))["line"]
    assert (check.status, check.text) == ("warn", "not measured: the server is on another machine")


async def looked_at(asterisk: Asterisk, exten: str | None, fastagi: str) -> dict[str, Check]:
    return {check.name: check async for check in examine_pbx(asterisk.where, exten, fastagi, asterisk.url)}


@pytest.mark.parametrize("step", [AUDIOSOCKET, DIAL])
async def test_a_healthy_pbx(asterisk: Asterisk, fastagi: str, step: str) -> None:
    asterisk.step = step
    checks = await looked_at(asterisk, "700", fastagi)
    assert [check.status for check in checks.values()] == [*["ok"] * 5, "warn"]  # not on this machine
    assert checks["asterisk"].text.endswith("Asterisk 22.10.1")
    assert "func_uuid" in checks["modules"].text
    assert checks["dialplan"].text == "_3XX@old, 700@in"
    assert "700@in reached the agent" in checks["test call"].text
    assert asterisk.commands[-1] == "channel request hangup Local/700@in-00000001;2"


async def test_a_queue_that_is_not_there_is_named_with_those_that_are(asterisk: Asterisk, fastagi: str) -> None:
    async def check(named: list[str], dialplan: str = DIALPLAN) -> Check:
        asterisk.answers["dialplan show"] = dialplan
        found = examine_pbx(asterisk.where, None, fastagi, asterisk.url, named=named)
        return {check.name: check async for check in found}["queues"]

    assert await check(["sales"]) == Check("queues", "ok", "support, sales")
    mistyped = await check([], DIALPLAN.replace("7. Queue(support) ", "7. Queue(suport) "))
    assert (mistyped.status, mistyped.text) == ("fail", "there is no queue suport (700@in)")
    assert "there are: support, sales" in mistyped.remedy
    of_the_flow = await check(["returns"])
    assert (of_the_flow.status, of_the_flow.text) == ("warn", "there is no queue returns (the flow)")
    asterisk.answers["queue show support"] = QUEUE.replace("Members:", "No Members").split("PJSIP")[0]
    empty = await check([])
    assert (empty.status, empty.text) == ("warn", "nobody is in queue support")
    assert (await check([], DIALPLAN.replace("Queue(", "Echo("))).status == "warn"


@pytest.mark.parametrize("command", ["core show version", "dialplan show", "module show", "queue show support"])
async def test_a_command_that_asterisk_does_not_have_is_never_ok(
    asterisk: Asterisk, fastagi: str, command: str
) -> None:
    asterisk.answers[command] = f"No such command '{command}' (type 'core show help' for other possible commands)"
    found = [check async for check in examine_pbx(asterisk.where, None, fastagi, asterisk.url)]
    assert (found[-1].name, found[-1].status) == ("asterisk", "fail")
    assert f"no command `{command}`" in found[-1].text


async def test_what_is_no_asterisk(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["core show version"] = "Hello 1.2.3"
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert (check.status, "not Asterisk" in check.text) == ("fail", True)


async def test_a_module_is_missing(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["module show"] = MODULES.replace("app_exec.so ", "app_else.so ").replace("func_uuid", "func_else")
    check = (await looked_at(asterisk, None, fastagi))["modules"]
    assert check.status == "fail"
    assert check.text == "not loaded: app_exec (TryExec: the dialplan goes on when the server is down)"
    assert "module load app_exec.so" in check.remedy


async def test_a_dialplan_that_dials_the_agent_needs_the_channel_driver(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["dialplan show"] = DIALPLAN.replace("Queue(support)", "Dial(AudioSocket/${BARGEIN_SERVER})")
    check = (await looked_at(asterisk, "700", fastagi))["modules"]
    assert check.status == "fail"
    assert check.text == "not loaded: chan_audiosocket (Dial(AudioSocket/...)); app_dial (Dial(AudioSocket/...))"


async def test_an_asterisk_that_is_too_old(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["core show version"] = "Asterisk 16.28.0~dfsg-0+deb11u4 built by nobody"
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert (check.status, check.remedy) == ("fail", "AudioSocket needs Asterisk 18 or newer: upgrade")


@pytest.mark.parametrize(
    ("version", "digits"),
    [
        *(("18.26.4", False), ("19.8.1", False), ("20.13.0", False), ("20.14.0", True), ("21.8.0", False)),
        *(("21.9.1", True), ("22.3.0", False), ("22.4.0", True), ("22.10.1", True), ("23.0.0", True)),
    ],
)
async def test_an_asterisk_that_hands_no_digits_on(
    asterisk: Asterisk, fastagi: str, version: str, digits: bool
) -> None:
    asterisk.answers["core show version"] = f"Asterisk {version} built by nobody"
    asterisk.answers["dialplan show"] = ""
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert check.status == ("ok" if digits else "warn")
    assert ("no digits" in check.text) is not digits


@pytest.mark.parametrize(
    ("version", "dialplan", "says"),
    [
        ("20.4.0", "AudioSocket(${BARGEIN_ID},${BARGEIN_SERVER})", ["whole core", "no digits"]),
        ("20.4.0", "Dial(AudioSocket/x/y/c(slin),,g)", ["no digits"]),
        ("20.14.0", "AudioSocket(${BARGEIN_ID},${BARGEIN_SERVER})", []),
        ("22.6.0", "Dial(AudioSocket/x/y/c(slin16),,g)", ["8 kHz"]),
        ("22.6.0", "Dial(AudioSocket/x/y/c(slin),,g)", []),
        ("22.7.0", "Dial(AudioSocket/${BARGEIN_SERVER}/${BARGEIN_ID}/c(slin16),,g)", []),
        ("24.0.0", "Dial(AudioSocket/x/y/c(slin32),30,g)", ["8 and 16 kHz"]),
        ("24.0.0", "Dial(AudioSocket/x/y/c(slin),,gU(x^c(slin16)))", []),
    ],
)
async def test_what_is_wrong_with_the_audiosocket_of_a_version(
    asterisk: Asterisk, fastagi: str, version: str, dialplan: str, says: list[str]
) -> None:
    asterisk.answers["core show version"] = f"Asterisk {version} built by nobody"
    asterisk.answers["dialplan show"] = DIALPLAN.replace("Queue(support)", dialplan)
    check = (await looked_at(asterisk, "800", fastagi))["asterisk"]
    assert check.status == ("warn" if says else "ok")
    assert [word for word in ("whole core", "no digits", "8 kHz", "8 and 16 kHz") if word in check.text] == says
    assert check.remedy.count("upgrade to") == len([word for word in says if word != "8 and 16 kHz"])
    assert ("write c(slin)" in check.remedy) == any("kHz" in word for word in says)


async def test_no_extension_leads_to_the_agent(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["dialplan show"] = DIALPLAN.replace("agi://", "other://")
    checks = await looked_at(asterisk, None, fastagi)
    assert checks["dialplan"].status == "fail"
    assert "bargein dialplan --exten" in checks["dialplan"].remedy
    assert checks["test call"].status == "warn"


@pytest.mark.parametrize("step", ["Queue!support", "Dial!PJSIP/200"])
async def test_the_call_goes_to_people_instead(asterisk: Asterisk, fastagi: str, step: str) -> None:
    asterisk.step = step
    check = (await looked_at(asterisk, "700@in", fastagi))["test call"]
    assert check.status == "fail"
    assert check.text == f"700@in did not reach the agent, but {step.replace('!', '(')})"
    assert asterisk.commands[-1].startswith("channel request hangup")


async def test_the_call_ends_before_it_reaches_anybody(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.step, asterisk.leaves_after_s, asterisk.leaves_for = "Playback!sorry", 0.2, ""
    begun = time.monotonic()
    check = (await looked_at(asterisk, "700", fastagi))["test call"]
    assert (check.status, check.text) == ("fail", "700@in did not reach the agent, but Playback(sorry)")
    assert time.monotonic() - begun < 6  # not as long as it waits for a call that is still there


async def test_the_audio_has_no_way_to_the_server(asterisk: Asterisk, fastagi: str) -> None:
    """Asterisk is in AudioSocket() for as long as it tries to connect."""
    asterisk.takes_call = lambda: None
    asterisk.leaves_after_s = 2.0
    check = (await looked_at(asterisk, "700", fastagi))["test call"]
    assert (check.status, check.text) == ("fail", "700@in was given an id, but its audio did not reach 10.0.0.5:9092")
    assert "advertise" in check.remedy
    assert asterisk.commands[-1].startswith("channel request hangup")


async def test_another_server_has_the_call(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.takes_call = lambda: None
    check = (await looked_at(asterisk, "700", fastagi))["test call"]
    assert (check.status, check.remedy[:14]) == ("warn", "are --config a")
    assert check.text == "700@in is with 10.0.0.5:9092, but there is no such call in the database"


async def test_the_server_loses_the_call(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.leaves_after_s = 0.2
    check = (await looked_at(asterisk, "700", fastagi))["test call"]
    assert (check.status, check.text) == ("fail", "700@in reached the agent and was lost at once")


async def test_no_call_is_placed_while_the_server_is_down(asterisk: Asterisk) -> None:
    check = (await looked_at(asterisk, "700", "127.0.0.1:1"))["test call"]
    assert (check.status, check.text) == ("fail", "not placed: the server is not running")
    assert not any("hangup" in command for command in asterisk.commands)


@pytest.mark.parametrize("exten", ["700;x", "7 0", "700@in!x", "\r\nAction: x"])
async def test_an_extension_is_one_word(asterisk: Asterisk, fastagi: str, exten: str) -> None:
    check = (await looked_at(asterisk, exten, fastagi))["test call"]
    assert (check.status, check.remedy) == ("warn", "--exten: expected EXTEN or EXTEN@CONTEXT")


async def test_a_manager_interface_that_refuses_says_what_is_missing(
    asterisk: Asterisk, fastagi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asterisk.refuses_commands = True
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert check.text.endswith("Permission denied")
    assert check.remedy == "the user needs `write = command,originate`"
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "wrong")
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert check.text.endswith("the login was refused")
    monkeypatch.delenv("BARGEIN_AMI_USER")
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert "set BARGEIN_AMI_USER" in check.remedy


async def test_a_manager_interface_that_is_off_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARGEIN_AMI_USER", "bob")
    with pytest.raises(PbxError, match=r"127\.0\.0\.1:1: Connection refused: is `enabled = yes`"):
        await connect("127.0.0.1:1")


async def test_the_console_program(tmp_path: Path) -> None:
    program = tmp_path / "asterisk"
    program.write_text(
        '#!/bin/sh\n[ "$2" = "core show version" ] && echo Asterisk 22 && exit\necho Unable to connect\nexit 1\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    pbx = await connect(str(program))
    assert await pbx.command("core show version") == "Asterisk 22\n"
    with pytest.raises(PbxError, match="Unable to connect"):
        await pbx.command("module show")
    with pytest.raises(PbxError, match="none: No such file or directory: --asterisk takes the program's path"):
        await (await connect(f"{tmp_path}/none")).command("core show version")


def test_the_extensions_that_lead_to_the_agent_are_found() -> None:
    assert dialplan_entrances(DIALPLAN) == [AgentExtension("old", "_3XX"), AgentExtension("in", "700")]
    assert dialplan_entrances("") == []
