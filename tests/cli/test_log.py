"""The commands that look at the log, run as a person runs them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bargein.cli import cli
from bargein.core.turns.records import Interruption, Turn
from bargein.errors import UserError
from bargein.store import Store

LOG_COMMANDS = ["calls", "interruptions", "show", "stats", "tail", "export", "prune"]
CHOOSING = ["calls", "interruptions", "stats", "tail", "export"]  # take the options that choose calls
EVIL = "Bob \x1b[31m\x1b]0;title\x07\u202egnp\u2066\x9b2J\r\n"
FIRST, LAST = "3f2a9c1e-77aa-4b1e-9e0a-000000000001", "b81d0c55-77aa-4b1e-9e0a-000000000002"


async def _fill(url: str) -> None:
    store = await Store.open(url)
    now = datetime.now(UTC)
    for number, call_id in enumerate((FIRST, LAST)):
        began = now - timedelta(days=100 if number == 0 else 1)
        store.call_started(
            call_id,
            caller="+4930123",
            caller_name=EVIL,
            called="700",
            queue="support",
            dialogue="shop",
            uniqueid=f"1700.{number}",
            linkedid=f"1700.{number}",
            trunk="PJSIP/trunk",
            codec="ulaw",
            recording=f"recordings/2026/{number}.wav",
            started_at=began,
        )
        text = "The red mug is ten dollars, the green mug is twelve dollars."
        heard, unheard = "The red mug is ten dollars, the", "green mug is twelve dollars."
        store.turn(call_id, Turn(0, "agent", 0, 3000, text, heard, unheard, "offer", "green", 60))
        cut = Interruption(
            id=f"{call_id}-0", call_id=call_id, turn_seq=0, step="offer", onset_ms=2900, paused_ms=2980,
            decided_ms=3300, silent_ms=3020, detect_latency_ms=80, stop_latency_ms=120 + 300 * number, agent_text=text,
            heard_text=heard, unheard_text=unheard, cut_word="green", played_ms=3000, caller_text="no, the blue one",
            kind="correct", resolution="replanned",
        )  # fmt: skip
        store.interruption(cut)
        store.turn(call_id, Turn(1, "caller", 2900, 4000, "no, the blue one", "no, the blue one", confidence=0.9))
        store.turn(call_id, Turn(2, "agent", 4300, 6000, "The blue mug.", "The blue mug."))
        store.call_ended(call_id, outcome="queue", duration_ms=7000, summary="blue mug")
    await store.close()


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """In a directory with a log of two calls, the defaults in force."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BARGEIN_")] + ["FORCE_COLOR", "NO_COLOR", "COLUMNS"]:
        monkeypatch.delenv(name, raising=False)
    asyncio.run(_fill("sqlite:///bargein.db"))
    return CliRunner()


def run(runner: CliRunner, *words: str, code: int = 0) -> str:
    result: Result = runner.invoke(cli, list(words))
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.mark.parametrize("name", LOG_COMMANDS)
def test_the_example_of_the_help_works(runner: CliRunner, name: str) -> None:
    told = run(runner, name, "--help")
    assert re.search(r"Examples?:\n", told)
    examples = re.findall(r"^\s+bargein (.*)$", re.split(r"Examples?:\n", told)[1], re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" | ")[0])
        assert words[0] == name
        run(runner, *words)


def test_calls(runner: CliRunner) -> None:
    lines = run(runner, "calls").splitlines()
    assert re.match(r"started +call +caller +name +called +length +interruptions +outcome", lines[0])
    assert [LAST[:8] in lines[1], FIRST[:8] in lines[2], len(lines)] == [True, True, 3]
    assert LAST[:8] in run(runner, "calls", "--since", "2d")
    assert FIRST[:8] not in run(runner, "calls", "--since", "2d")
    assert run(runner, "calls", "--queue", "sales") == "no calls\n"
    assert run(runner, "calls", "--outcome", "hangup", "--json") == "[]\n"
    assert len(json.loads(run(runner, "calls", "--limit", "1", "--json"))) == 1


def test_asterisks_names_choose_a_call_and_are_shown(runner: CliRunner) -> None:
    for option in ("--uniqueid", "--linkedid"):
        for name in ("calls", "export"):
            told = run(runner, name, option, "1700.0")
            assert (FIRST[:8] in told, LAST[:8] in told) == (True, False)
    assert LAST[:8] in run(runner, "calls", "--trunk", "PJSIP/*")
    assert run(runner, "calls", "--trunk", "PJSIP/other") == "no calls\n"
    assert "from PJSIP/trunk (ulaw)  ·  Asterisk's id 1700.1" in run(runner, "show", "last")


def test_json_and_csv_hold_every_column(runner: CliRunner) -> None:
    [newest, _] = json.loads(run(runner, "calls", "--json"))
    assert (newest["id"], newest["caller_name"], newest["interruptions"]) == (LAST, EVIL, 1)
    assert newest["started_at"].endswith("Z")
    rows = list(csv.DictReader(io.StringIO(run(runner, "interruptions", "--csv"))))
    assert [row["stop_latency_ms"] for row in rows] == ["420", "120"]
    assert set(rows[0]) >= {"id", "call_id", "onset_ms", "caller_text", "kind", "resolution", "at"}
    assert rows[0].keys() == json.loads(run(runner, "interruptions", "--json"))[0].keys()
    assert json.loads(run(runner, "stats", "--json"))["total"]["count"] == 2
    assert {row["by"] for row in csv.DictReader(io.StringIO(run(runner, "stats", "--csv")))} >= {"kind", "day", "step"}
    run(runner, "calls", "--csv", "--json", code=2)


def test_interruptions(runner: CliRunner) -> None:
    told = run(runner, "interruptions")
    assert re.search(rf"{LAST[:8]}  correct  replanned +80 ms  420 ms  offer  no, the blue one  .*green", told)
    assert FIRST[:8] not in run(runner, "interruptions", "--slow", "300")
    assert run(runner, "interruptions", "--kind", "stop") == "no interruptions\n"
    assert LAST[:8] not in run(runner, "interruptions", "--call", "3f2a")
    run(runner, "interruptions", "--kind", "nonsense", code=2)
    run(runner, "interruptions", "--since", "soon", code=2)


def test_show_strikes_out_what_was_not_heard(runner: CliRunner) -> None:
    told = run(runner, "show", "last")
    assert "agent   The red mug is ten dollars, the green… ~~mug is twelve dollars.~~" in told
    assert "interrupted at 0:02.9 on “green”: silent after 420 ms" in told
    assert "a correction: the agent planned a new reply  ·  noticed after 80 ms  ·  decided after 400 ms" in told
    assert "0:02.9  caller  no, the blue one" in told
    assert told.index("interrupted at") < told.index("caller  no, the blue one") < told.index("The blue mug.")
    told = json.loads(run(runner, "show", "3f2a", "--json"))
    assert [turn["text"] for turn in told["turns"]][1:] == ["no, the blue one", "The blue mug."]
    assert told["interruptions"][0]["cut_word"] == "green"


def test_show_on_a_terminal(runner: CliRunner) -> None:
    """A real one: the child's stdout is a pty."""
    told = in_terminal("show", "last")
    assert "the \x1b[33mgreen…\x1b[0m \x1b[9;2mmug is twelve dollars.\x1b[0m" in told
    assert "~~" not in told
    plain = in_terminal("show", "last", NO_COLOR="1")
    assert "\x1b" not in plain
    assert "green… ~~mug" in plain


def in_terminal(*words: str, **env: str) -> str:
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "bargein", *words]
    child = subprocess.Popen(command, stdout=secondary, env={**os.environ, "TERM": "xterm", "COLUMNS": "90", **env})
    os.close(secondary)
    told = b""
    try:
        while data := os.read(primary, 4096):
            told += data
    except OSError:  # the other side is closed
        pass
    os.close(primary)
    assert child.wait(30) == 0
    return told.decode()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_table_is_wider_than_the_terminal(runner: CliRunner, width: int) -> None:
    for command in ("calls", "interruptions"):
        for line in in_terminal(command, COLUMNS=str(width), NO_COLOR="1").splitlines():
            assert len(line) <= width, line
    told = in_terminal("show", "last", COLUMNS=str(width), NO_COLOR="1")
    spoken = [line for line in told.splitlines() if re.match(r" +\d:| {18}", line)]
    assert all(len(line) <= max(width, 42) for line in spoken if "dialplan" not in line)


def test_nothing_is_cut_on_a_pipe(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    words = "one two three four five six seven eight nine ten eleven twelve " * 5

    async def long() -> None:
        store = await Store.open("sqlite:///bargein.db")
        store.call_started("long", caller="+49" * 20, caller_name="N" * 90, queue="q" * 50)
        store.turn("long", Turn(0, "agent", 0, 900, words, words))
        store.call_ended("long", outcome="queue", duration_ms=1, summary=words)
        await store.close()

    asyncio.run(long())
    told = run(runner, "calls")
    assert ["…" in told, "+49" * 20 in told, "N" * 90 in told, "q" * 50 in told, words.strip() in told] == [
        False, True, True, True, True,
    ]  # fmt: skip
    assert words.strip() in run(runner, "show", "long")


def test_filters(runner: CliRunner) -> None:
    def found(*words: str) -> list[str]:
        return run(runner, "calls", "--ids", *words).split()

    assert found() == [LAST, FIRST]
    assert found("--ascending") == [FIRST, LAST]
    assert found("--caller", "+4930*", "--called", "700", "--flow", "shop") == [LAST, FIRST]
    assert found("--caller", "+49") == []
    assert found("--interrupted", "--step", "offer", "--text", "mug blue") == [LAST, FIRST]
    assert found("--not-interrupted") == []
    assert found("--longer-than", "7s") == []
    assert found("--longer-than", "6999ms") == [LAST, FIRST]
    assert found("--until", "50d") == [FIRST]
    assert found("--limit", "1", "--page", "2") == [FIRST]
    assert "1 of 2 calls; --page 2 shows more" in run(runner, "calls", "--limit", "1")
    assert "page 3 is behind the end: 2 calls" in run(runner, "calls", "--limit", "1", "--page", "3")
    assert run(runner, "interruptions", "--ids", "--since", "2d") == f"{LAST}-0\n"
    assert "1 of 2 interruptions" in run(runner, "interruptions", "--limit", "1")


@pytest.mark.parametrize("command", CHOOSING)
def test_outcomes_are_accepted_as_shown_and_as_stored(runner: CliRunner, command: str) -> None:
    more = ["--once"] if command == "tail" else []
    for name in ("queue", "caller_hung_up", "caller hung up", "in progress", "Caller-Hung-Up"):
        run(runner, command, "--outcome", name, *more)
    result = runner.invoke(cli, [command, "--outcome", "nonsense"])
    assert result.exit_code == 2
    for outcome in ("queue", "transfer", "hangup", "continue", "failed", "caller_hung_up", "in_progress"):
        assert outcome in result.stderr


@pytest.mark.parametrize("words", [("calls",), ("show", "last"), ("calls", "--csv"), ("calls", "--json"), ("export",)])
def test_what_callers_send_cannot_act_on_the_terminal(runner: CliRunner, words: tuple[str, ...]) -> None:
    told = run(runner, *words)
    for acting in ("\x1b", "\x07", "\u202e", "\u2066", "\x9b", "\r"):
        assert acting not in told


def test_stats(runner: CliRunner) -> None:
    told = run(runner, "stats")
    assert "2 calls, 14 s: 2 interrupted (100%)" in told
    assert "2 handed over (100%)" in told
    assert re.search(r"correct +2 +80 ms +80 ms +120 ms +420 ms +420 ms", told)
    assert re.search(r"^green +offer +2$", told, re.MULTILINE)
    assert re.search(r"^calls +1 +0 +-$", run(runner, "stats", "--since", "50d", "--compare"), re.MULTILINE)
    both = json.loads(run(runner, "stats", "--since", "60d", "--compare", "--json"))
    assert (both["now"]["calls"], both["before"]["calls"]) == (1, 1)
    run(runner, "stats", "--compare", code=2)


def test_pictures_and_pages(runner: CliRunner, tmp_path: Path) -> None:
    run(runner, "stats", "--plot", "stats.svg")
    run(runner, "show", "last", "--plot", "call.svg", "--html", "call.html")
    assert "<svg" in (tmp_path / "stats.svg").read_text()
    assert "correct, replanned" in (tmp_path / "call.svg").read_text() or (tmp_path / "call.svg").stat().st_size > 5000
    page = (tmp_path / "call.html").read_text()
    assert "<mark>interrupted</mark> on “green”" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)  # nothing from elsewhere
    for wrong in (["--plot", "x.gif"], ["--html", "no/such/x.html"], ["--plot", "no/such/x.png"]):
        result = runner.invoke(cli, ["show", "last", *wrong])
        assert isinstance(result.exception, UserError)
        assert result.exception.exit_code == 2


def test_tail_shows_what_is_there_and_what_comes(runner: CliRunner) -> None:
    told = run(runner, "tail", "--once")
    assert told.count("caller  no, the blue one") == 2
    assert told.count("interrupted at 0:02.9") == 2
    assert told.index("interrupted at 0:02.9") < told.index("caller  no, the blue one")
    assert told.count("call ends  queue, 7 s") == 2
    assert len(run(runner, "tail", "--json", "--limit", "3").splitlines()) == 3
    child = subprocess.Popen(
        [sys.executable, "-m", "bargein", "tail", "--json", "--limit", "14"], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    there = [json.loads(child.stdout.readline()) for _ in range(10)]
    assert [entry["type"] for entry in there].count("interruption") == 2

    async def another() -> None:
        store = await Store.open("sqlite:///bargein.db")
        store.call_started("new-call", caller="123")
        store.turn("new-call", Turn(0, "agent", 0, 900, "Hello.", "Hello."))
        store.turn("new-call", Turn(1, "caller", 900, 1900, "Bye.", "Bye."))
        store.call_ended("new-call", outcome="caller_hung_up", duration_ms=2000)
        await store.close()

    asyncio.run(another())
    told, _ = child.communicate(timeout=60)
    rows = [json.loads(line) for line in told.splitlines()]
    assert [(row["type"], row["call_id"]) for row in rows] == [
        (kind, "new-call") for kind in ("start", "turn", "turn", "end")
    ]
    assert (rows[0]["caller"], rows[3]["outcome"]) == ("123", "caller_hung_up")
    assert child.returncode == 0


def test_export(runner: CliRunner, tmp_path: Path) -> None:
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


def test_prune(runner: CliRunner, tmp_path: Path) -> None:
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


NO_DATABASE = "none.db: no database yet: the first `bargein serve` or `bargein demo` makes it"


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
