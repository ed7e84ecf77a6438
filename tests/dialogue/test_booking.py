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


@pytest.mark.parametrize(
    ("language", "answers", "said"),
    [
        ("en", ("Friday", "three"), "no, Saturday"),
        ("de", ("Freitag", "drei"), "nein, doch lieber Samstag"),
        ("es", ("viernes", "a las tres"), "no, el sábado"),
        ("fr", ("vendredi", "quinze heures"), "non, samedi"),
        ("it", ("venerdì", "alle tre"), "no, sabato"),
        ("nl", ("vrijdag", "drie uur"), "nee, zaterdag"),
        ("pt", ("sexta", "às três"), "não, no sábado"),
    ],
)
async def test_the_day_is_corrected_two_questions_later(
    tmp_path: Path, language: str, answers: tuple[str, ...], said: str
) -> None:
    flow = load(write(tmp_path, f"language: {language}\n{BOOKS}"))
    call = call_of(flow, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    for answer in answers:
        await call.says(answer)
    assert (await call.says(said)).text.endswith("How many?")
    assert call.planner.progress.slots["day"] == "2026-12-05"


@pytest.mark.parametrize(
    ("language", "answers", "said"),
    [
        ("en", ("Friday", "three"), "no, it's my birthday tomorrow"),
        ("en", ("Friday", "three"), "wrong number, I called on Monday"),
        ("de", ("Freitag", "drei"), "nein, ich komme morgen allein"),
        ("es", ("viernes", "a las tres"), "no, mañana voy solo"),
        ("fr", ("vendredi", "quinze heures"), "non, je viens seul demain"),
        ("it", ("venerdì", "alle tre"), "no, domani vengo da solo"),
        ("nl", ("vrijdag", "drie uur"), "nee, ik kom morgen alleen"),
        ("pt", ("sexta", "às três"), "não, amanhã vou sozinho"),
    ],
)
async def test_a_day_in_a_story_corrects_none(
    tmp_path: Path, language: str, answers: tuple[str, ...], said: str
) -> None:
    flow = load(write(tmp_path, f"language: {language}\n{BOOKS}"))
    call = call_of(flow, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    await call.start()
    for answer in answers:
        await call.says(answer)
    await call.says(said)
    assert call.planner.progress.slots["day"] == "2026-12-04"


@pytest.mark.parametrize(
    ("language", "said", "who"),
    [
        ("fr", "c'est Anne", "Anne"),
        ("it", "sono Anna", "Anna"),
        ("de", "ich bin die Anna", "Anna"),
        ("pt", "sou a Ana", "Ana"),
        ("es", "soy la Ana", "Ana"),
        ("nl", "ik ben de Vries", "de Vries"),
        ("it", "Otto Rossi", "Otto Rossi"),
        ("it", "no, siamo in cinque", ""),
        ("es", "somos cinco", ""),
        ("fr", "c'est combien ?", ""),
        ("fr", "non, c'est seize heures", ""),
    ],
)
async def test_a_name_in_the_words_of_a_question(tmp_path: Path, language: str, said: str, who: str) -> None:
    flow = "slots: {who: {type: name}}\nsteps:\n  a: {ask: Name?, slot: who, next: b}\n  b: {hangup: yes}\n"
    call = call_of(load(write(tmp_path, f"language: {language}\n{flow}".replace("Name?,", '"Name?",'))))
    await call.start()
    await call.says(said)
    assert call.planner.progress.slots.get("who", "") == who


async def test_okay_after_a_wait_agrees_to_nothing(tmp_path: Path) -> None:
    call = await booking(tmp_path, 5)
    await call.says("hold on")
    assert (await call.says("okay")).text == "Is that right?"
    await call.says("hold on")
    assert (await call.says("okay, yes")).text == "Booked."


async def test_the_number_is_that_of_the_telephone(tmp_path: Path) -> None:
    call = await booking(tmp_path, 5)
    assert (await call.says("the number is wrong")).text.endswith("What number?")


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
