"""Slots of every type in a call: what is taken, what is asked back, what is kept until the rest comes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import Expected
from bargein.dialogue.flow import FlowPlanner, load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import call_of, write

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)  # a Saturday

ONE = """
{top}
slots:
  it: {slot}
steps:
  ask: {{ask: "Which?", slot: it, next: end}}
  end: {{say: "Got {{it}}.", hangup: yes}}
"""


async def asked(tmp_path: Path, slot: str, top: str = "", now: datetime = NOW) -> TextCall:
    call = call_of(load(write(tmp_path, ONE.format(slot=slot, top=top))), now=lambda: now)
    await call.start()
    return call


@pytest.mark.parametrize(
    ("slot", "said", "value"),
    [
        ("{type: number}", "1,200", "it=1200"),
        ("{type: digits}", "(555) 010-4278", "it=5550104278"),
        ("{type: phone}", "plus four nine thirty 1234567", "it=+49301234567"),
        ("{type: date}", "May I come on Friday?", "it=2026-12-04"),
        ("{type: date}", "not Monday, Tuesday", "it=2026-12-01"),
        ("{type: digits}", "wait, it's four seven one", "it=471"),
        ("{type: digits}", "four seven, one moment, one", "it=471"),
        ("{type: digits, length: 7}", "five five five, hold on, oh one oh oh", "it=5550100"),
        ("{type: digits}", "four seven one, no, wait, four seven two", "it=472"),
        ("{type: number}", "three, wait, no, four", "it=4"),
        ("{type: number}", "two minutes", "it=2"),
        ("{type: date}", "Friday, no, hold on, Saturday", "it=2026-12-05"),
        ("{type: time}", "half past three in the afternoon", "it=15:30"),
        ("{type: time}", "wait, it's 16:30", "it=16:30"),
        ("{type: time, earliest: '12:00'}", "two minutes past four", "it=16:02"),
        ("{type: time, earliest: '09:00', latest: '17:00'}", "three", "it=15:00"),
        ("{type: name}", "this is Ada speaking", "it=Ada"),
        ("{type: name}", "it's Anna, A double N A", "it=Anna"),
        ("{type: name}", "that's M as in Mike, A for apple, Y", "it=May"),
        ("{type: name}", "J R R Tolkien", "it=J R R Tolkien"),
        ("{choices: [red, blue, green]}", "not red, blue", "it=blue"),
        ("{choices: [red, blue, green]}", "red, not blue", "it=red"),
        ("{choices: [red, blue, green]}", "blue, I mean red", "it=red"),
        ("{choices: [red, blue, green]}", "I don't want red, I want blue", "it=blue"),
        ("{choices: [red, blue, green]}", "hang on, the red one", "it=red"),
        ("{type: yes_no}", "yes, wait, no", "it=no"),
        ("{type: yes_no}", "one moment. Yes.", "it=yes"),
        ("{type: yes_no}", "no problem", "it=yes"),
        ("{type: yes_no}", "no, that's right", "it=yes"),
        ("{type: yes_no}", "certainly not", "it=no"),
    ],
)
async def test_a_clear_answer_is_taken(tmp_path: Path, slot: str, said: str, value: str) -> None:
    call = await asked(tmp_path, slot)
    end = await call.says(said)
    assert end.finish is not None
    assert end.finish.summary == value


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        ("{type: number}", "hold on five minutes"),
        ("{type: number}", "give me one second"),
        ("{type: number}", "three, wait"),
        ("{type: date}", "wait two days"),
        ("{type: yes_no}", "one moment, thank you"),
        ("{type: yes_no}", "one second, okay?"),
        ("{type: yes_no}", "no, wait"),
        ("{type: yes_no}", "hold on a second"),
    ],
)
async def test_how_long_to_wait_is_no_answer(tmp_path: Path, slot: str, said: str) -> None:
    call = await asked(tmp_path, slot)
    assert (await call.says(said)).text == "Sure, take your time."


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Einen Moment, es ist vier sieben eins."),
        ("es", "Espere, es cuatro siete uno."),
        ("fr", "Attendez, c'est quatre sept un."),
        ("it", "Un attimo, è quattro sette uno."),
        ("nl", "Een momentje, het is vier zeven een."),
        ("pt", "Espere, é quatro sete um."),
    ],
)
async def test_an_answer_behind_a_wait_is_taken_in_every_language(tmp_path: Path, language: str, said: str) -> None:
    call = await asked(tmp_path, "{type: digits}", f"language: {language}")
    end = await call.says(said)
    assert end.finish is not None
    assert end.finish.summary == "it=471"


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        ("{type: number}", "two or three"),
        ("{type: number}", "two and a half"),
        ("{type: number, max: 9}", "ninety"),
        ("{type: digits}", "4277 or 4278"),
        ("{type: phone}", "555 010 4278 extension 12"),
        ("{type: date}", "Monday or Tuesday"),
        ("{type: date}", "12/05/2027"),
        ("{type: date, earliest: today}", "yesterday"),
        ("{type: date, latest: 30 days}", "in eight weeks"),
        ("{type: date, latest: 2026-12-31}", "the fifth of May"),
        ("{type: time, earliest: '09:00', latest: '17:00'}", "8 pm"),
        ("{type: time}", "between three and four pm"),
        ("{type: name}", "no name"),
        ("{type: name}", "change the name"),
        ("{type: name}", "Smith or Smyth"),
        ("{choices: [red, blue]}", "red or blue"),
        ("{choices: [red, blue, green]}", "not red or blue"),
        ("{choices: [red, blue, green]}", "red blue"),
        ("{choices: [red, blue, green]}", "red, maybe blue"),
        ("{choices: [red, blue, green]}", "red? no"),
        ("{choices: [red, blue, green]}", "red isn't what I want"),
        ("{choices: [red, blue, green]}", "it can't be red"),
        ("{type: yes_no}", "I don't know"),
        ("{type: yes_no}", "yes and no"),
        ("{type: yes_no}", "yes, but not now"),
        ("{type: yes_no}", "I won't say yes"),
    ],
)
async def test_what_is_not_clear_is_asked_again(tmp_path: Path, slot: str, said: str) -> None:
    call = await asked(tmp_path, slot)
    answer = await call.says(said)
    assert answer.finish is None
    assert answer.text.endswith("Which?")


async def test_digits_in_several_turns_are_joined(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: digits, length: 8}")
    assert call.last.listen is not None
    assert call.last.listen.expects == Expected("digits", 8, 8)
    answer = await call.says("four seven one")
    assert answer.text == "I have 4 7 1, and then?"
    assert answer.says[0].question
    assert answer.listen is not None
    assert answer.listen.expects == Expected("digits", 5, 5)
    assert (await call.says("double eight two")).text == "I have 4 7 1, 8 8 2, and then?"
    assert (await call.says("oh five")).text == "Got 4 7 1, 8 8 2, 0 5."


async def test_a_caller_who_begins_again_or_says_all_of_it_is_understood(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: digits, length: 8}")
    await call.says("four seven one")
    assert (await call.says("four seven one eight two")).text == "I have 4 7 1, 8 2, and then?"
    assert (await call.says("four seven one eight two three five five")).text == "Got 4 7 1, 8 2 3, 5 5."


async def test_a_correction_of_the_beginning_replaces_it(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: digits, length: 4}")
    await call.says("four seven one")
    assert (await call.says("no, four seven two")).text == "I have 4 7 2, and then?"
    assert (await call.says("nine")).text == "Got 4 7 2 9."


async def test_too_many_digits_are_asked_for_anew(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: digits, length: 4}")
    await call.says("four seven one")
    assert (await call.says("eight two three")).text == "Sorry, that will not do. Which?"
    assert (await call.says("8 2 3 4")).text == "Got 8 2 3 4."


async def test_silence_after_half_a_number_asks_for_the_rest_and_then_gives_up(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: digits, length: 8}")
    await call.says("four seven one")
    assert (await call.silent()).text == "I have 4 7 1, and then?"
    await call.silent()
    assert (await call.silent()).finish is not None


async def test_the_half_of_the_day_is_asked_for(tmp_path: Path) -> None:
    call = await asked(tmp_path, "{type: time}")
    assert (await call.says("half past three")).text == "In the morning, or in the afternoon?"
    assert (await call.says("in the afternoon")).text == "Got 3:30 PM."


async def test_a_day_is_that_of_the_timezone(tmp_path: Path) -> None:
    evening = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)  # in Los Angeles still the 28th
    call = await asked(tmp_path, "{type: date}", "timezone: America/Los_Angeles", evening)
    end = await call.says("tomorrow")
    assert end.finish is not None
    assert end.finish.summary == "it=2026-11-29"


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("de", ("vier sieben eins", "zwo null drei fünf fünf"), "Ich habe 4 7 1, und dann?"),
        ("es", ("cuatro siete uno", "dos cero tres doble cinco"), "Tengo 4 7 1, ¿y después?"),
    ],
)
async def test_digits_are_joined_in_other_languages(
    tmp_path: Path, language: str, said: tuple[str, str], answer: str
) -> None:
    call = await asked(tmp_path, "{type: digits, length: 8}", f"language: {language}")
    assert (await call.says(said[0])).text == answer
    assert (await call.says(said[1])).text == "Got 4 7 1, 2 0 3, 5 5."


BOOKING = """
slots:
  who: {type: name}
  day: {type: date}
  phone: {type: phone}
  count: {type: number, called: [guests, people]}
steps:
  name: {ask: "Your name?", slot: who, next: day}
  day: {ask: "Which day?", slot: day, next: phone}
  phone: {ask: "Your number?", slot: phone, next: count}
  count: {ask: "How many?", slot: count, next: check}
  check:
    ask: "{who}, {day}, {phone}, {count}. Right?"
    confirm: [who, day, phone, count]
    next: end
  end: {say: Done., hangup: yes}
"""


async def booked(tmp_path: Path) -> TextCall:
    call = call_of(load(write(tmp_path, BOOKING)), now=lambda: NOW)
    await call.start()
    for said in ("Ada Lovelace", "Friday", "555 010 4278", "two"):
        await call.says(said)
    assert call.last.text == "Ada Lovelace, Friday, December 4, 5 5 5, 0 1 0, 4 2 7 8, 2. Right?"
    return call


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("the name", "Your name?"),
        ("my name", "Your name?"),
        ("the day", "Which day?"),
        ("the date is wrong", "Which day?"),
        ("the phone number", "Your number?"),
        ("change the phone number please", "Your number?"),
        ("the people", "How many?"),
        ("everything", "Your name?"),
    ],
)
async def test_what_should_i_change_takes_the_name_of_a_slot(tmp_path: Path, said: str, question: str) -> None:
    call = await booked(tmp_path)
    assert (await call.says("no")).text == "What should I change?"
    assert (await call.says(said)).text == f"Okay. {question}"


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("Tuesday", "Tuesday, December 1"),
        ("the day should be Tuesday", "Tuesday, December 1"),
        ("my name is Grace Hopper", "Grace Hopper"),
        ("the phone number is 555 010 9999", "9 9 9 9"),
        ("there are three people", " 3. Right?"),
    ],
)
async def test_what_should_i_change_takes_a_new_value(tmp_path: Path, said: str, part: str) -> None:
    call = await booked(tmp_path)
    await call.says("no")
    answer = await call.says(said)
    assert part in answer.text
    assert answer.text.endswith("Right?")
    assert (await call.says("yes")).finish is not None


async def test_what_should_i_change_is_asked_again_and_not_for_ever(tmp_path: Path) -> None:
    call = await booked(tmp_path)
    await call.says("no")
    assert (await call.says("the purple fish")).text == "Sorry, I did not get that. What should I change?"
    assert (await call.silent()).text.endswith("What should I change?")
    end = await call.says("gibberish words")
    assert end.finish is not None
    assert end.text == "I am having trouble with that. One moment, please."


@pytest.mark.parametrize("said", ["no, the phone number is 5 5 5", "no, my phone number is 5 5 5"])
async def test_half_a_number_at_the_confirmation_is_kept_and_the_rest_asked_for(tmp_path: Path, said: str) -> None:
    call = await booked(tmp_path)
    answer = await call.says(said)
    assert answer.text == "I have 5 5 5, and then?"
    assert (await call.says("yes")).text == "I have 5 5 5, and then?"  # this agrees to nothing
    assert "5 5 5, 9 9 9 9, 2. Right?" in (await call.says("9 9 9 9")).text
    assert (await call.says("yes")).finish is not None


@pytest.mark.parametrize("said", ["change the name", "the name is wrong", "I want to change my name"])
async def test_a_command_is_never_a_value(tmp_path: Path, said: str) -> None:
    call = await booked(tmp_path)
    assert (await call.says(said)).text == "Okay. Your name?"
    assert (await call.says(said)).text.endswith("Your name?")
    assert call.planner.state.values.get("who") is None  # type: ignore[attr-defined]


async def test_two_days_at_the_confirmation_ask_again(tmp_path: Path) -> None:
    call = await booked(tmp_path)
    answer = await call.says("no, Monday or Tuesday")
    assert answer.text.startswith("Sorry, I am not sure that I got that right.")
    assert "no, " not in answer.text


SECRET = """
slots:
  pin: {type: digits, length: 4, secret: yes}
  order: {type: digits, length: 4}
steps:
  pin: {ask: "Your PIN?", slot: pin, next: order}
  order: {ask: "Your order?", slot: order, next: end}
  end: {say: Done., hangup: yes}
"""


async def test_a_secret_is_in_no_summary_and_not_spoken(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, SECRET)))
    opening = await call.start()
    assert opening.listen is not None
    assert opening.listen.secret
    assert (await call.says("one two")).text == "And the rest, please?"
    answer = await call.says("three four")
    assert answer.listen is not None
    assert not answer.listen.secret
    end = await call.says("5678")
    assert end.finish is not None
    assert end.finish.summary == "order=5678"
    assert dict(call.planner.progress.slots) == {"order": "5678"}


async def test_how_far_the_caller_came_is_known_at_any_time(tmp_path: Path) -> None:
    planner = FlowPlanner(load(write(tmp_path, BOOKING)), CallInfo("c"), load_language("en"), now=lambda: NOW)
    call = TextCall(planner)
    await call.start()
    assert planner.progress.step == "name"
    await call.says("Ada Lovelace")
    await call.says("Friday")
    assert planner.progress.step == "phone"
    assert dict(planner.progress.slots) == {"who": "Ada Lovelace", "day": "2026-12-04"}
    assert planner.progress.summary == "who=Ada Lovelace, day=2026-12-04"


WHEN = """
slots:
  day: {type: date}
  hour: {type: time, earliest: "09:00", latest: "17:00"}
  guests: {type: number}
steps:
  day: {ask: "Day?", slot: day, next: hour}
  hour: {ask: "Time?", slot: hour, next: guests}
  guests: {ask: "Guests?", slot: guests, next: check}
  check: {ask: "{day.value} {hour.value} {guests.value}. Right?", confirm: [day, hour, guests], next: end}
  end: {hangup: yes}
"""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("no, tomorrow at five", "Okay. 2026-11-29 17:00 4. Right?"),
        ("no, at half past three", "Okay. 2026-11-30 15:30 4. Right?"),
        ("no, December 5", "Okay. 2026-12-05 10:00 4. Right?"),
        ("no, Tuesday", "Okay. 2026-12-01 10:00 4. Right?"),
        ("no, six guests", "Okay. 2026-11-30 10:00 6. Right?"),
        ("no, 2", "What should I change?"),
        ("no, Monday or Tuesday", "Sorry, I am not sure that I got that right. 2026-11-30 10:00 4. Right?"),
    ],
)
async def test_several_values_said_back_take_only_what_was_meant(tmp_path: Path, said: str, answer: str) -> None:
    call = call_of(load(write(tmp_path, WHEN)), now=lambda: NOW)
    await call.start()
    for text in ("Monday", "ten", "four"):
        await call.says(text)
    assert (await call.says(said)).text == answer
