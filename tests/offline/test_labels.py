"""Labelled calls: what a person marked, and whether a replay decides as marked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.core.turns.records import Interruption
from bargein.errors import UserError
from bargein.offline.labels import Label, Mark, read_labels, stops
from bargein.offline.pauses import Pause
from bargein.speech.catalog import tts
from bargein.store import Store

RATE = 8000


def test_what_a_mark_asks_for() -> None:
    def should(mark: Mark, stopped: bool) -> bool | None:
        return Label("c", 1, mark, 0, stopped, "").should_stop

    assert [should(Mark.RIGHT, True), should(Mark.RIGHT, False)] == [True, False]
    assert [should(Mark.WRONG_STOP, True), should(Mark.MISSED, False), should(Mark.CUT_OFF, True)] == [
        False,
        True,
        None,
    ]


def test_a_replay_stops_for_a_sound_or_goes_on() -> None:
    assert stops([Pause(1000, 1060, 1500, "correct", "replanned")], 1200)
    assert not stops([Pause(1000, 1060, 1500, "noise", "resumed")], 1200)
    assert not stops([Pause(3000, 3060, 3500, "correct", "replanned")], 1200)
    assert not stops([], 1200)


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"mark": "right"}', "[1]"])
def test_what_is_no_label(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels").write_text(text + "\n")
    with pytest.raises(UserError, match="labels:1: not a label"):
        read_labels(tmp_path / "labels")


def test_label_replay_and_tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wave

    monkeypatch.chdir(tmp_path)
    words = tts("hibari").synthesize("No wait, I want the blue one.").pcm
    both = np.random.default_rng(1).normal(0, 12, (RATE * 7, 2))
    both[:, 1] = np.resize(tts("hibari").synthesize("We have the red mug for ten dollars and more.").pcm, RATE * 7)
    both[RATE * 3 : RATE * 3 + len(words), 0] += words
    with wave.open("call.wav", "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(both, -32768, 32767).astype("<i2").tobytes())

    async def fill() -> None:
        store = await Store.open("sqlite:///bargein.db")
        store.call_started("c", recording=str(tmp_path / "call.wav"))
        store.interruption(
            Interruption(
                id="c-1", call_id="c", turn_seq=0, step="", onset_ms=3000, paused_ms=3080, decided_ms=3300,
                silent_ms=3100, detect_latency_ms=80, stop_latency_ms=100, agent_text="", heard_text="",
                unheard_text="", cut_word="", played_ms=3000, caller_text="", kind="other", resolution="replanned",
            )
        )  # fmt: skip
        store.call_ended("c", outcome="hangup", duration_ms=7000)
        await store.close()

    asyncio.run(fill())

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, list(arguments))
        return result.exit_code, result.stdout + str(result.exception or "")

    assert run("label", "last#1", "right")[0] == 0
    assert "expected CALL#N" in run("label", "last", "right")[1]
    assert "this call has 1 interruption" in run("label", "last#2", "right")[1]
    code, told = run("replay", "--labelled", "--fast", "--fail-on-regression")
    assert (code, "1 of 1 as marked, 0 regressions" in told) == (0, True), told
    assert "1 of 1" in run("tune", "--fast")[1]
    assert run("label", "last#1", "wrong-stop")[0] == 0  # the last mark counts
    code, told = run("replay", "--labelled", "--fast", "--fail-on-regression")
    assert (code, "still wrong" in told) == (0, True), told
    labels = Path("bargein-labels.jsonl")
    labels.write_text(
        labels.read_text().replace('"wrong-stop"', '"right"').replace('"stopped": true', '"stopped": false')
    )
    code, told = run("replay", "--labelled", "--fast", "--fail-on-regression")
    assert (code, "REGRESSION" in told, "would now be different" in told) == (1, True, True), told
