"""Every command with arguments that nobody should give: one line on stderr, exit code 1 or 2, no traceback."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bargein.cli import COMMANDS, cli, load_command, main
from bargein.errors import UserError
from tests.cli.log_of_two import one_call

HUGE = "9" * 30
ODD = (
    "",
    "-1",
    HUGE,
    "\x1b[31m\x07",
    "a\nb",
    "nan",
    "1e999",
    "٣d",
    "\U0001f600" * 50,
    "no/such/file",
    ".",
    "bytes.bin",
)
NO_TEXT = bytes(range(256)) * 20
NOT_UTF8 = b"\xff\xfe\xe9"
SLOW_OR_ENDLESS = {"serve", "demo", "tail", "chat", "web", "doctor"}  # run only where the argument is refused at once
QUICK = (("serve", "--config"), ("tail", "--db"), ("tail", "--config"))
NEEDED = {  # what a command needs besides the odd argument
    "prune": ["--older-than", "90d", "--dry-run"],
    "dialplan": ["--exten", "700", "--queue", "support"],
    "say": ["-o", "out.wav", "--engine", "hibari"],
    "tail": ["--once"],
    "replay": ["--fast"],
}
ARGUMENT = {
    "show": ["first"], "play": ["first"], "replay": ["bytes.bin"], "check": ["shop"], "say": ["Hello"],
    "completion": ["bash"], "label": ["first#1", "right"],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a log, and with files that are not what a command expects."""
    place = tmp_path_factory.mktemp("odd")
    asyncio.run(one_call(f"sqlite:///{place}/bargein.db"))
    (place / "bytes.bin").write_bytes(NO_TEXT)
    (place / "empty").write_bytes(b"")
    return place


def bargein(place: Path, *words: str | bytes, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("BARGEIN_")}
    return subprocess.run(
        [sys.executable, "-m", "bargein", *words],
        cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip


def parameters(name: str) -> Iterator[click.Parameter]:
    command = load_command(name)
    assert command is not None
    for parameter in command.params:
        if not (isinstance(parameter, click.Option) and (parameter.is_flag or parameter.name == "help")):
            yield parameter


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def main_run(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the entry point in this process: exit code, stdout, stderr. What would be a traceback fails the test."""
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith("BARGEIN_")]:
        monkeypatch.delenv(name)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bargein", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run


def test_bytes_that_are_not_utf8_from_the_operating_system(place: Path) -> None:
    done = bargein(place, "calls", NOT_UTF8)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is not UTF-8 text" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_bytes_that_are_not_utf8(main_run: Run, name: str) -> None:
    code, stdout, stderr = main_run(name, NOT_UTF8.decode(errors="surrogateescape"))
    assert (code, stdout) == (2, "")
    assert "is not UTF-8 text" in stderr


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in SLOW_OR_ENDLESS])
def test_an_odd_value_is_taken_or_refused_without_a_traceback(
    place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: there are a thousand of them."""
    monkeypatch.chdir(place)
    for parameter in parameters(name):
        for value in ODD:
            if isinstance(parameter, click.Argument):
                words = [name, *NEEDED.get(name, []), "--", value]
            else:
                needed = [] if parameter.opts[-1] in NEEDED.get(name, []) else NEEDED.get(name, [])
                words = [name, *needed, f"{parameter.opts[-1]}={value}", *ARGUMENT.get(name, [])]
            result = CliRunner().invoke(cli, words)
            told = result.exception
            assert told is None or isinstance(told, (UserError, SystemExit)), (words, repr(told))
            assert result.exit_code in (0, 1, 2), (words, told)
            assert "\x1b" not in result.stdout, words


def with_files() -> Iterator[tuple[str, str]]:
    """Commands and their options that name a file, where a wrong one is refused before engines are loaded."""
    for name in COMMANDS:
        options = {option for parameter in parameters(name) for option in parameter.opts}
        for option in sorted(options & {"--config", "--db", "--flow"}):
            if name != "completion" and (name not in SLOW_OR_ENDLESS or (name, option) in QUICK):
                yield name, option


@pytest.mark.parametrize(("name", "option"), list(with_files()))
@pytest.mark.parametrize("value", [".", "bytes.bin", "no/such/file", ""])
def test_files_that_are_none(place: Path, main_run: Run, name: str, option: str, value: str) -> None:
    (place / "bytes.bin").write_bytes(NO_TEXT)  # `export -o` of another test may have written there
    code, stdout, stderr = main_run(name, *NEEDED.get(name, []), *ARGUMENT.get(name, []), option, value)
    assert code in (0, 1, 2), stderr
    if code and name != "doctor":  # which prints every check
        lines = [line for line in stderr.splitlines() if not line.startswith(("Usage:", "Try ")) and line]
        assert len(lines) == 1, stderr
    assert "\x1b" not in stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["calls"], ["calls", "--json"], ["show", "first"], ["interruptions", "--csv"], ["stats"],
        ["export"], ["prune", "--older-than", "90d", "--dry-run"], ["voices"], ["check", "shop"],
        ["check", "shop", "--graph"], ["chat", "shop"], ["dialplan", "--exten", "7", "--queue", "q"],
        ["dialplan", "--list"], ["service"], ["completion", "bash"], ["doctor"], ["export", "-o", "/dev/full"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_full_disk_is_one_line(place: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = bargein(place, *words, stdout=full.fileno())
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1, done.stderr
    assert b"No space left on device" in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "calls",
        "show first",
        "export",
        "stats",
        "tail --once",
        "voices",
        "check shop --graph",
        "--help",
        "chat shop",
        "demo",
    ],
)
def test_a_reader_that_stops_reading_is_no_error(place: Path, name: str) -> None:
    pipe = f"{sys.executable} -m bargein {name} | true"
    done = subprocess.run(pipe, cwd=place, shell=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    progress = re.sub(rb"starting the server \.\.\.\n|call \S+: a caller on \S+\n", b"", done.stderr)  # of the demo
    assert progress == b""


def test_a_closed_output_is_no_traceback(place: Path) -> None:
    command = f"{sys.executable} -m bargein calls >&-"
    done = subprocess.run(command, cwd=place, shell=True, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr
