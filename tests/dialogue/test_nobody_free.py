"""The flows that come with bargein for callers for whom nobody is there, in every language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bargein.config import Config, DialogueConfig
from bargein.core.turns.records import Callback, CallInfo
from bargein.core.turns.reply import CallResult
from bargein.data import FLOWS
from bargein.dialogue.dialogues import Dialogues
from bargein.dialogue.flow import load
from bargein.dialogue.languages import available
from bargein.offline.text_call import TextCall

from .flows import call_of, write

BUSY = {"queue.ready": "0", "queue.waiting": "2", "queue.wait": "4", "queue": "support"}
WORDS = {  # call me back, the own number, half past three, as soon as possible, a message, I wait
    "en": ("call me back please", "this number", "half past three", "as soon as possible", "a message", "I'll wait"),
    "de": ("Ja, bitte.", "unter dieser Nummer", "halb vier", "so bald wie möglich", "eine Nachricht", "ich warte"),
    "es": ("sí, por favor", "a este número", "a las tres y media", "lo antes posible", "dejar un mensaje", "espero"),
    "fr": ("oui", "à ce numéro", "à trois heures et demie", "dès que possible", "laisser un message", "j'attends"),
    "it": ("sì", "a questo numero", "alle tre e mezza", "il prima possibile", "lasciare un messaggio", "aspetto"),
    "nl": ("ja", "dit nummer", "om half vier", "zo snel mogelijk", "een bericht inspreken", "ik wacht"),
    "pt": ("sim", "este número", "às três e meia", "assim que possível", "deixar uma mensagem", "espero"),
}

YES = {"en": "yes", "de": "ja", "es": "sí", "fr": "oui", "it": "sì", "nl": "ja", "pt": "sim"}
NO = {  # that is wrong, at four in the afternoon, another number
    "en": ("no", "no, at four", "555 0142"),
    "de": ("nein", "nein, um sechzehn Uhr", "555 0142"),
    "es": ("no", "no, a las cuatro de la tarde", "555 0142"),
    "fr": ("non", "non, à seize heures", "555 0142"),
    "it": ("no", "no, alle quattro del pomeriggio", "555 0142"),
    "nl": ("nee", "nee, om vier uur 's middags", "555 0142"),
    "pt": ("não", "não, às quatro da tarde", "555 0142"),
}


def flow_of(language: str, name: str = "callback") -> Path:
    return FLOWS / ("" if language == "en" else language) / f"{name}.yaml"


async def begun(language: str, **more: str) -> TextCall:
    info = CallInfo("1", caller="+15550100", queue="support", variables={**BUSY, "about": "mug=blue", **more})
    call = call_of(load(flow_of(language)), info=info)
    await call.start()
    return call


def test_every_language_has_both() -> None:
    assert sorted(WORDS) == available()
    for language in WORDS:
        assert {load(flow_of(language, name)).language for name in ("callback", "announce")} == {language}


@pytest.mark.parametrize("language", WORDS)
async def test_a_caller_is_called_back_at_their_own_number(language: str) -> None:
    agree, own, time, soon, *_ = WORDS[language]
    yes = YES[language]
    for when, wanted in ((time, "15:30"), (soon, "")):
        call = await begun(language)
        assert " 4 " in call.last.text
        await call.says(agree)
        await call.says(own)
        back = await call.says(when)
        assert "5 5" in back.text
        assert call.planner.progress.callback == Callback("+15550100", wanted, "mug=blue")  # who hangs up now is called
        end = await call.says(yes)
        assert end.finish is not None
        assert end.finish.result is CallResult.HANGUP
        assert call.planner.progress.callback == Callback("+15550100", wanted, "mug=blue")


@pytest.mark.parametrize("language", WORDS)
async def test_a_wrong_time_or_number_is_corrected(language: str) -> None:
    agree, own, time, soon, *_ = WORDS[language]
    no, at_four, other = NO[language]
    call = await begun(language)
    for said in (agree, own, time, at_four):
        await call.says(said)
    assert call.planner.progress.callback == Callback("+15550100", "16:00", "mug=blue")
    await call.says(f"{no}, {soon}")
    assert call.planner.progress.callback == Callback("+15550100", "", "mug=blue")
    await call.says(at_four)
    await call.says(f"{no}, {other}")
    assert call.planner.progress.callback == Callback("5550142", "16:00", "mug=blue")
    end = await call.says(YES[language])  # agrees to this number, and not to the caller's own
    assert end.finish is not None
    assert call.planner.progress.callback == Callback("5550142", "16:00", "mug=blue")


async def test_a_time_that_was_left_open_can_be_named_later() -> None:
    call = await begun("en")
    for said in ("call me back", "this number", "as soon as possible"):
        await call.says(said)
    assert (await call.says("no")).text == "What should I change?"
    assert "what time" in (await call.says("the time")).text
    await call.says("half past three")
    assert call.planner.progress.callback == Callback("+15550100", "15:30", "mug=blue")


@pytest.mark.parametrize("language", WORDS)
async def test_who_refuses_the_own_number_is_not_asked_for_it_again(language: str) -> None:
    agree, _, time, *_ = WORDS[language]
    no, _, other = NO[language]
    call = await begun(language)
    question = (await call.says(agree)).text
    for refusal in ("no thanks", "no thanks") if language == "en" else (no, no):
        assert question not in (await call.says(refusal)).text
    for said in (other, time, no):
        await call.says(said)
    changed = await call.says({"en": "the number", "de": "die Nummer"}.get(language, f"{no}, {other}"))
    assert question not in changed.text


@pytest.mark.parametrize("language", WORDS)
async def test_a_caller_leaves_a_message_or_waits(language: str) -> None:
    *_, message, wait = WORDS[language]
    call = await begun(language, voicemail="yes", returned="yes")
    end = await call.says(message)
    assert end.finish is not None
    assert end.finish.result is CallResult.VOICEMAIL
    call = await begun(language)
    end = await call.says(wait)
    assert end.finish is not None
    assert (end.finish.result, end.finish.queue) == (CallResult.QUEUE, "support")


@pytest.mark.parametrize(
    ("said", "result"), [("no", "queue"), ("1", ""), ("2", "voicemail"), ("3", "queue"), ("no, call me back", "")]
)
async def test_what_callers_answer(said: str, result: str) -> None:
    call = await begun("en", voicemail="yes")
    end = await (call.presses(said) if said.isdigit() else call.says(said))
    assert (end.finish.result if end.finish else "") == result


@pytest.mark.parametrize("told", [{"queue.ready": "1"}, {"queue.ready": "", "queue.wait": ""}])
async def test_who_is_not_known_to_wait_in_vain_goes_to_people(told: dict[str, Any]) -> None:
    call = await begun("en", **told)
    assert call.last.finish is not None
    assert call.last.finish.result is CallResult.QUEUE
    assert (await begun("en", **told, returned="yes")).last.finish is None  # nobody took this one


async def test_a_server_speaks_one_language(tmp_path: Path) -> None:
    main = write(tmp_path, "language: de-AT\nsteps:\n  a: {say: Hallo., hangup: }\n")
    dialogues = Dialogues(replace(Config(), dialogue=DialogueConfig(flow=str(main))))
    for name in ("announce", "callback"):
        await dialogues.prepare(name)
        assert dialogues.planner(CallInfo("1", dialogue=name)).language == "de"
    dialogues.reload()
    assert dialogues.planner(CallInfo("1", dialogue="announce")).language == "de"
    write(tmp_path, "steps:\n  a: {say: Mine., hangup: }\n", "announce.yaml")
    dialogues.reload()
    assert dialogues.planner(CallInfo("1", dialogue="announce")).language == "en"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "can you call me back?"),
        ("en", "ring me back"),
        ("de", "rufen Sie mich zurück"),
        ("de", "können Sie mich zurückrufen?"),
        ("es", "¿pueden llamarme?"),
        ("fr", "vous pouvez me rappeler ?"),
        ("it", "potete richiamarmi?"),
        ("nl", "kunt u me terugbellen?"),
        ("nl", "belt u mij maar terug"),
        ("pt", "podem ligar-me?"),
        ("pt", "pode me ligar de volta?"),
    ],
)
async def test_who_asks_to_be_called_back(language: str, said: str) -> None:
    call = await begun(language)
    await call.says(said)
    assert call.planner.state.step == "number"
