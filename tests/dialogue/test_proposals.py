"""What callers propose in the shape of a question: "what about Friday?" is an answer, "what about parking?" is none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bargein.dialogue.flow import load

from .flows import call_of, write

ASKS = """
language: {language}
slots:
  it: {slot}
steps:
  ask: {{ask: "Well?", slot: it, next: end}}
  end: {{say: "Got {{it.value}}.", hangup: yes}}
"""
DAY, TIME, NUMBER = "{type: date}", "{type: time}", "{type: number}"
MUG = "{choices: {red: {value: red}, blue: {value: blue}}}"


async def answer(tmp_path: Path, slot: str, said: str, language: str) -> str:
    flow = load(write(tmp_path, ASKS.format(slot=slot, language=language)))
    call = call_of(flow, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    return (await call.says(said)).text


@pytest.mark.parametrize(
    ("language", "slot", "said", "value"),
    [
        ("en", DAY, "what about Friday?", "2026-12-04"),
        ("en", DAY, "and how about next Friday", "2026-12-04"),
        ("en", TIME, "what about 4 pm?", "16:00"),
        ("en", DAY, "what about the 5th of December?", "2026-12-05"),
        ("en", NUMBER, "what about two?", "2"),
        ("en", NUMBER, "how about a dozen", "12"),
        ("en", MUG, "what about blue", "blue"),
        ("en", MUG, "and what about the blue one?", "blue"),
        ("en", MUG, "can I have the blue one?", "blue"),
        ("de", DAY, "was ist mit Freitag?", "2026-12-04"),
        ("de", DAY, "den 24.12.", "2026-12-24"),
        ("es", DAY, "¿qué tal el viernes?", "2026-12-04"),
        ("fr", DAY, "que diriez-vous de vendredi ?", "2026-12-04"),
        ("it", DAY, "che ne dice di venerdì?", "2026-12-04"),
        ("nl", DAY, "wat dacht u van vrijdag?", "2026-12-04"),
        ("pt", DAY, "que tal sexta?", "2026-12-04"),
    ],
)
async def test_a_proposal_is_taken(tmp_path: Path, language: str, slot: str, said: str, value: str) -> None:
    assert await answer(tmp_path, slot, said, language) == f"Got {value}."


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        (DAY, "what about parking on Friday?"),
        (DAY, "what about Friday opening hours?"),
        (NUMBER, "what about two factor authentication?"),
        (NUMBER, "what about two day delivery?"),
        (DAY, "what about the warranty?"),
        (DAY, "what happens on Friday?"),
        (MUG, "what about the price of the blue one?"),
        (MUG, "what about blue postage?"),
        (MUG, "what is the blue one like?"),
        (MUG, "what about not blue"),
    ],
)
async def test_a_question_is_not(tmp_path: Path, slot: str, said: str) -> None:
    assert not (await answer(tmp_path, slot, said, "en")).startswith("Got")


async def test_a_question_about_a_day_is_no_proposal_in_german(tmp_path: Path) -> None:
    assert not (await answer(tmp_path, DAY, "was ist mit Sonntag geöffnet?", "de")).startswith("Got")


@pytest.mark.parametrize(
    ("language", "said", "value"),
    [
        ("en", "the red one I don't like, the blue one", "blue"),
        ("de", "red gefällt mir nicht, blue", "blue"),
        ("nl", "red niet, blue", "blue"),
        ("en", "red, not blue", "red"),
        ("en", "red, not in the blue", "red"),
        ("en", "red, not for a blue", "red"),
        ("en", "red, I don't want to be in the blue", "red"),
        ("de", "red nicht mit der blue", "red"),
        ("fr", "red, pas dans la blue", "red"),
        ("es", "red, no en la blue", "red"),
        ("it", "red, non con la blue", "red"),
        ("nl", "red, niet in de blue", "red"),
        ("pt", "red, não com a blue", "red"),
        ("en", "the red one not the blue one", "red"),
        ("de", "red nehme ich, nicht blue", "red"),
    ],
)
async def test_a_choice_that_is_denied_behind_it_is_not_taken(
    tmp_path: Path, language: str, said: str, value: str
) -> None:
    assert await answer(tmp_path, MUG, said, language) == f"Got {value}."


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "red if there is no blue"),
        ("en", "blue unless there is a red one"),
        ("de", "red mag ich nicht das blue"),
        ("de", "red wenn es kein blue gibt"),
    ],
)
async def test_where_the_denied_choice_is_not_clear_the_agent_asks(tmp_path: Path, language: str, said: str) -> None:
    assert not (await answer(tmp_path, MUG, said, language)).startswith("Got")
