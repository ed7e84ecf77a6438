"""Settings that do better on labelled calls, for a noisy and for a quiet trunk; and weights that do worse."""

from __future__ import annotations

import json
import wave
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.cli.rerun import Repeater
from bargein.config import Config
from bargein.core.audio.pcm import SILENCE
from bargein.core.turns.records import Turn
from bargein.data import WEIGHTS
from bargein.data.trained import load_weights
from bargein.offline.labels import Label, Mark
from bargein.offline.pauses import Pause
from bargein.offline.replay import Replay
from bargein.offline.tuning import Outcome, Settings, best, cuts_off, tune
from bargein.speech.catalog import tts

RATE = 8000
NOW = Settings(0.5, "duck", 300, 1320)
MANY = 6  # calls alike: a change must gain two decisions


def bursts(loud: float, dice: np.random.Generator) -> np.ndarray:
    """A second of noise that rises and falls like speech."""
    time = np.arange(RATE) / RATE
    rise = np.sqrt(np.abs(np.sin(8 * np.pi * time))) * np.sin(np.pi * time)
    return loud * rise * (np.sign(np.sin(300 * np.pi * time)) / 2 + dice.normal(0, 0.5, RATE))


def trunk(folder: Path, name: str, *, voice: float, noise: float, bed: float) -> list[Label]:
    """A call in which the caller interrupts at 11 s, after noises at 3 s and 7 s."""
    dice, line = np.random.default_rng(3), np.zeros(RATE * 15)
    line += dice.normal(0, bed, len(line))
    speech = tts("hibari").synthesize("No wait, I want the blue one please.").pcm * voice
    for at, sound in ((3, bursts(noise, dice)), (7, bursts(noise, dice)), (11, speech)):
        line[at * RATE : at * RATE + len(sound)] += sound
    agent = np.resize(tts("hibari").synthesize("We have the red mug for ten dollars and more.").pcm, len(line))
    file = folder / f"{name}.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setparams((2, 2, RATE, 0, "NONE", ""))
        wav.writeframes(np.clip(np.stack([line, agent], axis=1), -32768, 32767).astype("<i2").tobytes())
    return [
        Label(name, number, mark, at * 1000, stopped, str(file), trunk=name)
        for number, mark, at, stopped in (
            (1, Mark.RIGHT, 3, False), (2, Mark.RIGHT, 7, False), (3, Mark.RIGHT, 11, True)
        )
    ]  # fmt: skip


def write(labels: list[Label], path: Path) -> None:
    path.write_text("".join(json.dumps(asdict(label)) + "\n" for label in labels))


def test_a_noisy_trunk_gets_less_sensitive_and_a_quiet_one_more(tmp_path: Path) -> None:
    repeater = Repeater(Config(), fast=True)
    _, noisy = tune(NOW, MANY * trunk(tmp_path, "noisy", voice=1.0, noise=1500, bed=60), repeater.run)
    deaf = replace(NOW, sensitivity=0.1)
    _, quiet = tune(deaf, MANY * trunk(tmp_path, "quiet", voice=0.04, noise=20, bed=60), repeater.run)
    assert noisy.settings.sensitivity < 0.5
    assert quiet.settings.sensitivity > deaf.sensitivity
    assert noisy.errors == quiet.errors == 0
    assert noisy.halts == quiet.halts == 0


def outcome(settings: Settings, wrong_stops: int = 0, missed: int = 0, cut_offs: int = 0) -> Outcome:
    return Outcome(settings, 4, wrong_stops, 0, missed, cut_offs, 100)


def test_what_is_no_better_changes_nothing() -> None:
    others = [Settings(value, overlap, 300, 1320) for value in (0.1, 0.9) for overlap in ("duck", "pause")]
    assert best([outcome(one) for one in (*others, NOW)], NOW).settings == NOW
    assert best([outcome(NOW, missed=1), *(outcome(one) for one in others)], NOW).settings == NOW
    changed = best([outcome(NOW, missed=2), *(outcome(one) for one in others)], NOW).settings
    assert (changed.overlap, changed.sensitivity) != (NOW.overlap, NOW.sensitivity)
    assert changed.overlap == "duck"


def test_of_values_that_are_about_as_good_the_nearest_is_proposed() -> None:
    def at(sensitivity: float, missed: int, late_ms: int = 0) -> Outcome:
        return replace(outcome(replace(NOW, sensitivity=sensitivity), missed=missed), late_ms=late_ms)

    assert best([at(0.5, 4), at(0.7, 1, 900), at(0.9, 1)], NOW).settings.sensitivity == 0.7
    assert best([at(0.5, 4), at(0.7, 2), at(0.9, 1)], NOW).settings.sensitivity == 0.9
    assert best([at(0.5, 3), at(0.7, 2), at(0.9, 1)], NOW).settings.sensitivity == 0.9


def test_a_caller_who_was_cut_off_gets_longer_silences() -> None:
    """A caller pauses for 1.5 s within a turn that begins at 1 s."""
    label = Label("c", 1, Mark.CUT_OFF, 1000, True, "c.wav")

    def repeat(label: Label, settings: Settings) -> Replay:
        patient = settings.max_ms > 1500
        ends = (3500,) if patient else (2000,)
        turns = [Turn(0, "caller", 1000, ends[0], "well", "well")]
        turns += [] if patient else [Turn(2, "caller", 3500, 4000, "blue", "blue")]
        return Replay(SILENCE, SILENCE, [Pause(1000, 1080)], [], turns, [])

    assert cuts_off(repeat(label, NOW), 1000)
    assert tune(NOW, [label], repeat)[1].settings == NOW  # one may be chance
    outcomes, chosen = tune(NOW, [label, replace(label, call_id="d", recording="d.wav")], repeat)
    assert chosen.settings == Settings(0.5, "duck", 375, 1650)
    assert [one.cut_offs for one in outcomes] == [2, 0, 0, 0]


def test_tune_proposes_for_each_trunk_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call = trunk(tmp_path, "noisy", voice=1.0, noise=1500, bed=60)
    write(call, tmp_path / "labels")
    tuned = ["tune", "--labels", "labels", "--fast", "--by", "trunk"]
    assert "keep what you have: 3 of 3 as marked; nothing else is two decisions better" in (
        CliRunner().invoke(cli, tuned).stdout
    )
    write([replace(label, call_id=f"c{number}") for number in range(MANY) for label in call], tmp_path / "labels")
    told = CliRunner().invoke(cli, [*tuned, "--plot", "tune.svg"])
    assert told.exit_code == 0, told.output
    assert "trunk noisy" in told.stdout
    assert "[hearing] sensitivity = 0." in told.stdout
    assert "<svg" in Path("tune.svg").read_text()


def test_worse_weights_are_a_regression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(trunk(tmp_path, "call", voice=1.0, noise=30, bed=15), tmp_path / "labels")
    arrays = dict(load_weights())
    arrays["out.w"], arrays["out.b"] = 0 * arrays["out.w"], arrays["out.b"] - 20  # never evidence of a voice
    np.savez(tmp_path / "worse.npz", **arrays)
    arguments = ["replay", "--labelled", "labels", "--fast", "--fail-on-regression", "--weights"]
    good = CliRunner().invoke(cli, [*arguments, str(WEIGHTS / "detector.npz")])
    assert (good.exit_code, "3 of 3 as marked, 0 regressions" in good.stdout) == (0, True), good.output
    worse = CliRunner().invoke(cli, [*arguments, "worse.npz"])
    assert (worse.exit_code, "REGRESSION" in worse.stdout) == (1, True), worse.output
