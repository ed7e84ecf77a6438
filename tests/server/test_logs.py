"""Log lines: for a person, for the journal, for a machine; and systemd's socket."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from pathlib import Path

import pytest

from bargein.config import LogConfig
from bargein.errors import UserError
from bargein.server.logs import JsonFormatter, TextFormatter, described, on_loop_fault, setup
from bargein.server.systemd import notify, watchdog_s

pytestmark = pytest.mark.usefixtures("logging_restored")


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("bargein.server.audiosocket", logging.WARNING, "x.py", 1, message, None, None)
    vars(made).update(extra)
    return made


def test_json_is_one_object_a_line() -> None:
    line = JsonFormatter().format(record("two\nlines \x1b[31m", call_id="c1", port=9092))
    assert "\n" not in line
    assert "\x1b" not in line
    told = json.loads(line)
    assert told["message"] == "two\nlines \x1b[31m"
    assert (told["level"], told["logger"], told["call_id"], told["port"]) == (
        "warning",
        "bargein.server.audiosocket",
        "c1",
        9092,
    )
    assert told["time"].endswith("Z")


def test_json_holds_the_traceback() -> None:
    try:
        raise ValueError("why")
    except ValueError as error:
        failed = record("oh")
        failed.exc_info = (type(error), error, error.__traceback__)
    assert json.loads(JsonFormatter().format(failed))["exception"].splitlines()[-1] == "ValueError"


def test_a_message_cannot_forge_a_line() -> None:
    assert "\n" not in TextFormatter(journal=False).format(record("a\n12:00:00 error   b\x1b[2J"))
    assert TextFormatter(journal=True).format(record("a\nb")) == "<4>audiosocket: a b"


@pytest.mark.parametrize(("kind", "shown"), [("text", "test: hello"), ("json", '"message": "hello"')])
def test_the_log_goes_to_stderr_from_the_configured_level_on(
    kind: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    setup(LogConfig(format=kind, level="info"))  # type: ignore[arg-type]
    logging.getLogger("bargein.test").info("hello")
    logging.getLogger("bargein.test").debug("not this")
    told = capsys.readouterr()
    assert shown in told.err
    assert "not this" not in told.err
    assert told.out == ""


@pytest.mark.parametrize("kind", ["text", "json"])
def test_the_message_of_an_exception_is_not_logged(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    setup(LogConfig(format=kind, level="debug"))  # type: ignore[arg-type]
    words = {"number": "555" + "0199", "name": "Zap" + "hod"}  # a traceback shows source lines
    try:
        try:
            raise ValueError(words["number"])
        except ValueError as error:
            raise RuntimeError(words["name"]) from error
    except RuntimeError as error:
        logging.getLogger("bargein.server.x").error("no answer: %s", described(error), exc_info=error)
        on_loop_fault(asyncio.new_event_loop(), {"message": words["number"], "exception": error})
    told = capsys.readouterr().err
    assert "RuntimeError at test_logs.py:" in told
    assert "ValueError" in told
    assert "5550199" not in told
    assert "Zaphod" not in told
    assert described(UserError("the file is missing")) == "the file is missing"


@pytest.mark.parametrize("level", ["debug", "info", "error"])
def test_libraries_never_log_below_warning(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    setup(LogConfig(level=level))  # type: ignore[arg-type]
    for library in ("httpx", "httpcore", "aiosqlite", "sqlalchemy.engine", "asyncio", "faster_whisper"):
        logging.getLogger(library).info("a caller's number")
        logging.getLogger(library).debug("a caller's number")
        assert not logging.getLogger(library).isEnabledFor(logging.INFO)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"bargein-test-{os.getpid()}" if abstract else f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name if abstract else name)
        systemd.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else name)
        assert notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/gone")
    assert not notify("READY=1")


def test_a_full_socket_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{tmp_path}/s")
        monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/s")
        assert not all(notify("WATCHDOG=1") for _ in range(2000))


def test_the_watchdog_is_told_twice_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert watchdog_s() is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_s() == 15.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_s() is None
