"""A day that is said back, and what callers make of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bargein.dialogue.flow import load

from .flows import call_of, write

BOOKS = """
queue: support
slots:
  day: {type: date}
steps:
  ask: {ask: "Which day?", slot: day, next: check}
  check: {ask: "{day}, is that right?", confirm: day, next: end}
  end: {say: "Booked.", hangup: yes}
"""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("no, the day after", "Okay. Saturday, December 5, is that right?"),
        ("no, a week later", "Okay. Friday, December 11, is that right?"),
        ("actually the day before", "Okay. Thursday, December 3, is that right?"),
        ("no, the following week", "Okay. Friday, December 11, is that right?"),
        ("yes, Friday", "Booked."),
        ("yes, next Friday", "Booked."),
    ],
)
async def test_it_is_moved_or_confirmed(tmp_path: Path, said: str, answer: str) -> None:
    call = call_of(load(write(tmp_path, BOOKS)), now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    assert (await call.says("Friday")).text == "Friday, December 4, is that right?"
    assert (await call.says(said)).text == answer


@pytest.mark.parametrize(
    ("language", "day", "moves", "tells"),
    [
        ("en", "Friday", "no, the day after", "yes, I leave the day after"),
        ("en", "Friday", "no, the day after please", "yes, because I'm away the day after"),
        ("de", "Freitag", "nein, den Tag danach", "ja, ich fahre den Tag danach weg"),
        ("es", "el viernes", "no, el día después", "sí, me voy el día después"),
        ("fr", "vendredi", "non, le lendemain", "oui, je pars le lendemain"),
        ("it", "venerdì", "no, il giorno dopo", "sì, parto il giorno dopo"),
        ("nl", "vrijdag", "nee, de dag erna", "ja, ik vertrek de dag erna"),
        ("pt", "sexta", "não, no dia seguinte", "sim, viajo no dia seguinte"),
    ],
)
async def test_a_yes_that_tells_of_the_day_after_moves_nothing(
    tmp_path: Path, language: str, day: str, moves: str, tells: str
) -> None:
    flow = load(write(tmp_path, f"language: {language}\n{BOOKS}"))
    for said, value in ((moves, "2026-12-05"), (tells, "2026-12-04")):
        call = call_of(flow, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
        await call.start()
        await call.says(day)
        await call.says(said)
        assert call.planner.progress.slots["day"] == value, said
