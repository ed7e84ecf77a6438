"""`bargein check` and `bargein chat` as a shell sees them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dialogue.chat_server import Exchange, chat_server


def bargein(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bargein", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_check_says_good_and_draws() -> None:
    good = bargein("check", "shop")
    assert (good.returncode, good.stderr) == (0, "")
    assert "good" in good.stdout
    drawn = bargein("check", "shop", "--graph")
    assert drawn.stdout.startswith("flowchart TD")
    assert bargein("check", "shop", "--graph", "dot").stdout.startswith("digraph")


def test_check_complains_in_one_line(tmp_path: Path) -> None:
    flow = tmp_path / "bad.yaml"
    flow.write_text("steps:\n  a: {say: x, next: nowhere}\n")
    bad = bargein("check", str(flow))
    assert bad.returncode == 2
    assert bad.stderr.count("\n") == 1
    assert f"{flow}:2:" in bad.stderr
    assert bargein("check", "no-such-flow").returncode == 2


def test_chat_from_a_pipe_with_a_cut() -> None:
    said = "/cut We have the red = the blue one\n/cut One blue mug for\nno, the green one\n/flow\n/cut zzz = x\n"
    chat = bargein("chat", "shop", text=said + "yes\n/digits 1\n")
    assert chat.returncode == 0
    assert "[correct]" in chat.stdout
    assert "agent: One green mug for twelve dollars." in chat.stdout
    assert "step order; mug=green" in chat.stdout
    assert "does not contain 'zzz'" in chat.stdout
    assert "=> hangup; mug=green, payment=card" in chat.stdout


def test_chat_sets_variables_of_the_dialplan(tmp_path: Path) -> None:
    flow = tmp_path / "hi.yaml"
    flow.write_text("steps:\n  a: {say: 'Hi {var.NAME}, {caller}.', hangup: yes}\n")
    chat = bargein("chat", str(flow), "--set", "NAME=Ada", "--caller", "200")
    assert "agent: Hi Ada, 200." in chat.stdout
    assert bargein("chat", str(flow), "--set", "NAME").returncode == 2


@pytest.mark.parametrize("act", ["\x1b[2J\x1b]0;owned\x07", "\u202egnp.exe", "\x9b31m"])
async def test_nothing_that_a_model_writes_acts_on_the_terminal(tmp_path: Path, act: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.says(f"We open{act} at nine.")

    (tmp_path / "flow.yaml").write_text("queue: support\nsteps:\n  a: {say: Hi., next: b}\n  b: {hangup: yes}\n")
    async with chat_server(answer) as server:
        planner = '[dialogue]\nplanner = "llm"\n'
        (tmp_path / "llm.toml").write_text(f'{planner}[llm]\nurl = "{server.url}"\nmodel = "m"\n')
        chat = await asyncio.to_thread(
            bargein,
            "chat",
            str(tmp_path / "flow.yaml"),
            "--config",
            str(tmp_path / "llm.toml"),
            text=f"when{act}?\n/quit\n",
        )
    said = chat.stdout + chat.stderr
    assert "We open" in said
    assert "at nine." in said
    assert not [character for character in said if not character.isprintable() and character != "\n"]
