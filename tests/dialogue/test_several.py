"""Several answers in one utterance fill the slots of the next steps, and only those that are certain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bargein.core.language.several import clauses, may_be_name, when_and_rest
from bargein.core.turns.records import CallInfo
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.dialogue.webhook import Webhooks
from bargein.offline.text_call import TextCall

from .flows import call_of, write

BOOKS = """
language: LANGUAGE
queue: support
slots:
  who: {type: name}
  day: {type: date}
  at: {type: time, earliest: "09:00", latest: "21:00"}
  people: {type: number, min: 1, max: 12}
  room: {choices: {inside: {also: [drinnen]}, terrace: {}}}
  phone: {type: phone}
steps:
  a: {ask: "Who?", slot: who, next: b}
  b: {ask: "Day?", slot: day, next: c}
  c: {ask: "Time?", slot: at, next: d}
  d: {ask: "How many?", slot: people, next: e}
  e: {ask: "Where?", slot: room, next: f}
  f: {ask: "Number?", slot: phone, next: check}
  check: {ask: "Right?", confirm: [who, day, at, people, room, phone], next: end}
  end: {say: "Booked.", hangup: yes}
"""
FRIDAY = {"day": "2026-12-04"}
ONCE = {
    "en": {
        "My name is Jones and I'd like to come on Friday at ten.": {"who": "Jones", **FRIDAY, "at": "10:00"},
        "Jones, on Friday at half past ten": {"who": "Jones", **FRIDAY, "at": "10:30"},
        "my name is Jones, table for two, inside please": {"who": "Jones", "people": "2", "room": "inside"},
        "Hi, this is Jones, I need a table for 4 at 7 pm on December 5": {
            "who": "Jones", "day": "2026-12-05", "at": "19:00", "people": "4",
        },
        "I'd like a table for four on Friday at seven pm": {**FRIDAY, "at": "19:00", "people": "4"},
        "my name is Jones and my number is 555 0104": {"who": "Jones"},
        "my name is Jones, on Friday or Saturday": {"who": "Jones"},
        "my name is Jones, on Friday at ten or eleven": {"who": "Jones"},
        "my name is Jones, two adults and two children": {"who": "Jones"},
        "my name is Jones, for forty people": {"who": "Jones"},
        "my name is Friday": {"who": "Friday"},
        "April Jones": {"who": "April Jones"},
        "Jones": {"who": "Jones"},
        "my name is Jones, not on Friday": {},
        "table for two": {},
        "at least two": {},
    },
    "de": {
        "Mein Name ist Schmidt und ich möchte am Freitag um zehn kommen": {"who": "Schmidt", **FRIDAY, "at": "10:00"},
        "Ich hätte gern einen Tisch für vier am Freitag um 19 Uhr": {**FRIDAY, "at": "19:00", "people": "4"},
        "ich heiße Schmidt, für zwei Personen, drinnen": {"who": "Schmidt", "people": "2", "room": "inside"},
        "Guten Tag, mein Name ist Schmidt, am 5. Dezember um halb acht abends": {
            "who": "Schmidt", "day": "2026-12-05", "at": "19:30",
        },
        "am Freitag oder Samstag, mein Name ist Schmidt": {"who": "Schmidt"},
    },
}  # fmt: skip


async def asked(tmp_path: Path, flow: str, *said: str, **options: object) -> TextCall:
    call = call_of(load(write(tmp_path, flow)), now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC), **options)
    await call.start()
    for words in said:
        await call.says(words)
    return call


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in ONCE.items() for said in texts])
async def test_what_is_certain_is_taken(tmp_path: Path, language: str, said: str) -> None:
    call = await asked(tmp_path, BOOKS.replace("LANGUAGE", language), said)
    assert call.planner.progress.slots == ONCE[language][said]


async def test_only_what_is_missing_is_asked_for_and_all_is_confirmed(tmp_path: Path) -> None:
    flow = BOOKS.replace("LANGUAGE", "en").replace('ask: "Right?"', 'ask: "{who}, {people}, {day}, {at}. Right?"')
    call = await asked(tmp_path, flow, "My name is Jones, for two, on Friday at ten")
    assert call.last.text == "Where?"
    await call.says("inside")
    assert (await call.says("555 0104")).text == "Jones, 2, Friday, December 4, 10 AM. Right?"
    assert (await call.says("no, on Saturday")).text.endswith("Jones, 2, Saturday, December 5, 10 AM. Right?")
    assert (await call.says("yes")).text == "Booked."


UNCONFIRMED = """
queue: support
slots:
  mug: {choices: {red: {}, blue: {}}}
  day: {type: date}
  home: {type: date}
  code: {type: digits, length: 4}
  count: {type: number}
steps:
  a: {ask: "Which?", slot: mug, next: b}
  b: {ask: "Day?", slot: day, next: c}
  c: {ask: "Count?", slot: count, next: end}
  end: {say: "Done.", hangup: yes}
  u: {ask: "Back?", slot: home, next: v}
  v: {ask: "Code?", slot: code, next: end}
"""


async def test_what_no_step_confirms_is_said_back_at_once(tmp_path: Path) -> None:
    call = await asked(
        tmp_path, UNCONFIRMED.replace("next: end}\n  end", "next: u}\n  end").replace("next: c", "next: c")
    )
    answer = await call.says("a blue one on Friday")
    assert answer.text == "Day?"  # two days are asked for: which is it?
    call = await asked(tmp_path, UNCONFIRMED.split("  u:")[0].replace("  home: {type: date}\n", ""))
    assert (await call.says("a blue one on Friday")).text == "Okay, Friday, December 4. Count?"


async def test_a_webhook_runs_in_its_place_and_nothing_behind_it_is_filled(tmp_path: Path) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        return httpx.Response(200, json={})

    flow = """
queue: support
slots: {who: {type: name}, day: {type: date}, at: {type: time}}
steps:
  a: {ask: "Who?", slot: who, next: b}
  b: {ask: "Day?", slot: day, next: look}
  look: {webhook: {url: "https://x.example/{day.value}"}, next: c}
  c: {ask: "Time?", slot: at, next: end}
  end: {say: "Done.", hangup: yes}
"""
    webhooks = Webhooks(httpx.MockTransport(answer))
    call = await asked(tmp_path, flow, "my name is Jones, on Friday at 10:30", webhooks=webhooks)
    assert call.last.text.endswith("Time?")
    assert call.planner.progress.slots == {"who": "Jones", **FRIDAY}
    assert sent == ["https://x.example/2026-12-04"]


@pytest.mark.parametrize(
    ("said", "number"), [("555 0142 at half past three", "5550142"), ("yes, at half past three", "+15550100")]
)
async def test_a_number_and_a_time_for_a_call_back(said: str, number: str) -> None:
    call = call_of(load(find("callback")), info=CallInfo("1", caller="+15550100", variables={"returned": "1"}))
    await call.start()
    await call.says("call me back")
    assert (await call.says(said)).text.endswith("at 3:30 PM. Is that right?")
    assert call.planner.progress.slots == {"number": number, "at": "15:30"}


def test_parts_of_a_sentence() -> None:
    phrases = load_language("en")
    assert clauses("Jones, and a table for two at 10:30.", phrases) == ["Jones", "a table for two at 10:30"]
    told = when_and_rest("for four on Friday at seven", phrases)
    assert (told.when, told.rest, told.doubtful) == (("on friday", "at seven"), "for four", False)
    assert when_and_rest("by Friday", phrases).doubtful
    assert may_be_name("Miller", phrases)
    assert not any(may_be_name(part, phrases) for part in ("hello", "Friday", "two people"))
