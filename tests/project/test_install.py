"""What the installation guide and the units say is so."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shlex
import shutil
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from click import Command, Context

from bargein.cli import cli
from bargein.config import SECTIONS, Config

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))


def test_the_sample_configuration_has_every_key_with_its_default_but_two_paths_and_the_age_of_calls() -> None:
    sample, replace = ROOT / "docs/bargein.toml", dataclasses.replace
    config = Config.load(sample, {})
    here = {
        "store": replace(config.store, url=Config().store.url),
        "recording": replace(config.recording, directory=Config().recording.directory),
        "privacy": replace(config.privacy, keep_calls_days=0),
    }
    assert replace(config, **here, source=None) == Config()
    assert config.store.url == "sqlite:////var/lib/bargein/bargein.db"
    assert config.privacy.keep_calls_days == 90
    tables = tomllib.loads(sample.read_text())
    assert {section: set(keys) for section, keys in tables.items()} == {
        section: {field.name for field in dataclasses.fields(kind)} for section, kind in SECTIONS.items()
    }


def parses(line: str) -> None:
    """The command line is one that bargein takes."""
    name, *words = shlex.split(line.split(" > ")[0])[1:]
    command = cli.get_command(Context(cli), name)
    assert isinstance(command, Command), line
    command.make_context(name, words)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_run_commands_that_exist(unit: Path) -> None:
    started = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    assert started
    for line in started:
        parses(line)


def test_the_guide_names_commands_and_files_that_exist() -> None:
    guide = (ROOT / "docs/install.md").read_text() + (ROOT / "docs/extension.md").read_text()
    commands = re.findall(r"^(?:sudo (?:-u bargein )?)?(bargein .*)$", guide, re.MULTILINE)
    assert len(commands) == 5
    for line in commands:
        parses(line)
    for path in ("docs/bargein.toml", "systemd/bargein.service", "systemd/bargein-prune.timer"):
        assert (ROOT / path).is_file()


def test_the_daily_prune_has_no_age_of_its_own() -> None:
    """With one, it would delete calls that [privacy] keeps."""
    unit = (ROOT / "systemd/bargein-prune.service").read_text()
    assert "ExecStart=/opt/bargein/bin/bargein prune --config /etc/bargein/bargein.toml\n" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here to check the units")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (ROOT / "systemd").iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/bargein/bin/bargein", "/bin/true"))
    units = [str(tmp_path / name) for name in ("bargein.service", "bargein-prune.timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_description_for_an_index_has_absolute_links_to_files_that_exist() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    home = f"{config['metadata']['url']}/blob/main/"
    links = re.findall(r"\]\(([^)]+)\)", runpy.run_path(str(ROOT / "setup.py"))["description"]())
    assert all(link.startswith(("https://", "http://", "#")) for link in links)
    ours = [link.removeprefix(home).partition("#")[0] for link in links if link.startswith(home)]
    assert len(ours) > 10
    assert [path for path in ours if not (ROOT / path).exists()] == []
    assert all(
        url.startswith(config["metadata"]["url"])
        for url in re.findall(r"= (https:.*)", config["metadata"]["project_urls"])
    )


def test_the_source_distribution_has_every_file_of_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    tracked = listed.stdout.splitlines()  # none in an unpacked source distribution
    rules = [line.split() for line in (ROOT / "MANIFEST.in").read_text().splitlines()]
    files = {name for command, *names in rules if command == "include" for name in names}
    folders = {name for command, *names in rules if command == "graft" for name in names}
    assert [path for path in tracked if path not in files and path.split("/")[0] not in folders] == []
