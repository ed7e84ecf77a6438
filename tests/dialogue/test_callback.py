"""A caller who wants to be called back: the number, and the promise that the log keeps."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from bargein.core.turns.records import Callback, CallInfo
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.dialogue.webhook import Webhooks
from bargein.errors import UserError
from bargein.offline.text_call import TextCall

from .flows import call_of, write

FLOW = """
slots:
  number: {type: callback}
  at: {type: time, earliest: "08:00", latest: "18:00"}
steps:
  ask:
    ask:
      - {when: own_number, say: "At the number that you are calling from?"}
      - {when: not own_number, say: "At which number?"}
    again: "At which number, then?"
    slot: number
    next: when
  when: {ask: "When?", slot: at, optional: yes, next: noted}
  noted:
    callback: {number: "{number}", at: "{at}", note: "mug of {caller}"}
    say: "We will call you back at {number}."
    hangup:
"""


async def asked(tmp_path: Path, caller: str = "+15550100") -> TextCall:
    call = call_of(load(write(tmp_path, FLOW)), info=CallInfo("1", caller=caller))
    await call.start()
    return call


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("yes please", "+15550100"),
        ("this number is fine", "+15550100"),
        ("the one I'm calling from", "+15550100"),
        ("yes, that one", "+15550100"),
        ("no, call me at 555 0142 please", "5550142"),
        ("555 0142", "5550142"),
    ],
)
async def test_a_callers_own_number_or_another_one(tmp_path: Path, said: str, number: str) -> None:
    call = await asked(tmp_path)
    assert call.last.text == "At the number that you are calling from?"
    assert (await call.says(said)).text == "When?"
    assert call.planner.progress.callback is None  # nothing is promised yet
    assert (await call.says("half past three")).text.startswith("We will call you back at ")
    assert call.planner.progress.callback == Callback(number, "15:30", "mug of +15550100")


async def test_a_key_means_the_own_number_too(tmp_path: Path) -> None:
    call = await asked(tmp_path)
    assert (await call.presses("1")).text == "When?"
    await call.says("skip that")
    assert call.planner.progress.callback == Callback("+15550100", "", "mug of +15550100")


async def test_a_promise_does_not_outlive_a_no_to_its_number() -> None:
    info = CallInfo("1", caller="+15550100", variables={"returned": "1"})
    call = call_of(load(find("callback")), info=info)
    await call.start()
    for said in ("call me back", "yes", "half past three"):
        await call.says(said)
    assert call.planner.progress.callback == Callback("+15550100", "15:30", "")
    await call.says("no, the number is wrong")
    assert call.planner.progress.callback is None
    for _ in range(3):
        await call.says("mumble mumble")
    assert call.last.finish is not None
    assert call.planner.progress.callback is None


async def test_a_corrected_number_is_promised() -> None:
    info = CallInfo("1", caller="+15550100", variables={"returned": "1"})
    call = call_of(load(find("callback")), info=info)
    await call.start()
    for said in ("call me back", "yes", "half past three", "no, the number is wrong", "555 0142", "yes"):
        await call.says(said)
    assert call.planner.progress.callback == Callback("5550142", "15:30", "")


async def test_a_wrong_time_leaves_the_promise() -> None:
    info = CallInfo("1", caller="+15550100", variables={"returned": "1"})
    call = call_of(load(find("callback")), info=info)
    await call.start()
    for said in ("call me back", "yes", "half past three", "no, the time is wrong"):
        await call.says(said)
    assert call.planner.progress.callback == Callback("+15550100", "", "")
    await call.says("five pm")
    assert call.planner.progress.callback == Callback("+15550100", "17:00", "")


async def test_a_number_corrected_after_the_promise_is_the_one_to_call(tmp_path: Path) -> None:
    told = """
slots:
  number: {type: phone}
steps:
  ask: {ask: "At which number?", slot: number, next: noted}
  noted: {callback: {number: "{number}"}, next: check}
  check: {ask: "{number}, is that right?", confirm: [number], next: end}
  end: {say: "Bye.", hangup: yes}
"""
    call = call_of(load(write(tmp_path, told)))
    await call.start()
    await call.says("555 0142")
    assert call.planner.progress.callback == Callback("5550142", "", "")
    for said in ("no, my number is 555 0200 33", "yes"):
        await call.says(said)
        assert call.planner.progress.callback == Callback("555020033", "", "")
    assert call.last.finish is not None


@pytest.mark.parametrize("said", ["no", "no, at another number", "a different number, please"])
async def test_no_asks_for_another_number(tmp_path: Path, said: str) -> None:
    call = await asked(tmp_path)
    assert (await call.says(said)).text == "Okay. At which number, then?"
    assert (await call.says(said)).text.startswith("Sorry, ")
    assert (await call.says("555 01 42")).text == "When?"


@pytest.mark.parametrize("caller", ["", "anonymous", "unknown", "+1555x"])
async def test_who_withholds_the_number_is_asked_for_one(tmp_path: Path, caller: str) -> None:
    call = await asked(tmp_path, caller)
    assert call.last.text == "At which number?"
    assert "At which number, then?" in (await call.says("this number")).text


async def test_the_step_also_tells_a_webhook(tmp_path: Path) -> None:
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    hook = '    webhook: {url: "https://crm.example/callbacks", body: {number: "{number}", at: "{at}"}}\n    callback:'
    flow = load(write(tmp_path, FLOW.replace("    callback:", hook)))
    call = call_of(flow, info=CallInfo("1", caller="+15550100"), webhooks=Webhooks(httpx.MockTransport(serve)))
    await call.start()
    for said in ("yes", "half past three"):
        await call.says(said)
    assert [json.loads(request.content) for request in sent] == [{"number": "+15550100", "at": "15:30"}]
    assert call.planner.progress.callback is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FLOW.replace("{type: callback}", "{type: callback, secret: yes}").replace("at {number}.", "."), "secret"),
        (FLOW.replace('number: "{number}", ', ""), "needs number:"),
        (FLOW.replace('note: "', 'nots: "'), "did you mean 'note'"),
    ],
)
def test_what_the_loader_says(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "yes on this number please"),
        ("de", "die Nummer, von der ich anrufe"),
        ("de", "Ja, unter dieser Nummer bitte."),
        ("es", "a este número"),
        ("es", "el número desde el que llamo"),
        ("fr", "Oui, à ce numéro s'il vous plaît"),
        ("fr", "le numéro d'où j'appelle"),
        ("it", "il numero da cui chiamo"),
        ("nl", "op dit nummer"),
        ("pt", "para este número"),
    ],
)
def test_the_own_number_in_every_language(language: str, said: str) -> None:
    phrases = load_language(language)
    assert phrases.matches("own_number", said)
    assert not phrases.matches("own_number", "555 0142")
    assert not phrases.matches("own_number", "no")
