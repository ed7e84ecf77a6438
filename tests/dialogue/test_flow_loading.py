"""What the loader of flows says of mistakes, and which flows come with bargein."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.dialogue.dialogues import find
from bargein.dialogue.expression import Condition
from bargein.dialogue.flow import load
from bargein.dialogue.flow.prompts import known_sentences
from bargein.dialogue.languages import load as load_language
from bargein.errors import UserError

from .flows import BLUE, LIST, PAY, write


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("steps:\n  a:\n    say: Hi\n    next: b\n", 2, "'b'"),
        ("steps:\n  a:\n    sya: Hi\n", 3, "did you mean 'say'"),
        ("stesp: {}\n", 1, "did you mean 'steps'"),
        ("steps:\n  a: {say: Hi}\n", 2, "leads nowhere"),
        ("steps:\n  a: {say: 'Hi {nam}', hangup: }\n", 2, "'nam'"),
        ("steps:\n  a: {say: 'Hi {', hangup: }\n", 2, "single '{'"),
        ("steps:\n  a:\n    next:\n      - {when: 'a(1)', go: a}\n      - a\n", 4, "may not stand"),
        ("steps:\n  a: {ask: 'Who?', next: a}\n", 2, "for what"),
        ("steps:\n  a: {hangup: }\n  b: {hangup: }\n", 3, "reached from nowhere"),
        ("steps:\n  a: {say: x, next: b}\n  b: {say: y, next: a}\n", 2, "without ever listening"),
        ("slots:\n  s: {type: colour}\nsteps:\n  a: {hangup: }\n", 2, "'colour'"),
        ("slots:\n  s: {choices: {a: {digit: 1}, b: {digit: 1}}}\nsteps:\n  a: {hangup: }\n", 2, "the digit 1"),
        (
            "slots:\n  s: {choices: {a: {price: x}, b: }}\nsteps:\n  a: {say: '{s.price}', hangup: }\n",
            4,
            "has no 'price'",
        ),
        ("steps:\n  a: {wav: none.wav, hangup: }\n", 2, "there is no file none.wav"),
        ("hours: {mon: 9-5}\nsteps:\n  a: {hangup: }\n", 1, "09:00-17:30"),
        ("timezone: Mars\nhours: {mon: 09:00-10:00}\nsteps:\n  a: {hangup: }\n", 1, "Europe/Berlin"),
        ("language: xx\nsteps:\n  a: {hangup: }\n", 1, "'xx'"),
        ("steps:\n  a: {hangup: }\n  a: {hangup: }\n", 3, "second time"),
        ("steps:\n  a: [\n", 3, "not YAML"),
        ("steps:\n  a: {say: x, webhook: {url: 'file:///etc'}, hangup: }\n", 2, "http"),
        ("steps:\n  a: {ask: Q, menu: [x], on: {corect: a}, next: a}\n", 2, "did you mean 'correct'"),
        ("- a\n", 1, "slots: and steps:"),
        ("", 1, "steps"),
    ],
)
def test_complaints_name_the_line_and_the_mending(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserError) as error:
        load(path)
    assert error.value.exit_code == 2
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load(tmp_path / "none.yaml")


def test_includes_are_merged(tmp_path: Path) -> None:
    write(tmp_path, "steps:\n  more: {hangup: }\n", "more.yaml")
    assert set(load(write(tmp_path, "include: more.yaml\nsteps:\n  a: {say: x, next: more}\n")).steps) == {"a", "more"}
    write(tmp_path, "include: flow.yaml\nsteps:\n  more: {hangup: }\n", "more.yaml")
    with pytest.raises(UserError):
        load(tmp_path / "flow.yaml")


def test_shipped_flows_are_good_and_their_prompts_known() -> None:
    folder = find("shop").parent
    for path in folder.glob("*.yaml"):
        flow = load(path)
        assert known_sentences(flow, load_language(flow.language).sayings)
    assert {LIST, BLUE, PAY, "Sure, take your time."} <= set(
        known_sentences(load(find("shop")), load_language("en").sayings)
    )


def test_what_is_not_filled_is_in_nothing() -> None:
    assert not Condition('size in ("small")').holds(lambda name: "")
    assert Condition('size in ("small")').holds(lambda name: "small")


def test_a_wav_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_text("text")
    (tmp_path / "flow.yaml").write_text("steps:\n  a:\n    wav: no.wav\n    hangup:\n")
    with pytest.raises(UserError, match=r"flow.yaml:3: .*not a WAV file"):
        load(tmp_path / "flow.yaml")
