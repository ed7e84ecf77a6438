"""A recording through the core in virtual time: the same decisions each time, and faster than the call."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from agent.cli.replay import replay_command
from agent.core.conversation import Settings
from agent.core.pcm import RATE
from agent.engines import weights
from agent.engines.audio import write_wav
from agent.engines.catalog import tts
from agent.languages import load
from agent.replay import replay


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, np.ndarray]:
    """The agent talks for some seconds; the caller cuts in after 3 s, on a line with a little noise."""
    voice = tts("hibari")
    agent = voice.synthesize("We have the red mug for ten dollars, and the green mug for twelve dollars, and more.").pcm
    words = voice.synthesize("No wait, I want the blue one.").pcm
    caller = np.random.default_rng(1).normal(0, 12, RATE * 8)
    caller[RATE * 3 : RATE * 3 + len(words)] += words
    return np.clip(caller, -32768, 32767).astype(np.int16), agent


def test_the_same_recording_gives_the_same_decisions_to_the_sample(spoken) -> None:
    caller, agent = spoken
    results = [replay(caller, agent, weights.load(), load("en"), Settings()) for _ in range(2)]
    assert results[0].interruptions == results[1].interruptions
    assert np.array_equal(results[0].agent, results[1].agent)
    row = results[0].interruptions[0]
    assert 2900 <= row.onset_ms <= 3150
    assert row.stop_latency_ms < 300
    assert row.resolution != "resumed"


def test_a_recorded_call_is_heard_with_what_was_really_sent(spoken, tmp_path: Path) -> None:
    caller, agent = spoken
    sent = np.zeros(len(caller), np.int16)
    sent[: len(agent)] = agent[: len(caller)]
    echo = np.roll(sent, 400) // 8
    both = np.clip(caller.astype(int) + echo, -32768, 32767).astype(np.int16)
    result = replay(both, sent, weights.load(), load("en"), Settings(), recorded=True)
    assert all(row.onset_ms > 2500 for row in result.interruptions)
    assert any(2900 <= row.onset_ms <= 3200 for row in result.interruptions)


def test_the_command_prints_decisions_and_draws_them(spoken, tmp_path: Path) -> None:
    caller, agent = spoken
    write_wav(tmp_path / "caller.wav", caller)
    write_wav(tmp_path / "agent.wav", agent)
    words = [str(tmp_path / "caller.wav"), "--agent", str(tmp_path / "agent.wav"), "--fast"]
    run = CliRunner().invoke(replay_command, [*words, "--json", "--plot", str(tmp_path / "call.svg")])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.output)
    assert rows[0]["detect_latency_ms"] < 300
    assert "<svg" in (tmp_path / "call.svg").read_text()[:1000]
    swept = CliRunner().invoke(replay_command, [*words, "--sweep", "sensitivity", "--csv"])
    assert len(swept.output.splitlines()) == 10
    assert swept.output.startswith("sensitivity,pauses,interruptions")


def test_a_mono_recording_alone_is_heard_over_an_agent_that_talks(spoken, tmp_path: Path) -> None:
    write_wav(tmp_path / "caller.wav", spoken[0])
    run = CliRunner().invoke(replay_command, [str(tmp_path / "caller.wav"), "--fast"])
    assert run.exit_code == 0, run.output
    assert "8.0 s, 1 pause\n" in run.output


def test_an_agent_that_talks_all_the_time_can_be_interrupted_again(spoken) -> None:
    caller, _ = spoken
    rows = replay(np.tile(caller, 3), np.zeros(0, np.int16), weights.load(), load("en"), Settings()).interruptions
    assert [round(row.onset_ms / 1000) for row in rows] == [3, 11, 19]


def test_a_plot_of_another_kind_is_refused(spoken, tmp_path: Path) -> None:
    write_wav(tmp_path / "caller.wav", spoken[0])
    run = CliRunner().invoke(replay_command, [str(tmp_path / "caller.wav"), "--fast", "--plot", "call.gif"])
    assert run.exit_code != 0
    assert "a plot is a .png or a .svg file" in str(run.exception or run.output)
