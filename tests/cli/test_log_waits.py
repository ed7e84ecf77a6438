"""The time before a reply, on the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from bargein.cli.render import interruption_lines, turn_lines
from bargein.cli.terminal import Screen
from bargein.core.turns.records import Interruption, Turn, Waits
from tests.cli.log_of_two import FIRST, LAST, run


def test_a_long_wait_is_shown_with_its_parts(runner: CliRunner) -> None:
    told = "└ the caller waited "
    assert told not in run(runner, "show", FIRST)
    (line,) = [line.strip() for line in run(runner, "show", LAST).splitlines() if told in line]
    assert line == f"{told}2.3 s: end of turn 600 ms, of it recognition 150 ms, planning 1.6 s, first synthesis 30 ms"


def test_the_waits_before_replies_are_counted_and_exported(runner: CliRunner) -> None:
    out = run(runner, "stats")
    table = out[out.index("before a reply") :].splitlines()[:6]
    assert [line.split("  ")[0] for line in table[1:]] == [
        "end of turn", "of it recognition", "planning", "first synthesis", "whole wait",
    ]  # fmt: skip
    assert table[5].split()[-4:] == ["700", "ms", "2.3", "s"]
    waits = json.loads(run(runner, "stats", "--json"))["waits"]
    assert waits[0] == {"name": "endpoint_ms", "count": 2, "median_ms": 600, "p95_ms": 600}
    turns = json.loads(run(runner, "show", LAST, "--json"))["turns"]
    assert [turn["wait_ms"] for turn in turns] == [None, None, 2300]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(runner: CliRunner, width: int) -> None:
    """The longest figures that usually occur."""
    cut = Interruption(
        "i", "c", 0, "offer", 2900, 3010, 4000, 3100, 110, 135, "", "", "", "dollars,", 0, "", evidence=1.0,
        kind="correct", resolution="replanned",
    )  # fmt: skip
    late = Turn(0, "agent", 0, 900, "Hello.", "Hello.", waits=Waits(1400, 1300, 1000, 1020, 12_300))
    lines = [*interruption_lines(cut, Screen(width=width)), *turn_lines(late, Screen(width=width))]
    assert max(map(len, lines)) <= width
