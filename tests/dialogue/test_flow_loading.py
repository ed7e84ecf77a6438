"""What the loader of flows says of mistakes, and which flows come with bargein."""

from __future__ import annotations

import wave
from datetime import UTC, datetime, timedelta
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
        ("steps:\n  a:\n    next:\n      - {when: 'a(1)', go: a}\n      - a\n", 4, "is not allowed in a condition"),
        ("steps:\n  a: {ask: 'Who?', next: a}\n", 2, "for what"),
        ("steps:\n  a: {hangup: }\n  b: {hangup: }\n", 3, "reached from nowhere"),
        ("steps:\n  a: {ask: Q, menu: [x], next: again}\n  again: {hangup: }\n", 3, "rename it"),
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


MANY = """slots:
  s: {type: colour}
  t: {type: digits, earliest: today}
steps:
  a:
    say: "Hi {nam}"
    sya: x
    next: b
  c:
    say: "Bye {"
    hangup:
  d: {ask: "Which", slot: s, next: nowhere}
intents:
  x: {match: "(a", go: a}
  y: {match: "b", go: zz}
hours: {mon: 9-5}
failed: never
"""


def test_all_faults_are_named_at_once_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, MANY)
    with pytest.raises(UserError) as error:
        load(path)
    lines = str(error.value).split("\n")
    assert [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in lines] == [
        2, 3, 5, 6, 7, 10, 12, 14, 15, 16, 17,
    ]  # fmt: skip
    assert "nowhere" in lines[6]
    assert "'zz'" in lines[8]


def test_a_fault_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    more = write(tmp_path, "steps:\n  more:\n    hangp:\n", "more.yaml")
    with pytest.raises(UserError) as error:
        load(write(tmp_path, "include: more.yaml\nstrat: a\nsteps:\n  a: {say: x, next: more}\n"))
    assert [line.partition(": ")[0] for line in str(error.value).split("\n")] == [
        f"{tmp_path / 'flow.yaml'}:2",
        f"{more}:3",
    ]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_bytes(b"\xef\xbb\xbfsteps:\n  a: {hangup: }\n")
    assert load(tmp_path / "flow.yaml").start == "a"


def test_a_wav_without_sound_is_named(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "empty.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
    with pytest.raises(UserError, match=r"flow.yaml:2: .*holds no sound"):
        load(write(tmp_path, "steps:\n  a: {wav: empty.wav, hangup: }\n"))


WEEK = "hours: {%s}\ntimezone: UTC\nsteps:\n  a: {hangup: }\n"
MONDAY = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "open_on"),
    [
        ("mon", "0"),
        ("Monday", "0"),
        ("mon-fri", "01234"),
        ("mon–fri", "01234"),
        ("mon — fri", "01234"),
        ("monday to friday", "01234"),
        ("mon until wed", "012"),
        ('"wed, sat"', "25"),
        ('"mon and tue and wed"', "012"),
        ('"mon, wed-fri"', "0234"),
        ("sat-sun", "56"),
        ("fri-mon", "4560"),
        ("sat & sun", "56"),
        ("tues/thurs", "13"),
        ("daily", "0123456"),
        ("mo-fr", "01234"),
    ],
)
def test_days_of_business_hours(tmp_path: Path, key: str, open_on: str) -> None:
    hours = load(write(tmp_path, WEEK % f"{key}: '09:00-17:00'")).hours
    assert hours is not None
    assert {d for d in range(7) if hours.open(MONDAY + timedelta(days=d))} == set(map(int, open_on))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("monkey: 09:00-10:00", "not a day"),
        ("t: 09:00-10:00", "not a day"),
        ("24/7: 00:00-24:00", "daily: 00:00-24:00"),
        ("mon-wed-fri: 09:00-10:00", "two ends"),
        ("mon-wed: 09:00-10:00, wed: 11:00-12:00", "name each day once"),
        ('"mon, mon": 09:00-10:00', "twice"),
        ("mon: 22:00-06:00", "two spans"),
        ('mon: "closed, 09:00-10:00"', "or closed"),
        ('mon: "09:00-12:00, 11:00-13:00"', "overlap"),
        ("mon: nine to five", "09:00-17:30"),
        ('"2026-12-24": closed', "holidays:"),
        ("holidays: closed", "holidays:"),
    ],
)
def test_business_hours_that_cannot_be_read_are_a_complaint(tmp_path: Path, key: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(write(tmp_path, WEEK % key))


def test_hours_in_the_language_of_the_flow(tmp_path: Path) -> None:
    week = WEEK % "montag bis freitag: 09:00 bis 17:00, sa und so: closed"
    hours = load(write(tmp_path, "language: de\n" + week)).hours
    assert hours is not None
    assert [day for day, spans in hours.days.items() if spans] == [0, 1, 2, 3, 4]
    hours = load(write(tmp_path, "language: es\n" + WEEK % "lunes a viernes: 09:00 - 17:00")).hours
    assert hours is not None
    assert sorted(hours.days) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ('pin == "0042"', "42", False),
        ('pin == "42"', "0042", False),
        ('pin == "0042"', "0042", True),
        ("pin == 2", "2.0", True),
        ('pin == "12345678901234567890"', "12345678901234567891", False),
        ('pin == "1e3"', "1000", False),
        ('pin == "nan"', "nan", True),
        ("pin > 9", "10", True),
        ("pin < 10", "9", True),
        ('pin >= "2026-12-01"', "2026-11-30", False),
        ('pin < "09:30"', "09:00", True),
        ('pin in ("0042", "7")', "42", False),
        ('pin == "Red"', "red", True),
    ],
)
def test_conditions_compare_numbers_as_numbers_and_codes_as_text(condition: str, value: str, holds: bool) -> None:
    assert Condition(condition).holds(lambda name: value) is holds


@pytest.mark.parametrize(
    "slot",
    [
        "{type: date, min: 3}",
        "{type: number, length: 3}",
        "{type: digits, min: 5, max: 3}",
        "{type: date, earliest: soon}",
        "{type: time, earliest: '9'}",
    ],
)
def test_bounds_that_do_not_fit_the_type_are_a_complaint(tmp_path: Path, slot: str) -> None:
    with pytest.raises(UserError, match=r"flow.yaml:2:"):
        load(write(tmp_path, f"slots:\n  s: {slot}\nsteps:\n  a: {{hangup: }}\n"))


def test_a_secret_that_is_spoken_is_a_complaint(tmp_path: Path) -> None:
    slots = "slots:\n  pin: {type: digits, secret: yes}\n"
    text = slots + "steps:\n  a: {ask: 'P?', slot: pin, next: b}\n  b: {say: '{pin}', hangup: }\n"
    with pytest.raises(UserError, match=r"flow.yaml:5: .*secret"):
        load(write(tmp_path, text))
