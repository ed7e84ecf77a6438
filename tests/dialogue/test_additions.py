"""A yes with an addition confirms, a yes with a change does not, and the flow can use what was added."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

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
        "yes that's right, and leave it at the back door please": "leave it at the back door please",
        "yes, please hurry": "please hurry",
    },
    "de": {
        "stimmt, aber bitte nicht vor neun anrufen": "bitte nicht vor neun anrufen",
        "ja, aber bitte rufen Sie nicht vor neun an": "bitte rufen Sie nicht vor neun an",
        "richtig, aber bitte nicht klingeln": "bitte nicht klingeln",
        "ja, und legen Sie es vor die Tür bitte": "legen Sie es vor die Tür bitte",
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
        "yes, and don't do it",
        "yes and don't book it",
        "yes and don't charge me",
        "yes, and I can't come",
        "yes and my answer is no",
        "yes and the time doesn't work",
        "yes, and it isn't Jones",
        "yes and I'm busy that day",
        "yes, and I won't be there",
        "yes and it should be green",
        "yes and without the mug",
        "yes, and please remove the mug",
        "yes and how about earlier",
        "yes and the week after",
        "yes but don't send it to that address",
        "yes, but don't come at that time",
        "yes, but never at that time",
        "yes, but don't do it without asking me first",
        "yes, but call it off",
        "yes, and call it off",
        "yes, but put it off",
        "yes, but come later",
        "yes, and come earlier",
        "yes, but not until next week",
        "yes, but not too early",
        "yes, and make sure it's green",
        "yes, but put it under Smith",
        "yes, but ask me again",
        "yes, but leave me alone",
        "yes, and cancel the other one",
        "yes, but I am moving on that day",
        "yes and can we do it earlier",
        "yes, but no, please hurry",
        "oh, and please hurry",
        "goodbye, and please hurry",
        "yes, and goodbye to that",
        "yes, but not before January",
        "yes, but don't call before nine or after eleven",
        "yes, but please hurry and make it green",
        "yes. Also, please send me a receipt",
        "that's right, but my wife will be there",
        "yes, one more thing, please use the back door",
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
        "ja, und bitte nicht",
        "ja, und bitte nicht buchen",
        "ja, und ich kann da nicht",
        "ja, und bitte früher",
        "ja, und ohne Tasse bitte",
        "ja, und einen Menschen bitte",
        "ja, aber bitte nicht bei mir",
        "ja, aber nicht vor Januar",
        "ja, aber stellen Sie es um",
        "ja, und legen Sie auf",
        "ja, aber sprechen Sie mit meiner Frau",
        "ja, und noch eine Tasse",
    ],
}


async def at_the_check(tmp_path: Path, language: str, time: str = "14:00") -> TextCall:
    flow = load(write(tmp_path, FLOW.replace("LANGUAGE", language)))
    call = call_of(flow, now=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
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
    values = dict(call.planner.progress.slots)
    await call.says(said)
    assert call.planner.state.step != "end"
    assert "added" not in call.planner.state.variables
    if "other one" in said or "eine Tasse" in said or "one more" in said:
        assert call.planner.progress.slots["at"] == values["at"]  # none of these is one o'clock


@pytest.mark.parametrize(
    "said",
    [
        "yes",
        "yes please",
        "that's right, thank you very much",
        "okay, go ahead",
        "yes, perfect",
        "yes and thank you very much, goodbye",
    ],
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
    assert (await call.says("yes, but please don't ring the bell")).text == "Taken."


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


OTHERS = {
    "en": ["yes, and don't call me", "yes, but call my office", "yes and call my wife"],
    "de": ["ja, und rufen Sie nicht an", "ja, und sprechen Sie mit meiner Frau"],
    "es": ["sí, pero no llame", "sí, y llame a mi mujer"],
    "fr": ["oui, mais ne faites rien", "oui, et appelez ma femme"],
    "it": ["sì, ma parli con mia moglie", "sì, e non chiami"],
    "nl": ["nee, maar bel niet", "ja, maar bel niet", "ja, en bel mijn vrouw"],
    "pt": ["sim, mas não ligue", "sim, e ligue para minha mulher"],
}
LIMITS = {
    "en": "yes, but please don't call before nine",
    "de": "ja, aber bitte nicht vor neun",
    "es": "sí, pero no antes de las nueve",
    "fr": "oui, mais pas avant neuf heures",
    "it": "sì, ma non prima delle nove",
    "nl": "ja, maar niet voor negen uur",
    "pt": "sim, mas não antes das nove",
}
POLITE = {
    "en": "yes, and thank you so much",
    "de": "ja, und vielen Dank",
    "es": "sí, y muchas gracias",
    "fr": "oui, et merci beaucoup",
    "it": "sì, e grazie mille",
    "nl": "ja, en hartelijk bedankt",
    "pt": "sim, e muito obrigado",
}
PHRASES = {
    "es": "sí, y por favor no toque el timbre",
    "fr": "oui, mais ne sonnez pas",
    "it": "sì, ma non suoni il campanello",
    "nl": "ja, maar niet aanbellen",
    "pt": "sim, mas não toque a campainha",
}
FLOWS = Path(str(find("callback"))).parent


async def where_a_call_back_is_said_back(language: str) -> TextCall:
    path = FLOWS / ("" if language == "en" else language) / "callback.yaml"
    flow = load(path)
    info = CallInfo("1", caller="+15550100", variables={"returned": "1"})
    call = call_of(flow, info=info)
    await call.start()
    yes = load_language(language).lists["plain_yes"][0]
    for said in (next(iter(flow.slots["choice"].choices["callback"].phrases)), yes, SOON[language]):
        await call.says(said)
    assert call.planner.state.step == "right"
    return call


SOON = {
    "en": "as soon as possible", "de": "so bald wie möglich", "es": "lo antes posible", "fr": "dès que possible",
    "it": "il prima possibile", "nl": "zo snel mogelijk", "pt": "assim que possível",
}  # fmt: skip


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in OTHERS.items() for said in texts])
async def test_a_promise_is_confirmed_by_no_other_wish(language: str, said: str) -> None:
    call = await where_a_call_back_is_said_back(language)
    assert (await call.says(said)).finish is None


@pytest.mark.parametrize(("language", "said"), [*LIMITS.items(), *PHRASES.items()])
async def test_every_language_knows_additions(language: str, said: str) -> None:
    call = await where_a_call_back_is_said_back(language)
    assert (await call.says(said)).finish is not None
    assert call.planner.state.variables["added"] == said.split(maxsplit=2)[2]


@pytest.mark.parametrize(("language", "said"), POLITE.items())
async def test_thanks_add_nothing(language: str, said: str) -> None:
    call = await where_a_call_back_is_said_back(language)
    assert (await call.says(said)).finish is not None
    assert "added" not in call.planner.state.variables
