"""Measures of turn-taking, on two sides whose speech is known."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from bargein.cli import cli
from bargein.offline.measures import measure, spoken

RATE = 8


def side(seconds: int, *spans: tuple[int, int]) -> np.ndarray:
    """Faint noise, and loud noise in these spans of ms."""
    dice = np.random.default_rng(len(spans))
    pcm = dice.normal(0, 10, seconds * 1000 * RATE)
    for begin, end in spans:
        pcm[begin * RATE : end * RATE] += dice.normal(0, 3000, (end - begin) * RATE)
    return pcm.astype(np.int16)


def test_when_somebody_speaks() -> None:
    assert spoken(side(10, (1000, 2000), (2100, 3000), (5000, 5040), (7000, 9000))) == [(1000, 3000), (7000, 9000)]
    assert spoken(side(3)) == []


def test_what_is_measured() -> None:
    caller = side(40, (2000, 4000), (12000, 12400), (22000, 26000), (33000, 34000))
    agent = side(40, (1000, 2300), (4700, 8000), (9000, 12300), (13000, 15000), (20000, 30000), (34600, 36000))
    found = measure(caller, agent)
    assert found.interruptions == 2
    assert found.yields_ms == (300,)
    assert found.talked_through == 1  # at 22 s
    assert found.false_stops == 1  # the brief sound at 12 s
    assert found.talk_over_ms == 300 + 300 + 4000
    assert found.answers_ms == (700, 600, 600)
    assert (found.dead_airs, found.dead_air_ms, found.longest_silence_ms) == (3, 5000 + 3000 + 4000, 5000)


def test_measure_prints_who_yielded_and_how_long_both_spoke(tmp_path: Path) -> None:
    both = np.stack([side(5, (1000, 3000)), side(5, (0, 1400))], axis=1)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(both.astype("<i2").tobytes())
    told = CliRunner().invoke(cli, ["measure", str(tmp_path), "--csv"]).stdout.splitlines()
    row = dict(zip(told[0].split(","), told[1].split(","), strict=True))
    assert (row["interruptions"], row["yield_median_ms"], row["talk_over_ms"]) == ("1", "400", "400")
    swapped = CliRunner().invoke(cli, ["measure", str(tmp_path), "--agent", "left"]).stdout
    assert "0 of 0" in swapped
