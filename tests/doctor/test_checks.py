"""The doctor: every fault is one line that says how to fix it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.clock import SystemClock
from bargein.config import Config, SpeechConfig
from bargein.core.audio.utterance import Utterance, spread
from bargein.doctor import checks
from bargein.server.metrics import Health, MetricsServer
from bargein.speech import catalog
from bargein.store import Store


async def test_a_port_is_ours_or_free_or_somebody_elses(fastagi: str) -> None:
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


async def test_the_language_model_is_looked_at_only_if_it_is_used(tmp_path: Path) -> None:
    async def names(planner: str) -> list[str]:
        file = tmp_path / "x.toml"
        file.write_text(
            f'[dialogue]\nplanner = "{planner}"\n[llm]\nurl = "http://127.0.0.1:1/v1"\n[speech]\nstt = "none"\n'
        )
        return [check.name async for check in checks.examine(str(file), f"sqlite:///{tmp_path}/x.db", Frozen())]

    assert "language model" in await names("llm")
    assert "language model" not in await names("flow")


@pytest.mark.parametrize("ami", ["", "127.0.0.1:1"])
async def test_the_manager_interface_is_asked_only_if_it_is_configured(tmp_path: Path, ami: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'[fastagi]\nami = "{ami}"\n[speech]\nstt = "none"\n')
    found = [check async for check in checks.examine(str(file), f"sqlite:///{tmp_path}/x.db", Frozen())]
    assert [check.status for check in found if check.name == "AMI"] == (["fail"] if ami else [])


async def test_the_voice_is_tried_in_the_language_of_the_flow() -> None:
    config = dataclasses.replace(Config(), dialogue=dataclasses.replace(Config().dialogue, flow="laden"))
    check = await checks.text_to_speech(config, SystemClock())
    if check.status == "fail":
        assert "language 'de'" in check.text
    else:
        assert " in de, " in check.text


@pytest.mark.parametrize(
    ("stt", "url"), [("wyoming", "tcp://127.0.0.1:9"), ("openai", "http://127.0.0.1:9/v1"), ("vosk-server", "")]
)
async def test_a_recognizer_on_another_machine_has_to_answer(stt: str, url: str) -> None:
    model = "ws://127.0.0.1:9" if stt == "vosk-server" else ""
    config = dataclasses.replace(Config(), speech=SpeechConfig(stt=stt, stt_url=url, stt_model=model))
    check = await checks.speech_to_text(config, SystemClock())
    assert check.status == "fail"
    assert "127.0.0.1" in check.text


async def test_espeak_is_a_warning_wherever_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Utterance("All is well.", np.ones(8000, np.int16), spread("All is well.", 0, 8000))
    engine = SimpleNamespace(name="espeak", synthesize=lambda text, language, voice: said)
    monkeypatch.setattr(catalog, "engine_for", lambda configured, language: "espeak")
    monkeypatch.setattr(catalog, "configured", lambda speech, name: engine)
    for flow, remedy in (("laden", "set [speech] tts: piper"), ("shop", "set [speech] tts: kokoro or piper")):
        config = Config.load(env={"BARGEIN_DIALOGUE__FLOW": flow, "BARGEIN_SPEECH__CACHE_MB": "0"})
        check = await checks.text_to_speech(config, SystemClock())
        assert (check.status, check.remedy) == ("warn", remedy)
        assert "callers understand little of it" in check.text


async def test_a_database_is_looked_at_and_never_changed(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("health", "status", "said"),
    [
        (Health(True, 3, True, 2), "ok", "3 calls on 2 workers, new calls are taken"),
        (
            Health(True, 30, False, 2, "9 % of the frames leave late"),
            "warn",
            "go to people: 9 % of the frames leave late",
        ),
        (Health(False, 0, False, 0), "warn", "go to people: no worker serves calls"),
        (Health(True, 200, False, 1), "warn", "go to people: as many calls as are allowed"),
    ],
)
async def test_how_many_calls_a_server_has_and_whether_it_takes_more(health: Health, status: str, said: str) -> None:
    server = MetricsServer(dict, lambda: health)
    server.start("127.0.0.1", 0)
    try:
        check = await checks.load(f"127.0.0.1:{server.port}")
    finally:
        await asyncio.to_thread(server.close)
    assert (check.status, said in check.text) == (status, True), check.text
    assert (await checks.load("127.0.0.1:1")).status == "warn"


def test_recordings_need_a_directory_that_the_server_can_make(tmp_path: Path) -> None:
    def recordings(directory: Path) -> checks.Check:
        recording = dataclasses.replace(Config().recording, enabled=True, directory=str(directory))
        found = checks.disks(dataclasses.replace(Config(), recording=recording), f"sqlite:///{tmp_path}/x.db")
        assert "GB free" in found[-1].text
        return found[0]

    new = recordings(tmp_path / "none" / "yet")
    assert (new.name, new.status) == ("recordings", "ok")
    assert "the server will make it" in new.text
    (tmp_path / "file").write_text("")
    assert recordings(tmp_path / "file" / "x").status == "fail"


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
