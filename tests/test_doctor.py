"""The doctor: every way of being ill is one line that says how to mend it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent import doctor
from agent.cli import cli
from agent.clock import SystemClock
from agent.config import Config
from agent.doctor import Check
from agent.doctor_pbx import Entrance, dialplan_entrances, examine_pbx
from agent.fastagi import FastAGI
from agent.pbx import PbxError, connect
from agent.registry import Registry
from agent.store import Store

MODULES = """\
Module                         Description                              Use Count  Status      Support Level
app_audiosocket.so             AudioSocket Application                  0          Running          extended
app_exec.so                    Executes dialplan applications           0          Running              core
app_queue.so                   True Call Queueing                       0          Running              core
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
LEG = "Local/700@in-00000001;2!in!700!3!Up!{app}!x!!!3!3!!1.1"  # as `core show channels concise` prints it


@pytest.fixture
async def fastagi() -> AsyncIterator[str]:
    """Our own FastAGI, listening."""
    server = FastAGI(Registry(SystemClock()), "127.0.0.1:1")
    await server.start("127.0.0.1", 0)
    yield f"127.0.0.1:{server.port}"
    await server.close()


class Asterisk:
    """AMI as Asterisk 22 speaks it, with console answers that a test chooses."""

    def __init__(self) -> None:
        self.answers = {
            "core show version": "Asterisk 22.10.1 built by nobody @ buildd on a Linux",
            "module show": MODULES,
            "dialplan show": DIALPLAN,
            "core show channels concise": "",
        }
        self.app = "AudioSocket"  # what a call to the extension leads to
        self.commands: list[str] = []
        self.refuses_commands = False

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

    def _answer(self, fields: dict[str, str]) -> list[str]:
        if fields["Action"] == "Login":
            good = (fields["Username"], fields["Secret"]) == ("bob", "secret")
            return ["Response: Success"] if good else ["Response: Error", "Message: Authentication failed"]
        if fields["Action"] == "Originate":
            self.answers["core show channels concise"] = LEG.format(app=self.app)
            return ["Response: Success", "Message: Originate successfully queued"]
        if self.refuses_commands:
            return ["Response: Error", "Message: Permission denied"]
        self.commands.append(fields["Command"])
        told = self.answers.get(fields["Command"], "")
        return ["Response: Success", "Message: Command output follows", *(f"Output: {x}" for x in told.splitlines())]


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asterisk]:
    monkeypatch.setenv("BARGEIN_AMI_USER", "bob")
    monkeypatch.setenv("BARGEIN_AMI_SECRET", "secret")
    fake = Asterisk()
    fake.where = await fake.start()  # type: ignore[attr-defined]
    yield fake
    fake.server.close()


async def looked_at(asterisk: Asterisk, exten: str | None, fastagi: str) -> dict[str, Check]:
    where: str = asterisk.where  # type: ignore[attr-defined]
    return {check.name: check async for check in examine_pbx(where, exten, fastagi)}


async def test_a_healthy_pbx(asterisk: Asterisk, fastagi: str) -> None:
    checks = await looked_at(asterisk, "700", fastagi)
    assert [check.status for check in checks.values()] == ["ok"] * 4
    assert checks["asterisk"].text.endswith("Asterisk 22.10.1")
    assert "func_uuid" in checks["modules"].text
    assert checks["dialplan"].text == "_3XX@old, 700@in"
    assert "700@in reached the agent" in checks["test call"].text
    assert asterisk.commands[-1] == "channel request hangup Local/700@in-00000001;2"


async def test_a_module_is_missing(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["module show"] = MODULES.replace("app_exec.so ", "app_else.so ").replace("func_uuid", "func_else")
    check = (await looked_at(asterisk, None, fastagi))["modules"]
    assert check.status == "fail"
    assert check.text == "not loaded: app_exec (TryExec: the dialplan goes on when the server is down)"
    assert "module load app_exec.so" in check.remedy


async def test_an_asterisk_that_is_too_old(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["core show version"] = "Asterisk 16.28.0~dfsg-0+deb11u4 built by nobody"
    check = (await looked_at(asterisk, None, fastagi))["asterisk"]
    assert (check.status, check.remedy) == ("fail", "AudioSocket needs Asterisk 18 or newer: upgrade")


async def test_no_extension_leads_to_the_agent(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.answers["dialplan show"] = DIALPLAN.replace("agi://", "other://")
    checks = await looked_at(asterisk, None, fastagi)
    assert checks["dialplan"].status == "fail"
    assert "bargein dialplan --exten" in checks["dialplan"].remedy
    assert checks["test call"].status == "warn"


async def test_the_call_goes_to_the_queue_instead(asterisk: Asterisk, fastagi: str) -> None:
    asterisk.app = "Queue"
    check = (await looked_at(asterisk, "700@in", fastagi))["test call"]
    assert (check.status, check.text) == ("fail", "700@in did not reach the agent")
    assert asterisk.commands[-1].startswith("channel request hangup")


async def test_no_call_is_placed_while_the_server_is_down(asterisk: Asterisk) -> None:
    check = (await looked_at(asterisk, "700", "127.0.0.1:1"))["test call"]
    assert (check.status, check.text) == ("fail", "not placed: the server is not running")
    assert not any("hangup" in command for command in asterisk.commands)


@pytest.mark.parametrize("exten", ["700;x", "7 0", "700@in!x", "\r\nAction: x"])
async def test_an_extension_is_one_word(asterisk: Asterisk, fastagi: str, exten: str) -> None:
    check = (await looked_at(asterisk, exten, fastagi))["test call"]
    assert (check.status, check.remedy) == ("warn", "--exten: expected EXTEN or EXTEN@CONTEXT")


async def test_ami_refuses(asterisk: Asterisk, fastagi: str, monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
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
    with pytest.raises(PbxError, match="none: No such file or directory: give the program's path"):
        await (await connect(f"{tmp_path}/none")).command("core show version")


def test_entrances() -> None:
    assert dialplan_entrances(DIALPLAN) == [Entrance("old", "_3XX"), Entrance("in", "700")]
    assert dialplan_entrances("") == []


# ------------------------------------------------------------------ this machine


async def test_ports(fastagi: str) -> None:
    base = Config()

    def config(audio: str, agi: str) -> Config:
        return dataclasses.replace(
            base,
            audiosocket=dataclasses.replace(base.audiosocket, listen=audio),
            fastagi=dataclasses.replace(base.fastagi, listen=agi),
        )

    checks = await doctor.ports(config("127.0.0.1:0", "127.0.0.1:0"))
    assert ["is free" in check.text for check in checks] == [True, True]
    checks = await doctor.ports(config("127.0.0.1:0", fastagi))
    assert checks[1].text == f"{fastagi}: the server is running"
    other = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
    checks = await doctor.ports(config(address, address))
    other.close()
    assert [check.status for check in checks] == ["fail", "fail"]
    assert checks[0].text == f"{address}: Address already in use"
    assert "set [audiosocket] listen" in checks[0].remedy


async def test_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert (await doctor.database(url)).text.endswith("none yet, the server will make it")
    assert not (tmp_path / "x.db").exists()
    await (await Store.open(url)).close()
    assert (await doctor.database(url)).text == f"{tmp_path}/x.db: 0 calls"
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    assert other.execute("SELECT count(*) FROM calls").fetchone() == (0,)
    other.close()
    (tmp_path / "letter.db").write_text("Dear Sir, " * 100)
    check = await doctor.database(f"sqlite:///{tmp_path}/letter.db")
    assert (check.status, check.remedy) == ("fail", "move it away, or set [store] url")
    check = await doctor.database(f"sqlite:///{tmp_path}/no/x.db")
    assert (check.status, check.text) == ("fail", f"{tmp_path}/no/x.db: cannot be made there")


class Frozen(SystemClock):
    """A clock that was never set, on a machine that stalls."""

    stall_s = 0.0

    def utc(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.now

    async def sleep_until(self, deadline: float) -> None:
        self.now = deadline + self.stall_s

    now = 0.0


async def test_clock_and_pace() -> None:
    clock = Frozen()
    assert doctor.wall_clock(clock).status == "fail"
    assert doctor.wall_clock(SystemClock()).status == "ok"
    assert (await doctor.pace(clock)).status == "ok"
    clock.stall_s = 0.03
    check = await doctor.pace(clock)
    assert check.status == "warn"
    assert "95 % within 30.0 ms of their time, the worst 30.0 ms late" in check.text


def test_recordings_need_a_directory(tmp_path: Path) -> None:
    recording = dataclasses.replace(Config().recording, enabled=True, directory=str(tmp_path / "none"))
    config = dataclasses.replace(Config(), recording=recording)
    checks = doctor.disks(config, f"sqlite:///{tmp_path}/x.db")
    assert (checks[0].name, checks[0].status) == ("recordings", "fail")
    assert "GB free" in checks[-1].text


def test_a_wrong_configuration_is_told_and_exits_1(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[store]\nulr = "x"')
    result = CliRunner().invoke(cli, ["doctor", "--config", str(file)])
    assert result.exit_code == 1
    assert f"fail  config          {file}: unknown key 'store.ulr'\n" in result.stdout
    assert "→ did you mean store.url?\n" in result.stdout
    result = CliRunner().invoke(cli, ["doctor", "--config", str(file), "--json"])
    assert [check["status"] for check in json.loads(result.stdout)] == ["ok", "fail"]


def test_the_help_ends_with_an_example() -> None:
    told = CliRunner().invoke(cli, ["doctor", "--help"]).stdout
    assert "Example:\n    bargein doctor\n" in told
