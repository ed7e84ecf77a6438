"""The doctor: every way of being ill is one line that says how to mend it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.clock import SystemClock
from bargein.config import Config, LlmConfig
from bargein.doctor import checks
from bargein.doctor.checks import Check
from bargein.store import Store


async def test_ports(fastagi: str) -> None:
    base = Config()

    def config(audio: str, agi: str) -> Config:
        return dataclasses.replace(
            base,
            audiosocket=dataclasses.replace(base.audiosocket, listen=audio),
            fastagi=dataclasses.replace(base.fastagi, listen=agi),
        )

    found = await checks.ports(config("127.0.0.1:0", "127.0.0.1:0"))
    assert ["is free" in check.text for check in found] == [True, True]
    found = await checks.ports(config("127.0.0.1:0", fastagi))
    assert found[1].text == f"{fastagi}: the server is running"
    other = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
    found = await checks.ports(config(address, address))
    other.close()
    assert [check.status for check in found] == ["fail", "fail"]
    assert found[0].text == f"{address}: Address already in use"
    assert "set [audiosocket] listen" in found[0].remedy


@pytest.fixture
async def llm() -> AsyncIterator[LlmConfig]:
    """The models endpoint of a language model that wants the key `good`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        right = asked.startswith("get /v1/models ") and "authorization: bearer good\r\n" in asked
        body = json.dumps({"data": [{"id": "small"}, {"id": "large"}]}) if right else "{}"
        status = "200 OK" if right else "401 Unauthorized" if "/v1/models " in asked else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield LlmConfig(url=f"http://127.0.0.1:{port}/v1", model="small", api_key_env="TEST_LLM_KEY")
    server.close()


async def test_language_model(llm: LlmConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(key: str, **changed: str) -> Check:
        monkeypatch.setenv("TEST_LLM_KEY", key)
        return await checks.language_model(dataclasses.replace(llm, **changed))  # type: ignore[arg-type]

    assert await check("good") == Check("language model", "ok", f"{llm.url}: small")
    unnamed = await check("good", model="")
    assert (unnamed.status, unnamed.remedy) == ("fail", "set [llm] model")
    unknown = await check("good", model="huge")
    assert (unknown.status, unknown.remedy) == ("fail", "[llm] model: small, large")
    assert (await check("")).text == f"{llm.url}: the key is missing"
    refused = await check("bad")
    assert (refused.status, refused.text) == ("fail", f"{llm.url}: the key is refused")
    assert "TEST_LLM_KEY" in refused.remedy
    assert (await check("good", url=llm.url.replace("/v1", "/else"))).status == "warn"
    nowhere = await check("good", url="http://127.0.0.1:1/v1")
    assert (nowhere.status, nowhere.text) == ("fail", "http://127.0.0.1:1/v1: ConnectError")
    assert (await check("good", url="nonsense")).status == "fail"


async def test_the_language_model_is_looked_at_only_if_it_is_used(tmp_path: Path, llm: LlmConfig) -> None:
    async def names(planner: str) -> list[str]:
        file = tmp_path / "x.toml"
        file.write_text(f'[dialogue]\nplanner = "{planner}"\n[llm]\nurl = "{llm.url}"\n[speech]\nstt = "none"\n')
        return [check.name async for check in checks.examine(str(file), f"sqlite:///{tmp_path}/x.db", Frozen())]

    assert "language model" in await names("llm")
    assert "language model" not in await names("flow")


async def test_the_voice_is_tried_in_the_language_of_the_flow() -> None:
    config = dataclasses.replace(Config(), dialogue=dataclasses.replace(Config().dialogue, flow="laden"))
    check = await checks.text_to_speech(config, SystemClock())
    if check.status == "ok":
        assert " in de, " in check.text
    else:
        assert "language 'de'" in check.text


async def test_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert (await checks.database(url)).text.endswith("none yet, the server will make it")
    assert not (tmp_path / "x.db").exists()
    await (await Store.open(url)).close()
    assert (await checks.database(url)).text == f"{tmp_path}/x.db: 0 calls"
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    assert other.execute("SELECT count(*) FROM calls").fetchone() == (0,)
    other.close()
    (tmp_path / "letter.db").write_text("Dear Sir, " * 100)
    check = await checks.database(f"sqlite:///{tmp_path}/letter.db")
    assert (check.status, check.remedy) == ("fail", "move it away, or set [store] url")
    check = await checks.database(f"sqlite:///{tmp_path}/no/x.db")
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
    assert checks.wall_clock(clock).status == "fail"
    assert checks.wall_clock(SystemClock()).status == "ok"
    assert (await checks.pace(clock)).status == "ok"
    clock.stall_s = 0.03
    check = await checks.pace(clock)
    assert check.status == "warn"
    assert "95 % within 30.0 ms of their time, the worst 30.0 ms late" in check.text


def test_recordings_need_a_directory(tmp_path: Path) -> None:
    recording = dataclasses.replace(Config().recording, enabled=True, directory=str(tmp_path / "none"))
    config = dataclasses.replace(Config(), recording=recording)
    found = checks.disks(config, f"sqlite:///{tmp_path}/x.db")
    assert (found[0].name, found[0].status) == ("recordings", "fail")
    assert "GB free" in found[-1].text


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
