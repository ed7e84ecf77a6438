"""A yes with an addition confirms, a yes with a change does not, and the flow can use what was added."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.language.addition import is_addition, yes_and_more
from bargein.core.turns.records import Callback, CallInfo
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import call_of, write

FLOW = """
language: LANGUAGE
queue: support
slots:
  who: {type: name}
  mug: {choices: {red: {also: [rote]}, blue: {also: [blaue]}}}
  day: {type: date}
  at: {type: time, earliest: "07:00", latest: "21:00"}
steps:
  a: {ask: "Who?", slot: who, next: b}
  b: {ask: "Which?", slot: mug, next: c}
  c: {ask: "Day?", slot: day, next: d}
  d: {ask: "Time?", slot: at, next: check}
  check: {say: "{who}, {mug}, {day}, {at}.", ask: "Right?", confirm: [who, mug, day, at], next: end}
  end: {say: "Taken{added}.", hangup: yes}
"""
ADDED = {
    "en": {
        "correct, but please don't call before nine": "please don't call before nine",
        "yes, but not after five": "not after five",
        "yes, but not before Wednesday": "not before Wednesday",
        "yes but don't ring the bell": "don't ring the bell",
        "yep, that's right, just don't be late": "just don't be late",
        "yes, and no onions please": "no onions please",
        "okay, just knock on the back door": "just knock on the back door",
        "yes. Also, please send me a receipt": "please send me a receipt",
        "yes, one more thing, please use the back door": "please use the back door",
        "that's right, but my wife will be there": "my wife will be there",
        "yes, I'm not home before noon, don't ring": "I'm not home before noon, don't ring",
    },
    "de": {
        "stimmt, aber bitte nicht vor neun anrufen": "bitte nicht vor neun anrufen",
        "ja, aber bitte rufen Sie nicht vor neun an": "bitte rufen Sie nicht vor neun an",
        "ja, nur bitte nicht so laut": "bitte nicht so laut",
        "richtig, aber sagen Sie meiner Frau nichts": "sagen Sie meiner Frau nichts",
        "ja, und bitte als Geschenk verpacken": "bitte als Geschenk verpacken",
        "passt, aber keine Zwiebeln bitte": "keine Zwiebeln bitte",
        "ja, außerdem brauche ich eine Rechnung": "brauche ich eine Rechnung",
    },
}
CHANGED = {
    "en": [
        "yes, but make it nine",
        "yes, but at ten",
        "yes but the blue one",
        "yes, but my name is Smith",
        "yes, and on Friday",
        "yes, but after five please",
        "yes, but not before Friday",
        "yes, but I can't come on Thursday",
        "yes, but not today",
        "yes, but please don't book it",
        "yes, but please don't",
        "yes, but I'd like it earlier",
        "correct but change the time",
        "yes, but please cancel it",
        "yes, but don't do it yet",
        "that's right, but how much is it?",
        "yes and no",
    ],
    "de": [
        "ja, aber machen Sie neun Uhr draus",
        "ja, aber um zehn",
        "ja, aber die blaue",
        "ja, aber bitte nicht am Donnerstag",
        "ja, aber bitte etwas später",
        "ja, aber bitte nicht",
        "genau, aber ich will nicht",
        "stimmt, aber die Zeit ist falsch",
        "ja, aber bitte buchen Sie es nicht",
    ],
}


async def at_the_check(tmp_path: Path, language: str, time: str = "14:00") -> TextCall:
    call = call_of(load(write(tmp_path, FLOW.replace("LANGUAGE", language))))
    await call.start()
    day = {"en": "Thursday", "de": "Donnerstag"}[language]
    for said in ("Jones", {"en": "red", "de": "die rote"}[language], day, time):
        await call.says(said)
    assert call.last.text.endswith("Right?")
    return call


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in ADDED.items() for said in texts])
async def test_an_addition_confirms_and_is_kept(tmp_path: Path, language: str, said: str) -> None:
    call = await at_the_check(tmp_path, language)
    values = dict(call.planner.progress.slots)
    assert (await call.says(said)).text == f"Taken{ADDED[language][said]}."
    assert call.planner.progress.slots == values


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in CHANGED.items() for said in texts])
async def test_a_change_does_not(tmp_path: Path, language: str, said: str) -> None:
    call = await at_the_check(tmp_path, language)
    assert (await call.says(said)).finish is None
    assert call.planner.state.step != "end"


@pytest.mark.parametrize(
    "said", ["yes", "yes please", "that's right, thank you very much", "okay, go ahead", "yes, perfect"]
)
async def test_a_plain_yes_adds_nothing(tmp_path: Path, said: str) -> None:
    call = await at_the_check(tmp_path, "en")
    assert (await call.says(said)).text == "Taken."


@pytest.mark.parametrize(("time", "confirms"), [("08:00", False), ("09:00", True), ("20:00", True)])
async def test_a_limit_that_the_value_does_not_keep_is_asked_about(tmp_path: Path, time: str, confirms: bool) -> None:
    call = await at_the_check(tmp_path, "en", time)
    answer = await call.says("yes, but not before nine")
    assert (answer.finish is not None) is confirms
    assert confirms or answer.text.endswith("Right?")


async def test_a_limit_is_the_time_that_the_slot_takes() -> None:
    call = await callback("yes", "at three", "correct, but not before four")  # from seven to nine: the afternoon
    assert call.last.text.endswith("Is that right?")
    assert call.last.finish is None


async def test_a_secret_keeps_what_is_added_out_of_the_flow(tmp_path: Path) -> None:
    flow = FLOW.replace("LANGUAGE", "en").replace("{type: name}", "{type: name, secret: yes}").replace("{who}, ", "")
    call = call_of(load(write(tmp_path, flow)))
    await call.start()
    for said in ("Jones", "red", "Thursday", "14:00"):
        await call.says(said)
    assert (await call.says("yes, but please don't ring")).text == "Taken."


async def test_a_yes_or_no_may_have_an_addition(tmp_path: Path) -> None:
    flow = """
queue: support
slots: {gift: {type: yes_no}}
steps:
  a: {ask: "Shall we wrap it?", slot: gift, next: b}
  b: {say: "{gift}: {added}.", hangup: yes}
"""
    for said, answer in {
        "yes, but please don't use red paper": "yes: please don't use red paper.",
        "yes, but not today": "Sorry, I am not sure that I got that right. Shall we wrap it?",
    }.items():
        call = call_of(load(write(tmp_path, flow)))
        await call.start()
        assert (await call.says(said)).text == answer


async def callback(*said: str) -> TextCall:
    info = CallInfo("1", caller="+15550100", variables={"returned": "1", "about": "mug=blue"})
    call = call_of(load(find("callback")), info=info)
    await call.start()
    for words in ("call me back", *said):
        await call.says(words)
    return call


async def test_a_promise_has_what_was_added_in_its_note() -> None:
    call = await callback("yes", "as soon as possible", "correct, but please don't call before nine")
    assert call.last.text == "Thank you. We will call you back. Goodbye."
    assert call.planner.progress.callback == Callback("+15550100", "", "mug=blue please don't call before nine")


@pytest.mark.parametrize("said", ["forget it", "I don't know", "everything", "no, at four"])
async def test_nothing_is_promised_without_a_number(said: str) -> None:
    call = await callback("yes", "half past three", "not this number", "the time is wrong", said)
    for _ in range(9):
        assert "We will call you back" not in call.last.text
        if call.last.finish is not None:
            break
        await call.says("mumble mumble")
    assert call.last.text.endswith("Please call again later. Goodbye.")
    assert call.planner.progress.callback is None


OTHERS = [
    ("es", "sí, pero no antes de las nueve", True),
    ("es", "sí, y por favor toque el timbre", True),
    ("es", "sí, pero hoy no", False),
    ("fr", "oui, mais pas avant neuf heures", True),
    ("fr", "oui, mais ne sonnez pas", True),
    ("fr", "oui, mais pas demain", False),
    ("it", "sì, ma non prima delle nove", True),
    ("it", "sì, ma non suoni il campanello", True),
    ("it", "sì, ma non oggi", False),
    ("nl", "ja, maar niet voor negen uur", True),
    ("nl", "ja, maar niet aanbellen", True),
    ("nl", "ja, maar niet vandaag", False),
    ("pt", "sim, mas não antes das nove", True),
    ("pt", "sim, mas não toque a campainha", True),
    ("pt", "sim, mas hoje não", False),
]


@pytest.mark.parametrize(("language", "text", "expected"), OTHERS)
def test_every_language_knows_additions(language: str, text: str, expected: bool) -> None:
    phrases = load_language(language)
    said = yes_and_more(text, phrases)
    assert said is not None
    assert is_addition(said, phrases) is expected
