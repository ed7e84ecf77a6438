"""What is said beside a choice, a number or a yes, where several values are said back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import BLUE, call_of, write

ORDERS = """
queue: support
slots:
  top: {choices: {ham: {}, mushroom: {also: [mushrooms]}, tuna: {}}}
  count: {type: number, min: 1, max: 20}
  ref: {type: digits, length: 6}
  note: {type: text}
steps:
  a: {say: "We have ham, mushroom, and tuna.", ask: "Which?", slot: top, next: c}
  c: {ask: "How many?", slot: count, next: r}
  r: {ask: "Your number?", slot: ref, next: n}
  n: {ask: "Anything else?", slot: note, optional: yes, next: e}
  e: {say: "{count} {top}, {ref.value}.", ask: "Okay?", confirm: [top, count, ref], next: f}
  f: {say: "Done.", hangup: yes}
"""


async def order(tmp_path: Path, *said: str) -> TextCall:
    call = call_of(load(write(tmp_path, ORDERS)))
    await call.start()
    for words in said:
        await call.says(words)
    return call


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("that's the one", "Done."),
        ("yes, that one", "Done."),
        ("yes, the ham one", "Done."),
        ("yes, five", "Done."),
        ("yes but six", "Okay. 6 ham, 123456. Okay?"),
        ("two hams", "Okay. 2 ham, 123456. Okay?"),
        ("mushroom, six please", "6 mushroom, 123456. Okay?"),
        ("no, the tuna one", "5 tuna, 123456. Okay?"),
        ("right, ham, and six of them", "Sorry, I am not sure that I got that right. Okay?"),
        ("the number's wrong", "Okay. Your number?"),
        ("just one question", "Sure, how can I help?"),
    ],
)
async def test_where_values_are_said_back(tmp_path: Path, said: str, answer: str) -> None:
    call = await order(tmp_path, "ham", "five", "123456", "skip")
    assert call.last.text == "5 ham, 123456. Okay?"
    assert (await call.says(said)).text.removeprefix("Okay. ") == answer.removeprefix("Okay. ")


@pytest.mark.parametrize(("said", "note"), [("no", ""), ("nothing", ""), ("nope", ""), ("no onions", "no onions")])
async def test_nothing_is_no_note(tmp_path: Path, said: str, note: str) -> None:
    call = await order(tmp_path, "ham", "five", "123456", said)
    assert call.planner.progress.slots.get("note", "") == note
    assert call.last.text == "5 ham, 123456. Okay?"


async def test_stop_that_one_takes_the_choice_that_was_named(tmp_path: Path) -> None:
    call = await order(tmp_path)
    assert (await call.says("stop, that one", "ham, mushroom")).text == "How many?"
    assert call.planner.progress.slots == {"top": "mushroom"}
    assert (await (await order(tmp_path)).says("stop", "ham, mushroom")).text == "Sure, take your time."


@pytest.mark.parametrize("said", ["is tuna more expensive?", "is the ham spicy?"])
async def test_a_question_about_a_choice_takes_nothing(tmp_path: Path, said: str) -> None:
    call = await order(tmp_path)
    assert (await call.says(said)).text.endswith("Which?")
    assert call.planner.progress.slots == {}


async def shop(*said: str) -> TextCall:
    call = call_of(load(find("shop")))
    await call.start()
    for words in said:
        await call.says(words)
    return call


async def test_a_choice_that_is_said_again_is_right() -> None:
    assert (await shop("blue", "the blue one")).planner.state.step == "payment"
    assert (await shop("blue", "blue?")).planner.state.step == "order"
    assert BLUE in (await shop("red", "blue")).last.text


async def test_that_one_is_the_one_that_was_just_spoken_of() -> None:
    call = await shop("how much is the red one?", "I'll take that one")
    assert call.planner.progress.slots == {"mug": "red"}
    assert (await shop("I'll take that one")).planner.progress.slots == {}  # which of the three?


async def test_who_wants_to_ask_about_something_does_not_choose_it() -> None:
    call = await shop()
    answer = await call.says("actually I wanted to ask about delivery", "We have the red mug")
    assert answer.kind == "question"
    assert call.planner.progress.slots == {}


@pytest.mark.parametrize(
    ("said", "cut", "top"),
    [
        ("not this one, the next one", "We have ham", "mushroom"),
        ("no, not that, the next", "ham, mushroom", "tuna"),
        ("not this one, the next one", "mushroom, and tuna", ""),
        ("the next one", "We have ham", ""),
        ("next", "We have ham", ""),
    ],
)
async def test_not_this_one_the_next(tmp_path: Path, said: str, cut: str, top: str) -> None:
    call = await order(tmp_path)
    await call.says(said, cut)
    assert call.planner.progress.slots.get("top", "") == top


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "nicht diese, die nächste"),
        ("es", "no esa, la siguiente"),
        ("fr", "pas celle-là, la suivante"),
        ("it", "non questa, la prossima"),
        ("nl", "niet deze, de volgende"),
        ("pt", "não essa, a próxima"),
    ],
)
def test_the_next_one_in_every_language(language: str, said: str) -> None:
    assert load_language(language).matches("next_one", said)
    assert not load_language(language).matches("next_one", said.split(", ")[1])
