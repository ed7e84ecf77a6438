"""Answers to a question of yes or no, in the words that people use for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.language.agreement import polarity
from bargein.core.language.intent import classify
from bargein.core.language.kinds import Kind
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import call_of, write

ASKS = """
language: {language}
slots:
  it: {{type: yes_no}}
steps:
  ask: {{ask: "Well?", slot: it, next: end}}
  end: {{say: "Got {{it.value}}.", hangup: yes}}
"""

CONFIRMS = """
slots:
  color: {choices: [red, blue]}
steps:
  ask: {ask: "Red or blue?", slot: color, next: check}
  check: {ask: "{color}, is that right?", confirm: [color], next: end}
  end: {say: "Taken.", hangup: yes}
"""

YES = {
    "en": [
        "why not?",
        "sure, why not",
        "by all means",
        "I don't mind",
        "that would be great",
        "I'd love to",
        "no doubt",
    ],
    "de": ["warum nicht", "auf jeden Fall", "ich glaube schon", "kein Problem"],
    "fr": ["pourquoi pas", "je pense que oui", "avec plaisir", "c'est ça", "ça va"],
    "es": ["por qué no", "creo que sí", "es correcto", "está bien", "no hay problema"],
    "it": ["perché no", "credo di sì", "certo che sì", "nessun problema"],
    "nl": ["waarom niet", "ik denk het wel", "absoluut", "geen probleem"],
    "pt": ["por que não", "acho que sim", "está certo", "claro que sim"],
}
NO = {
    "en": [
        "uh-uh",
        "I'm afraid not",
        "hell no",
        "I haven't",
        "that doesn't work",
        "let's not",
        "I'd prefer not to",
        "false",
    ],
    "de": ["natürlich nicht", "sicher nicht", "das passt nicht", "ich glaube nicht", "auf gar keinen Fall"],
    "fr": ["bien sûr que non", "absolument pas", "je ne crois pas", "ça ne va pas"],
    "es": ["claro que no", "por supuesto que no", "para nada", "no está bien", "mejor no"],
    "it": ["certo che no", "credo di no", "non credo", "neanche per sogno"],
    "nl": ["natuurlijk niet", "ik denk van niet", "hoeft niet", "zeker niet"],
    "pt": ["claro que não", "com certeza não", "acho que não", "melhor não"],
}
NOT_YES = {  # begin like a yes, or like a no that agrees
    "en": [
        "No, it's all wrong.",
        "No, it's all mixed up",
        "No, that is right next to the station",
        "no problem, but no",
        "no doubt it's wrong",
        "sure, but not today",
        "I'd love to cancel.",
        "I'd love to, but I can't",
        "That would be nice, but no.",
        "It would be great if you could call me back.",
        "It would be good to know the price",
        "I don't mind telling you I am not happy",
        "by all means, cancel it",
    ],
    "de": [
        "Auf jeden Fall nicht.",
        "unbedingt nicht",
        "Jederzeit, aber nicht heute",
        "Kein Problem, aber nein danke.",
        "unbedingt ändern",
        "kein Problem, aber ich will kündigen",
    ],
    "fr": [
        "Je crois pas.",
        "Je pense pas.",
        "Ça va, non merci.",
        "Ça va pas être possible",
        "Je pense annuler",
        "je crois qu'il y a une erreur",
        "pas de problème, mais non",
    ],
    "es": ["con gusto no", "de acuerdo, pero hoy no", "está bien, pero no"],
    "it": ["con piacere no", "nessun problema ma no grazie"],
    "nl": ["ik denk het wel niet", "geen probleem, maar nee", "vooruit, maar niet vandaag"],
    "pt": ["está bom não", "pode ser, mas não hoje", "com prazer não"],
}


async def begun(tmp_path: Path, flow: str) -> TextCall:
    call = call_of(load(write(tmp_path, flow)))
    await call.start()
    return call


@pytest.mark.parametrize("language", YES)
async def test_yes_and_no_in_many_words(tmp_path: Path, language: str) -> None:
    for value, texts in (("yes", YES[language]), ("no", NO[language])):
        for text in texts:
            call = await begun(tmp_path, ASKS.format(language=language))
            assert (await call.says(text)).text == f"Got {value}.", text


async def test_a_question_is_no_answer(tmp_path: Path) -> None:
    for text in ("why not on Monday?", "is that free?", "what do you mean"):
        call = await begun(tmp_path, ASKS.format(language="en"))
        assert not (await call.says(text)).text.startswith("Got"), text


async def test_why_not_confirms(tmp_path: Path) -> None:
    call = await begun(tmp_path, CONFIRMS)
    await call.says("blue")
    assert (await call.says("why not")).text == "Taken."


@pytest.mark.parametrize("language", NOT_YES)
def test_what_only_begins_like_a_yes_is_none(language: str) -> None:
    phrases = load_language(language)
    for text in NOT_YES[language]:
        assert not polarity(text, phrases), text
        assert classify(text, phrases, question=True) is not Kind.CONFIRM, text


@pytest.mark.parametrize("text", ["Uh, uh, yes please.", "uh, uh, yes", "Uh uh okay", "no no that's fine"])
def test_a_yes_behind_a_stammer_or_a_no_is_one(text: str) -> None:
    assert polarity(text, load_language("en"))


def test_a_stammer_is_no_no() -> None:
    assert polarity("Uh, uh, the blue one", load_language("en")) is None
