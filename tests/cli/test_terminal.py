"""Text on a terminal: harmless, aligned, no wider than there is room."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargein.cli.render import interruption_lines
from bargein.cli.terminal import (
    Column,
    Screen,
    cells,
    folded,
    hidden_text,
    shorten,
    table,
    to_csv,
    to_json,
)
from bargein.core.language.neutral import neutral
from bargein.core.turns.records import Interruption
from bargein.view.wording import latency, length, position

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)


@given(ANY_TEXT)
def test_nothing_that_acts_is_left(text: str) -> None:
    clean = neutral(text)
    assert all(c == " " or c in "\u200c\u200d\ufffd" or c.isprintable() or c.isspace() for c in clean)
    assert not set(clean) & set("\x1b\x07\x08\r\n\t\x7f\x9b\u202a\u202e\u2066\u2069\u200e\u200f\u061c\ufeff\u2028")
    assert neutral(clean) == clean


def test_people_keep_their_names() -> None:
    for name in ("Zoë Müller", "田中さん", "שרה", "می‌خواهم", "O'Brien-Ñandú", "👩‍🚀"):
        assert neutral(name) == name


@given(ANY_TEXT, st.integers(0, 30), st.booleans())
def test_shortened_text_fits(text: str, width: int, keep_end: bool) -> None:
    assert cells(shorten(neutral(text), width, keep_end=keep_end)) <= max(width, 0)


def test_either_end_can_be_kept() -> None:
    assert shorten("the green mug", 8) == "the gre…"
    assert shorten("the green mug", 8, keep_end=True) == "…een mug"


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=5), st.integers(40, 120))
def test_tables_fit_and_align(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = [Column("a"), Column("b", flexible=True, optional=True), Column("c", right=True, optional=True)]
    lines = table(columns, rows, Screen(width))
    assert len(lines) == len(rows) + 1
    assert all(cells(line) <= width for line in lines)


def test_a_name_from_right_to_left_turns_no_column_around() -> None:
    rows = [["\u05d3\u05d5\u05d3", "700"]]
    [_, line] = table([Column("name"), Column("called")], rows, Screen(80))
    assert line == "\u200e\u05d3\u05d5\u05d3\u200e   700"
    assert cells(line) == 9
    [_, line] = table([Column("name"), Column("called")], rows, Screen())  # a program gets what the caller has
    assert "\u200e" not in line


@given(text=st.text("ab \u4e00", max_size=60), width=st.integers(10, 40))
def test_folded_text_has_every_word(text: str, width: int) -> None:
    lines = folded(text, width, 2)
    assert " ".join(lines).split() == text.split()
    assert all(cells(line) <= width or len(line.split()) == 1 for line in lines)


def test_a_table_gives_up_optional_columns_last_first() -> None:
    columns = [Column("id"), Column("name", flexible=True, optional=True), Column("note", optional=True)]
    rows = [["1" * 20, "n" * 30, "x" * 20]]
    assert table(columns, rows, Screen(80))[0].split() == ["id", "name", "note"]
    assert table(columns, rows, Screen(50))[0].split() == ["id", "name"]
    assert table(columns, rows, Screen(24))[0].split() == ["id"]
    spare = [Column("id"), Column("delay", spare=True), *columns[1:]]
    assert table(spare, [["1", "x" * 20, *row[1:]] for row in rows], Screen(50))[0].split()[:2] == ["id", "name"]
    assert hidden_text(columns, rows, Screen(80)) == hidden_text(columns, [], Screen(24)) == []
    assert hidden_text(columns, rows, Screen(50)) == ["", "not shown, the window is narrow: note"]
    assert hidden_text(columns, [["1" * 20, "n" * 30, ""]], Screen(40)) == hidden_text(columns, [], Screen(40))


@given(ANY_TEXT)
def test_json_loses_nothing_and_acts_on_nothing(text: str) -> None:
    told = to_json({"name": text})
    assert json.loads(told) == {"name": text}
    assert not set(told) & set("\x1b\x07\r\x7f\x9b\u202e\u2066\u2028")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("+4930 12", "+4930 12"), ("-1+cmd", "'-1+cmd"), ("a\nb", "a b"), ("é", "é")],
)
def test_a_csv_cell_starts_no_formula(cell: str, shown: str) -> None:
    assert to_csv(["x"], [{"x": cell}]) == ["x", shown]


def test_times_are_shown_in_the_unit_that_fits() -> None:
    assert [latency(ms) for ms in (None, 0, 84, 999, 1000, 1340)] == ["-", "0 ms", "84 ms", "999 ms", "1.0 s", "1.3 s"]
    assert [length(ms) for ms in (0, 59_400, 60_000, 65_000, 7_201_000)] == [
        "0 s", "59 s", "1:00 min", "1:05 min", "2:00:01 h",
    ]  # fmt: skip
    assert [position(ms) for ms in (0, 4120, 65_990)] == ["0:00.0", "0:04.1", "1:05.9"]


def test_no_escape_sequences_without_colour() -> None:
    plain, coloured = Screen(80, False), Screen(80, True)
    assert (plain.strike("x"), plain.dim("x"), plain.bold("x")) == ("~~x~~", "x", "x")
    assert coloured.strike("x") == "\x1b[9;2mx\x1b[0m"


@pytest.mark.parametrize("width", [70, 80, 120])
def test_a_false_interruption_fits_the_screen(width: int) -> None:
    cut = Interruption(
        "c-1", "c", 0, "greet", onset_ms=2700, paused_ms=2780, decided_ms=3100, silent_ms=2800, detect_latency_ms=80,
        stop_latency_ms=100, agent_text="Hello.", heard_text="", unheard_text="Hello.", cut_word="Hello", played_ms=190,
        kind="backchannel", caller_text="mm-hm", resolution="replanned",
    )  # fmt: skip
    lines = interruption_lines(cut, Screen(width))
    assert all(cells(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()).endswith("silent for 300 ms: the agent planned a new reply")
