"""Mistakes in a flow that would pass unnoticed until a caller meets them: each is a line of its own, with the place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bargein.dialogue.flow import load
from bargein.errors import UserError

from .flows import write

FLOW = """\
slots:
  mug: {choices: [red, blue]}
steps:
  a: {ask: "Which?", slot: mug, next: b}
  b:
    say: Thank you.   # two spaces make a comment
    hangup: yes
"""
TIMES = "{type: time, earliest: '17:00', latest: '09:00'}"
DAYS = "{type: date, earliest: 30 days, latest: tomorrow}"


def refusal(tmp_path: Path, old: str, new: str) -> str:
    """What is said of FLOW with `new` in place of `old`."""
    assert old in FLOW
    with pytest.raises(UserError) as error:
        load(write(tmp_path, FLOW.replace(old, new)))
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("[red, blue]", "[red, red]", 2, "the choice 'red' appears here for the second time"),
        (
            "[red, blue]",
            "{red: {also: [wine]}, blue: {also: [wine]}}",
            2,
            "'wine' stands for 'red' and for 'blue'",
        ),
        ("{choices: [red, blue]}", TIMES, 2, "latest: 09:00 is before earliest: 17:00"),
        ("{choices: [red, blue]}", DAYS, 2, "latest: tomorrow is before earliest: 30 days"),
        ("next: b", "next: [{when: 'mug == \"bleu\"', go: b}, b]", 4, "did you mean 'blue'"),
        ("next: b", 'next: [{when: \'mug in ("red", "green")\', go: b}, b]', 4, "slot 'mug' has no choice 'green'"),
        ("say: Thank you.", "say: Press # now", 6, "the text ends before #"),
        ("say: Thank you.", "say: !wow", 6, "has to be in quotes"),
        ("steps:", "answers: [{match: [], say: x}]\nsteps:", 3, "match: needs at least one phrase"),
        ("steps:", "answers: [{match: [''], say: x}]\nsteps:", 3, "fits whatever the caller says"),
        ("steps:", "answers: [{match: ['[how much]'], say: x}]\nsteps:", 3, "fits whatever the caller says"),
    ],
)
def test_it_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    told = refusal(tmp_path, old, new)
    assert re.search(words.replace("(", r"\("), told)
    assert f"flow.yaml:{line}: " in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("next: b", "lisen: yes, next: b", 4, "'lisen' is no key of a step; there are say, "),
        ("next: b", "optinal: yes, next: b", 4, "'optinal' is no key of a step; did you mean 'optional'?"),
        ("next: b", "next: bb", 4, "step 'a' leads to 'bb', and there is no such step; did you mean 'b'?"),
        ("slot: mug,", "slot: mugg,", 4, "step 'a': there is no slot 'mugg'; did you mean 'mug'?"),
        ("{choices: [red, blue]}", "{type: dat}", 2, "'dat' is no type of a slot; did you mean 'date'?"),
        ("steps:", "start: c\nsteps:", 3, "start: there is no step 'c'; there are a, b"),
        ("say: Thank you.", "say: 'Wait {queue.wat} minutes.'", 6, "{queue.wat}: there is no such fact of the queue; "),
    ],
)
def test_a_name_that_does_not_exist_is_named_with_those_that_do(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    told = refusal(tmp_path, old, new)
    assert any(f"flow.yaml:{line}: {words}" in said for said in told.splitlines())


def test_a_key_that_does_not_exist_hides_no_step_that_does_not(tmp_path: Path) -> None:
    told = refusal(tmp_path, "next: b", "lisen: yes, next: c")
    assert "'lisen' is no key" in told
    assert "step 'a' leads to 'c', and there is no such step" in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("say: Thank you.", "say: 'Press # now.'"),
        ("say: Thank you.", "say: We are no. 1."),
        ("say: Thank you.", "say: Thank you. # one space, but the sentence is whole"),
        ("next: b", "next: [{when: 'mug == \"\"', go: b}, b]"),
        ("next: b", "next: [{when: 'caller == \"red wine\"', go: b}, b]"),
        ("{choices: [red, blue]}", "{type: date, earliest: today, latest: 2020-01-01}"),
    ],
)
def test_what_may_be_meant_is_no_mistake(tmp_path: Path, old: str, new: str) -> None:
    load(write(tmp_path, FLOW.replace(old, new)))
