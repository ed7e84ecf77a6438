"""The commands that export or delete calls, and errors of all that look at the log."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.core.turns.records import Callback
from bargein.errors import UserError
from bargein.store import Store
from tests.cli.log_of_two import FIRST, LAST, run

LOG_COMMANDS = ["calls", "interruptions", "callbacks", "show", "stats", "tail", "export", "prune"]


def test_export_writes_whole_calls_as_json_lines_or_a_table_as_csv(runner: CliRunner, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in run(runner, "export").splitlines()]
    assert [(call["id"], len(call["turns"]), len(call["interruptions"])) for call in lines] == [
        (FIRST, 3, 1),
        (LAST, 3, 1),
    ]
    assert json.loads(run(runner, "export", "last"))["id"] == LAST
    run(runner, "export", "--csv", "turns", "-o", "turns.csv")
    with open("turns.csv", newline="", encoding="utf-8") as file:
        assert [row["speaker"] for row in csv.DictReader(file)] == ["agent", "caller", "agent"] * 2
    assert (tmp_path / "turns.csv").stat().st_mode & 0o077 == 0
    assert len(run(runner, "export", "--since", "2d", "--csv", "calls").splitlines()) == 2
    assert isinstance(runner.invoke(cli, ["export", "-o", "no/such/file"]).exception, UserError)
    assert not list(tmp_path.glob("*.part"))


def test_a_spreadsheet_finds_no_formula(runner: CliRunner) -> None:
    async def evil() -> None:
        store = await Store.open("sqlite:///bargein.db")
        store.call_started("evil", caller="+49 (30) 1-2", caller_name='=HYPERLINK("http://x")', called="-1+1")
        await store.close()

    asyncio.run(evil())
    [row] = [r for r in csv.DictReader(io.StringIO(run(runner, "calls", "--csv"))) if r["id"] == "evil"]
    assert (row["caller"], row["caller_name"], row["called"]) == ("+49 (30) 1-2", '\'=HYPERLINK("http://x")', "'-1+1")


def test_prune_deletes_old_calls_with_their_recordings_and_nothing_else(runner: CliRunner, tmp_path: Path) -> None:
    for name in ("recordings/2026/0.wav", "recordings/2025/1.wav", "0.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF")
    planned = run(runner, "prune", "--older-than", "90d", "--dry-run")
    assert planned == "would delete 1 call, 3 turns, 1 interruption, 1 recording\n"
    assert len(run(runner, "calls", "--csv").splitlines()) == 3
    assert "deleted 1 call," in run(runner, "prune", "--older-than", "90d", "--vacuum")
    assert FIRST not in run(runner, "calls", "--csv")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wav"))
    assert left == ["0.wav", "recordings/2025/1.wav"]
    assert os.listdir("recordings") == ["2025"]
    run(runner, "prune", code=2)
    run(runner, "prune", "--older-than", "ninety", code=2)


def test_prune_of_recent_calls_has_to_be_meant(runner: CliRunner) -> None:
    result = runner.invoke(cli, ["prune", "--older-than", "0d"])
    assert isinstance(result.exception, UserError)
    assert (result.exception.exit_code, "--yes" in str(result.exception)) == (2, True)
    assert len(run(runner, "calls", "--ids").split()) == 2
    assert "would delete 2 calls" in run(runner, "prune", "--older-than", "0d", "--dry-run")
    assert "deleted 2 calls" in run(runner, "prune", "--older-than", "0d", "--yes")


def test_export_takes_a_call_or_a_choice_of_calls(runner: CliRunner) -> None:
    result = runner.invoke(cli, ["export", "last", "--since", "2d"])
    assert (result.exit_code, "CALL names one call" in result.stderr) == (2, True)
    assert len(run(runner, "export", "--not-interrupted", "--csv", "turns").splitlines()) == 1


def test_prune_deletes_nothing_outside_the_directory(runner: CliRunner, tmp_path: Path) -> None:
    async def evil() -> None:
        store = await Store.open("sqlite:///bargein.db")
        for number, path in enumerate(("../precious.wav", str(tmp_path / "precious.wav"), "x/../../precious.wav")):
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            store.call_started(f"e{number}", recording=path, started_at=long_ago)
        await store.close()

    asyncio.run(evil())
    (tmp_path / "recordings").mkdir()
    (tmp_path / "precious.wav").write_bytes(b"RIFF")
    result = runner.invoke(cli, ["prune", "--older-than", "90d"])
    assert isinstance(result.exception, UserError)
    assert "deleted 3 calls" in result.stdout  # of two of them there is no such file
    assert f"{tmp_path}/precious.wav: not a recording in {tmp_path}/recordings" in result.stderr
    assert (tmp_path / "precious.wav").exists()
    assert "e1," in run(runner, "calls", "--csv")


def test_a_call_stays_whose_recording_cannot_be_deleted(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recordings/2026/0.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"RIFF")

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)  # a mode would not stop root
        result = runner.invoke(cli, ["prune", "--older-than", "90d"])
    assert isinstance(result.exception, UserError)
    assert result.exception.exit_code == 1
    assert f"{path}: cannot be deleted: Permission denied" in result.stderr
    assert FIRST in run(runner, "calls", "--csv")
    assert "deleted 1 call," in run(runner, "prune", "--older-than", "90d")
    assert not path.exists()


NO_DATABASE = (
    "none.db: no database yet: the first `bargein serve` makes it; "
    "--db names another, such as bargein-demo.db of `bargein demo`"
)


@pytest.mark.parametrize("name", LOG_COMMANDS)
def test_without_a_database_none_is_made(runner: CliRunner, name: str, tmp_path: Path) -> None:
    more = {"show": ["last"], "prune": ["--older-than", "90d"]}.get(name, [])
    result = runner.invoke(cli, [name, *more, "--db", "none.db"])
    assert isinstance(result.exception, UserError)
    assert (str(result.exception), result.stdout) == (NO_DATABASE, "")
    assert os.listdir(tmp_path) == ["bargein.db"]


@pytest.mark.parametrize(
    "words",
    [
        ["prune", "--older-than", "999999d"],
        ["prune", "--older-than", "999999w"],
        ["calls", "--limit", "9223372036854775808"],
        ["interruptions", "--slow", "99999999999999999999"],
        ["calls", "--db", "postgresql://h:zz/x"],
        ["export", "-o", ""],
        ["serve", "--listen", "9092"],
        ["serve", "--agi-listen", "foo"],
        ["demo", "--wav", "nodir/x.wav"],
    ],
)
def test_odd_arguments_get_one_line(runner: CliRunner, words: list[str]) -> None:
    result = runner.invoke(cli, words)
    told = result.exception
    assert isinstance(told, UserError) or (isinstance(told, SystemExit) and result.exit_code == 2), repr(told)


def test_export_into_a_link_or_a_pipe_leaves_it_what_it_is(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    run(runner, "export", "-o", "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text().count("\n") == 2
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
        run(runner, "export", "-o", "pipe")
        assert reader.communicate(timeout=60)[0].count(b"\n") == 2
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_is_one_line_on_stderr(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bargein", "calls", "--db", "none.db"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"bargein: {NO_DATABASE}\n")


def test_an_empty_log(runner: CliRunner) -> None:
    async def make() -> None:
        await (await Store.open("sqlite:///empty.db")).close()

    asyncio.run(make())
    told = {name: run(runner, name, "--db", "empty.db") for name in ("calls", "interruptions", "stats")}
    assert told == {"calls": "no calls\n", "interruptions": "no interruptions\n", "stats": "no calls\n"}
    assert run(runner, "tail", "--once", "--db", "empty.db") == ""
    assert run(runner, "export", "--db", "empty.db") == ""
    assert run(runner, "calls", "--json", "--db", "empty.db") == "[]\n"
    assert "deleted 0 calls" in run(runner, "prune", "--older-than", "1d", "--db", "empty.db")


def test_a_wrong_configuration_exits_2_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bargein.toml").write_text('[store]\nulr = "x"')
    command = [sys.executable, "-m", "bargein", "calls"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bargein: bargein.toml: unknown key 'store.ulr'; did you mean store.url?\n"


def test_a_reader_that_goes_away_is_no_error(runner: CliRunner) -> None:
    done = subprocess.run(
        f"{sys.executable} -m bargein export | head -c 10", shell=True, capture_output=True, timeout=60
    )
    assert done.stderr == b""


def test_prune_by_kind_of_data(runner: CliRunner, tmp_path: Path) -> None:
    assert "nothing says how old" in runner.invoke(cli, ["prune"]).stderr
    Path("bargein.toml").write_text(
        "[privacy]\nkeep_words_days = 30\nkeep_numbers_days = 60\nkeep_audio_days = 200\nkeep_calls_days = 500\n"
    )
    told = run(runner, "prune", "--dry-run")
    assert "would delete 0 calls" in told
    assert "would delete the words of 1 call" in told
    assert "mug" in run(runner, "show", FIRST)
    told = run(runner, "prune")
    for said in ("deleted the words of 1 call", "deleted the numbers of 1 call", "deleted the audio of 0 calls"):
        assert said in told
    old, young = run(runner, "show", FIRST, "--json"), run(runner, "show", LAST, "--json")
    for word in ("mug", "+4930123"):
        assert (word in old, word in young) == (False, True)
    assert "recordings/2026/0.wav" in old


@pytest.mark.parametrize("command", ["calls", "interruptions", "stats", "tail", "export", "show"])
def test_redacted_output_has_no_words_and_no_numbers(runner: CliRunner, command: str) -> None:
    words = [command, *{"show": ["last"], "tail": ["--once"]}.get(command, ["--since", "300d"])]
    for form in ([], ["--json"] if command != "export" else ["--csv", "turns"]):
        open_, told = run(runner, *words, *form), run(runner, *words, *form, "--redact")
        private = ("+4930123", "Bob", "mug", "blue", "green", "recordings/")
        assert [word for word in private if word in open_]
        assert not [word for word in private if word in told]


def test_whom_to_call_back(runner: CliRunner) -> None:
    assert run(runner, "callbacks") == "nobody waits to be called back\n"

    async def promise(what: Callback) -> None:
        store = await Store.open("sqlite:///bargein.db")
        store.callback(LAST, what)
        await store.close()

    other = Callback("+49 30 99", "15:30", "a mug")
    asyncio.run(promise(other))
    shown = run(runner, "callbacks", "--queue", "support")
    assert all(text in shown for text in (LAST[:8], "+49 30 99", "15:30", "+4930123", "a mug"))
    assert "+49" not in run(runner, "callbacks", "--redact")
    asyncio.run(promise(Callback("+4930123", "15:30", "a mug")))  # the number that called
    assert "caller" not in run(runner, "callbacks")
    asyncio.run(promise(other))
    assert "nobody" in run(runner, "callbacks", "--queue", "sales")
    assert run(runner, "callbacks", "--done", LAST[:8]) == f"the callback of call {LAST[:8]} is done\n"
    assert "nobody" in run(runner, "callbacks")
    [row] = json.loads(run(runner, "callbacks", "--all", "--json"))
    assert (row["phone"], row["done_at"] > row["asked_at"]) == ("+49 30 99", True)
    assert isinstance(runner.invoke(cli, ["callbacks", "--done", LAST]).exception, UserError)
