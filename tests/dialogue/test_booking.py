"""A booking whose values are said back together: what is agreed to, corrected, and corrected late."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bargein.core.language.person_name import name_in
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import BLUE, call_of, write

BOOKS = """
queue: support
slots:
  day: {type: date}
  at: {type: time, earliest: "09:00", latest: "17:00"}
  people: {type: number, min: 1, max: 12}
  who: {type: name}
  phone: {type: phone}
steps:
  day: {ask: "Which day?", slot: day, next: at}
  at: {ask: "At what time?", slot: at, next: people}
  people: {ask: "How many?", slot: people, next: who}
  who: {ask: "What name?", slot: who, next: phone}
  phone: {ask: "What number?", slot: phone, next: check}
  check:
    say: "{people}, {day}, {at}, {who}."
    ask: Is that right?
    confirm: [day, at, people, who, phone]
    next: end
  end: {say: "Booked.", hangup: yes}
"""
ANSWERS = ["Friday", "three", "four", "Miller", "555 0104"]


async def booking(tmp_path: Path, answers: int) -> TextCall:
    call = call_of(load(write(tmp_path, BOOKS)), now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    for said in ANSWERS[:answers]:
        await call.says(said)
    return call


@pytest.mark.parametrize(
    "said",
    ["yes, that's right", "that's right", "it's correct", "that's fine", "yes, this is perfect", "it's all good"],
)
async def test_who_agrees_names_nobody(tmp_path: Path, said: str) -> None:
    call = await booking(tmp_path, 5)
    assert call.last.text == "4, Friday, December 4, 3 PM, Miller. Is that right?"
    assert (await call.says(said)).text == "Booked."


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("no, the name is Jo, J O", "Okay. 4, Friday, December 4, 3 PM, Jo. Is that right?"),
        ("no, my name is Miller", "4, Friday, December 4, 3 PM, Miller. Is that right?"),
        ("Saturday at four", "Okay. 4, Saturday, December 5, 4 PM, Miller. Is that right?"),
    ],
)
async def test_what_is_corrected(tmp_path: Path, said: str, answer: str) -> None:
    call = await booking(tmp_path, 5)
    assert (await call.says(said)).text.removeprefix("Okay. ") == answer.removeprefix("Okay. ")


async def test_the_day_is_corrected_where_the_time_is_asked_for(tmp_path: Path) -> None:
    call = await booking(tmp_path, 1)
    assert (await call.says("no, the 13th")).text == "Okay, Sunday, December 13. At what time?"
    assert (await call.says("no")).text.startswith("Sorry")


async def test_my_number_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    call = await booking(tmp_path, 4)
    assert (await call.says("I'd rather not give my number")).text.endswith("What number?")


async def test_a_choice_that_was_said_back_is_corrected_by_its_place() -> None:
    call = call_of(load(find("shop")))
    await call.start()
    await call.says("red")
    assert BLUE in (await call.says("no, the last one")).text


@pytest.mark.parametrize("said", ["that's right", "it's fine", "that's wonderful", "it's me", "yes, that's correct"])
def test_no_name(said: str) -> None:
    assert name_in(said, load_language("en")) == ""


@pytest.mark.parametrize(
    ("said", "name"), [("that's Ada", "Ada"), ("it's Will", "Will"), ("my name is Wright", "Wright")]
)
def test_a_name(said: str, name: str) -> None:
    assert name_in(said, load_language("en")) == name
