"""Progress of long work: nothing for two seconds, then how much is done and how long it still takes."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli import cli, progress, prune
from bargein.cli.progress import ProgressLine
from bargein.speech.audio import write_wav
from tests.cli.log_of_two import one_call

ROOT = Path(__file__).parents[2]


class Ticking:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, deadline: float) -> None:
        raise NotImplementedError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(out: io.StringIO, total: int | None) -> str:
    clock = Ticking()
    with ProgressLine("deleting calls", total, out, clock) as line:
        for done in range(1, 51):
            clock.now = done * 0.1
            line.at(done)
    return out.getvalue()


def test_a_terminal_gets_one_line_that_disappears() -> None:
    shown = told(Terminal(), 100).split("\r")
    assert shown[:2] == ["", "deleting calls: 20 of 100 (20%), 8 s left"]
    assert "\n" not in "".join(shown)
    assert shown[-2].strip() == ""


def test_a_file_gets_few_lines() -> None:
    assert told(io.StringIO(), 100).splitlines() == ["deleting calls: 20 of 100 (20%), 8 s left"]
    assert told(io.StringIO(), None).splitlines() == ["deleting calls: 20"]


def test_short_work_says_nothing() -> None:
    clock, out = Ticking(), Terminal()
    with ProgressLine("exporting calls", 10, out, clock) as line:
        clock.now = 1.9
        line.at(10)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["prune", "--older-than", "0d", "--yes"], "deleting calls: 1 of 1"),
        (["prune", "--older-than", "0d", "--dry-run"], "looking for old calls, seconds: "),
        (["export"], "exporting calls: 1"),
        (["replay", "tone.wav", "--sweep", "sensitivity", "--fast"], "seconds of audio"),
    ],
)
def test_long_commands_say_how_far_they_are(
    words: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "FIRST_S", -1.0)  # as if each had taken more than two seconds
    monkeypatch.setattr(prune, "LOOK_S", 0.0)
    asyncio.run(one_call(f"sqlite:///{tmp_path}/bargein.db"))
    write_wav(tmp_path / "tone.wav", np.zeros(4000, np.int16) + 3)
    done = CliRunner().invoke(cli, words)
    assert what in done.stderr, done.output


FAKE_PYTHON = """#!/bin/sh
case "$*" in
*"-m venv"*) mkdir -p "$VENV/bin"; cp "$0" "$VENV/bin/python" ;;
*"-m pip"*) echo "pip: $*" >&2; cp "$0" "$VENV/bin/bargein" ;;
esac
"""


@pytest.mark.parametrize("terminal", [False, True])
def test_the_first_installation_says_what_it_does(terminal: bool, tmp_path: Path) -> None:
    venv, python = tmp_path / "venv", tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    keyboard, screen = os.openpty() if terminal else os.pipe()
    names = {"VENV": str(venv), "BARGEIN_VENV": str(venv), "BARGEIN_PYTHON": str(python)}

    def install() -> str:
        return subprocess.run(
            [ROOT / "scripts" / "python"], env={**os.environ, **names}, stdout=subprocess.PIPE, stderr=screen,
            text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert install() == f"{venv}/bin/python\n"
    assert install() == f"{venv}/bin/python\n"
    os.write(screen, b"end\n")
    told = ""
    while not told.endswith("end\n"):
        told += os.read(keyboard, 10_000).decode().replace("\r", "")
    os.close(screen)
    os.close(keyboard)
    first, pip, *more = told.splitlines()
    assert first == f"Installing bargein into {venv}. This takes about a minute."
    assert (" -q " in pip) is not terminal  # a terminal shows what pip downloads
    assert more == ["end"]  # nothing is installed twice
