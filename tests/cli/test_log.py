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
from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.core.turns.records import Turn
from bargein.errors import UserError
from bargein.store import Store
from tests.cli.log_of_two import EVIL, FIRST, LAST, run

LOG_COMMANDS = ["calls", "interruptions", "show", "stats", "tail", "export", "prune"]
CHOOSING = ["calls", "interruptions", "stats", "tail", "export"]  # take the options that choose calls


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


def test_calls_lists_what_is_chosen_newest_first(runner: CliRunner) -> None:
    lines = run(runner, "calls").splitlines()
    assert re.match(r"started +call +caller +name +outcome +cut in +length +called", lines[0])
    assert [LAST[:8] in lines[1], FIRST[:8] in lines[2], len(lines)] == [True, True, 3]
    assert LAST[:8] in run(runner, "calls", "--since", "2d")
    assert FIRST[:8] not in run(runner, "calls", "--since", "2d")
    assert run(runner, "calls", "--queue", "sales") == "no calls; no queue 'sales': the log has support\n"
    assert run(runner, "stats", "--queue", "sales").startswith("no calls; no queue 'sales'")
    assert run(runner, "interruptions", "--queue", "sales").startswith("no interruptions; no queue 'sales'")
    assert run(runner, "calls", "--queue", "support", "--until", "2001-01-01") == "no calls\n"
    wrong = runner.invoke(cli, ["calls", "--since", "1h", "--until", "2h"])
    assert (wrong.exit_code, "--until is not after --since" in wrong.stderr) == (2, True)
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


def test_interruptions_lists_what_is_chosen(runner: CliRunner) -> None:
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
        lines = in_terminal(command, COLUMNS=str(width), NO_COLOR="1").splitlines()
        assert all(len(line) <= width for line in lines), lines
        if width == 80:  # what matters most stays: how often the caller cut in, and on which words
            assert ("cut in" if command == "calls" else "cut at") in lines[0]
    for line in in_terminal("tail", "--once", COLUMNS=str(width), NO_COLOR="1").splitlines():
        assert "call begins" not in line or len(line) <= max(width, 80), line
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


def test_each_filter_of_calls_and_interruptions_chooses(runner: CliRunner) -> None:
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


def test_stats_counts_what_is_chosen_and_compares_two_periods(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run(runner, "stats")
    assert "2 calls, 14 s on the phone: 2 interrupted (100%)" in told
    assert re.search(r"interruptions +count +noticed, median +95 % +silent, median +95 % +worst", told)
    assert "2 handed over (100%)" in told
    assert re.search("calls  handed over  abandoned$|calls  handed over$", told, re.MULTILINE)  # no columns of zeros
    assert re.search(r"correct +2 +80 ms +80 ms +120 ms +420 ms +420 ms", told)
    assert re.search(r"^green +offer +2$", told, re.MULTILINE)
    assert re.search(r"^calls +1 +0 +-$", run(runner, "stats", "--since", "50d", "--compare"), re.MULTILINE)
    both = json.loads(run(runner, "stats", "--since", "60d", "--compare", "--json"))
    assert (both["now"]["calls"], both["before"]["calls"]) == (1, 1)
    run(runner, "stats", "--compare", code=2)
    monkeypatch.setattr("bargein.cli.stats.MOST_COUNTED", 1)
    limited = runner.invoke(cli, ["stats", "--interrupted"])
    assert "1 call, " in limited.stdout
    assert "more calls match; these are the newest 1, since" in limited.stderr
    assert "2 calls, " in run(runner, "stats", "--interrupted", "--since", "2000-01-01")


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
    assert not re.search(r"^call .*\n.*call ends", told, re.MULTILINE)  # that line names its call
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
