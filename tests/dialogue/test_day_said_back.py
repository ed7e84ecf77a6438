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
