"""Several answers in one utterance fill the slots of the next steps, and only those that are certain."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bargein.core.language.several import AnswerAndWhen, answer_and_when, says_only_name
from bargein.core.turns.records import CallInfo
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
        "my name is Jones and I'd like to come on Friday at ten": {"who": "Jones", **FRIDAY, "at": "10:00"},
        "My name is Jones, on Friday at half past ten.": {"who": "Jones", **FRIDAY, "at": "10:30"},
        "Hi, my name is Jones and I'd like to come at 7 pm on December 5": {
            "who": "Jones", "day": "2026-12-05", "at": "19:00",
        },
        "my name is Jones, on Friday please": {"who": "Jones", **FRIDAY},
        "April Jones": {"who": "April Jones"},
        "Joe Friday": {"who": "Joe Friday"},
        "Friday": {"who": "Friday"},
        "my name is Friday": {"who": "Friday"},
        "Jones": {"who": "Jones"},
    },
    "de": {
        "mein Name ist Schmidt und ich möchte am Freitag um zehn kommen": {"who": "Schmidt", **FRIDAY, "at": "10:00"},
        "ich heiße Schmidt, am 5. Dezember um halb acht": {"who": "Schmidt", "day": "2026-12-05", "at": "19:30"},
        "Thomas Freitag": {"who": "Thomas Freitag"},
        "hier ist Herr Sonntag": {"who": "Herr Sonntag"},
    },
    "es": {"me llamo Ana y quiero venir el viernes a las diez": {"who": "Ana", **FRIDAY, "at": "10:00"}},
    "fr": {"je m'appelle Anne et je voudrais venir le vendredi à dix heures": {"who": "Anne", **FRIDAY, "at": "10:00"}},
    "it": {"mi chiamo Anna e vorrei venire il venerdì alle dieci": {"who": "Anna", **FRIDAY, "at": "10:00"}},
    "nl": {"mijn naam is Anna en ik wil graag op vrijdag om tien uur komen": {"who": "Anna", **FRIDAY, "at": "10:00"}},
    "pt": {"meu nome é Ana e gostaria de vir na sexta às dez": {"who": "Ana", **FRIDAY, "at": "10:00"}},
}  # fmt: skip
NOTHING = {
    "en": [
        "my name is Jones and I'm busy on Friday",
        "any day but Friday",
        "instead of Friday",
        "this is the second time I call",
        "I called twice on Friday",
        "my birthday is on March 3rd",
        "I'd like to cancel my booking on Friday at ten",
        "I was there last Friday",
        "I am at 7 Main Street",
        "I live at number 12",
        "on Friday at ten, actually eleven",
        "my name is Jones, on Friday at ten, actually eleven",
        "my name is Jones, at ten, no, eleven",
        "my name is Jones and I'd like to come on Friday, sorry, Saturday",
        "my name is Jones, not on Friday",
        "my name is Jones but on Friday",
        "my name is Jones, on Friday or Saturday",
        "my name is Jones, on Friday at ten or eleven",
        "my name is Jones, on Friday and five",
        "my name is Jones, on the 3rd",
        "my name is Jones, on last Friday",
        "my name is Jones, on Friday morning at seven",
        "my name is Jones, on Friday instead",
        "my name is Jones, on Friday and on Saturday",
        "my name is Jones and I was born on March 3rd",
        "my name is Jones, on Friday at ten?",
        "my name is Jones, at ten a week",
        "my name is Jones, on Friday at two tables",
        "call me on Friday at ten am",
    ],
    "de": ["ich rufe zum dritten Mal an", "mein Name ist Schmidt und am Freitag kann ich nicht"],
}


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


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in NOTHING.items() for said in texts])
async def test_nothing_is_filled_where_a_word_is_not_accounted_for(tmp_path: Path, language: str, said: str) -> None:
    call = await asked(tmp_path, BOOKS.replace("LANGUAGE", language), said)
    assert call.planner.progress.slots.keys() <= {"who"}  # a name is read as where nothing else is asked for
    assert not call.last.text.endswith("Time?")


async def test_only_what_is_missing_is_asked_for_and_all_is_confirmed(tmp_path: Path) -> None:
    flow = BOOKS.replace("LANGUAGE", "en").replace('ask: "Right?"', 'ask: "{who}, {people}, {day}, {at}. Right?"')
    call = await asked(tmp_path, flow, "My name is Jones, on Friday at ten")
    assert call.last.text == "How many?"
    for said in ("two", "inside"):
        await call.says(said)
    assert (await call.says("555 0104")).text == "Jones, 2, Friday, December 4, 10 AM. Right?"
    assert (await call.says("no, on Saturday")).text.endswith("Jones, 2, Saturday, December 5, 10 AM. Right?")
    assert (await call.says("yes")).text == "Booked."


CORRECTS = """
queue: support
slots: {day: {type: date}, at: {type: time}, more: MORE}
steps:
  a: {ask: "Day?", slot: day, next: b}
  b: {ask: "Time?", slot: at, next: c}
  c: {ask: "More?", slot: more, next: end}
  end: {say: "Done.", hangup: yes}
"""


@pytest.mark.parametrize("kind", ["{type: name}", "{type: number}", "{type: phone}", "{choices: {red: {}, blue: {}}}"])
@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("on Saturday at seven pm", ("2026-12-05", "19:00")),
        ("no, on Saturday at seven pm", ("2026-12-05", "19:00")),
        ("sorry, at seven pm", ("2026-12-04", "19:00")),
        ("no, Saturday", ("2026-12-05", "10:00")),
    ],
)
async def test_a_correction_is_said_back(tmp_path: Path, kind: str, said: str, new: tuple[str, str]) -> None:
    call = await asked(tmp_path, CORRECTS.replace("MORE", kind), "on Friday at ten am")
    assert call.last.text == "Okay, 10 AM. More?"
    answer = await call.says(said)
    assert call.planner.progress.slots == {"day": new[0], "at": new[1]}
    assert answer.text.startswith("Okay, ")
    assert answer.text.endswith("More?")


@pytest.mark.parametrize("kind", ["{type: yes_no}", "{type: callback}"])
async def test_a_correction_beside_a_question_for_yes_or_no(tmp_path: Path, kind: str) -> None:
    flow = CORRECTS.replace("MORE", kind)
    call = await asked(
        tmp_path, flow, "on Friday at ten am", "on Saturday at seven pm", info=CallInfo("1", caller="+15550100")
    )
    assert call.planner.progress.slots == {"day": "2026-12-05", "at": "19:00"}
    assert call.last.text.endswith("More?")


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("{type: number}", "at 12", "12"),
        ("{type: yes_no}", "no, on Saturday", "no"),
        ("{choices: {early: {also: [at ten]}, late: {}}}", "at ten", "early"),
    ],
)
async def test_what_may_answer_the_question_corrects_nothing(tmp_path: Path, kind: str, said: str, value: str) -> None:
    call = await asked(tmp_path, CORRECTS.replace("MORE", kind), "on Friday at nine am", said)
    assert call.planner.progress.slots == {**FRIDAY, "at": "09:00", "more": value}


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("{type: yes_no}", "yes, on Friday", "yes"),
        ("{type: yes_no}", "yes, Friday", "yes"),
        ("{type: yes_no}", "no, Friday", "no"),
        ("{type: phone}", "five five five oh one oh oh on Friday", "5550100"),
        ("{type: number, max: 10}", "eleven on Friday", ""),
        ("{type: number, max: 10}", "four, on Friday", "4"),
        ("{choices: {red: {}, blue: {}}}", "blue, on Friday", "blue"),
    ],
)
async def test_the_slot_that_is_asked_for_is_read_as_before(tmp_path: Path, kind: str, said: str, value: str) -> None:
    flow = """
queue: support
slots: {first: KIND, day: {type: date}}
steps:
  a: {ask: "First?", slot: first, next: b}
  b: {ask: "Day?", slot: day, next: end}
  end: {say: "Done.", hangup: yes}
"""
    call = await asked(tmp_path, flow.replace("KIND", kind), said)
    assert call.planner.progress.slots.get("first", "") == value
    if not value:
        assert call.last.text == f"{load_language('en').sayings['invalid']} First?"
    if "yes_no" in kind:
        assert call.last.text == "Day?"


@pytest.mark.parametrize(
    "step",
    [
        'b: {say: "Now the day.", ask: "Day?", slot: day, next: c}',
        "b: {set: {x: '1'}, next: day}",
        "b: {next: [{when: said, go: day}, end]}",
        "b: {call: other, next: day}",
        "b: {ask: 'Right?', confirm: who, next: day}",
        "b: {slot: day, ask: 'Code?', next: c}",
    ],
)
async def test_only_steps_that_will_surely_be_asked_count(tmp_path: Path, step: str) -> None:
    kind = "{type: date, secret: yes}" if "Code" in step else "{type: date}"
    flow = f"""
queue: support
slots: {{who: {{type: name}}, day: {kind}, at: {{type: time}}}}
steps:
  a: {{ask: "Who?", slot: who, next: b}}
  {step}
  day: {{ask: "Day?", slot: day, next: c}}
  c: {{ask: "Time?", slot: at, next: also}}
  also: {{next: [{{when: today, go: end}}, {{when: said, go: day}}, other]}}
  other: {{say: "So.", next: return}}
  end: {{say: "Done.", hangup: yes}}
"""
    call = await asked(tmp_path, flow, "my name is Jones, on Friday at ten am")
    assert call.planner.progress.slots.keys() <= {"who"}
    plain = flow.replace(step, "b: {ask: 'Day?', slot: day, next: c}")
    call = await asked(tmp_path, plain.replace("secret: yes", "secret: no"), "my name is Jones, on Friday at ten am")
    assert call.planner.progress.slots.keys() == {"who", "day", "at"}


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
    call = await asked(tmp_path, UNCONFIRMED.replace("next: end}\n  end", "next: u}\n  end"))
    answer = await call.says("blue, on Friday")
    assert answer.text == "Day?"  # two days are asked for: which is it?
    call = await asked(tmp_path, UNCONFIRMED.split("  u:")[0].replace("  home: {type: date}\n", ""))
    assert (await call.says("blue, on Friday")).text == "Okay, Friday, December 4. Count?"


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
    call = await asked(tmp_path, flow, "my name is Jones, on Friday", webhooks=webhooks)
    assert call.last.text.endswith("Time?")
    assert call.planner.progress.slots == {"who": "Jones", **FRIDAY}
    assert sent == ["https://x.example/2026-12-04"]
    call = await asked(tmp_path, flow, "my name is Jones, on Friday at ten am", webhooks=webhooks)
    assert "day" not in call.planner.progress.slots


def test_parts_of_a_sentence() -> None:
    phrases = load_language("en")
    assert answer_and_when("Jones, and on Friday at 10:30.", phrases) == AnswerAndWhen(
        "Jones,", "on friday", "at 10:30"
    )
    assert answer_and_when("on Friday", phrases) == AnswerAndWhen("", "on friday", "")
    assert answer_and_when("Jones", phrases) is None


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Good morning, my name is Jones"),
        ("de", "Guten Tag, mein Name ist Jones"),
        ("es", "buenos días, me llamo Jones"),
        ("fr", "bonjour, je m'appelle Jones"),
        ("it", "buongiorno, mi chiamo Jones"),
        ("nl", "goedendag, mijn naam is Jones"),
        ("pt", "bom dia, meu nome é Jones"),
    ],
)
def test_a_greeting_in_front_of_a_name_says_nothing_more(language: str, said: str) -> None:
    phrases = load_language(language)
    assert says_only_name(said, "Jones", phrases)
    assert not says_only_name(f"{said} Smith", "Jones", phrases)
