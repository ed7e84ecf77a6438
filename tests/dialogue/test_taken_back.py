"""A yes that is taken back in the same breath is none, and a refusal does not confirm."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from bargein.core.language.agreement import is_reserved, polarity, yes_or_no
from bargein.core.language.intent import classify
from bargein.core.language.kinds import Kind
from bargein.core.language.values import Unclear
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language

from .flows import call_of, write

CONFIRMS = """
queue: support
slots:
  count: {type: number}
steps:
  ask: {ask: "How many?", slot: count, next: check}
  check: {say: "There are {count} of them.", ask: "Is that right?", confirm: [count], next: end}
  end: {say: "Taken.", hangup: yes}
"""

TAKEN_BACK = {
    "en": [
        "that's right but I don't want it",
        "that is correct, however I do not want it",
        "I agree, but not today",
        "sounds good, but no",
        "yes that's right, but I changed my mind",
        "that's correct but cancel it",
        "yes, although I don't want it",
    ],
    "de": [
        "das stimmt, aber ich will nicht",
        "genau, nur will ich das nicht",
        "ja, jedoch nicht heute",
        "stimmt, aber ich habe es mir anders überlegt",
        "das ist korrekt, doch ich will es nicht",
    ],
    "es": [
        "está bien pero no quiero",
        "sí, aunque no quiero",
        "eso es, sin embargo no lo quiero",
        "es correcto, pero he cambiado de idea",
    ],
    "fr": [
        "c'est ça, mais je n'en veux plus",
        "ça marche, mais pas demain",
        "exact, par contre je ne veux pas",
        "c'est bon, mais j'ai changé d'avis",
    ],
    "it": [
        "è giusto ma non lo voglio",
        "sì, anche se non voglio",
        "va bene, però preferisco di no",
        "esatto, ma ho cambiato idea",
    ],
    "nl": [
        "dat klopt, maar ik wil niet",
        "het klopt, alleen wil ik het niet",
        "ja hoor, maar laat maar",
        "prima, maar liever niet",
    ],
    "pt": [
        "está certo mas não quero",
        "está correto, porém não quero",
        "sim, está certo, só que não quero",
        "é isso, mas mudei de ideia",
    ],
}
KEPT = {  # the "but" takes nothing back
    "en": ["yes, but hurry", "yes, but make it quick", "sure, but only one", "okay but no problem", "but yes"],
    "de": ["ja, aber schnell", "aber ja", "aber natürlich", "ja, aber kein Problem"],
    "es": ["sí, pero rápido", "pero sí", "sí, pero no hay problema"],
    "fr": ["oui, mais vite", "mais oui", "mais bien sûr", "oui, mais pas de problème"],
    "it": ["sì, ma in fretta", "ma certo", "ma sì", "sì, ma nessun problema"],
    "nl": ["ja, maar snel", "ja, maar geen probleem", "maar natuurlijk"],
    "pt": ["sim, mas rápido", "mas sim", "sim, mas não há problema"],
}
YES = {
    "en": ["I'm sure", "I accept", "that's not a problem", "no question about it"],
    "de": ["einverstanden", "von mir aus", "nichts dagegen"],
    "fr": ["je crois", "si", "c'est juste"],
    "it": ["naturalmente", "proprio così"],
    "nl": ["in orde", "uiteraard", "helemaal goed"],
    "pt": ["combinado", "sem dúvida", "é"],
}
NO = {
    "en": ["I guess not", "probably not", "I doubt it"],
    "de": ["keineswegs", "bloß nicht"],
    "es": ["qué va"],
    "fr": ["je ne veux pas", "j'en veux pas", "je préfère pas"],
    "it": ["macché", "sbagliato", "naturalmente no"],
    "nl": ["ik wil niet", "ik wil het niet", "onjuist", "uiteraard niet"],
    "pt": ["nem pensar", "de maneira nenhuma", "prefiro não", "nao"],
}
NEITHER = {
    "en": ["I'm sure there is a mistake", "I doubt it works for Anna", "I accept nothing", "pardon, a problem"],
    "de": [
        "einverstanden bin ich nicht",
        "von mir aus nicht",
        "von mir aus gesehen links",
        "nur nicht am Montag",
        "einverstanden bin ich nicht damit",
        "von mir aus können wir das vergessen",
    ],
    "es": ["qué va a costar"],
    "fr": ["je crois qu'il manque un mot", "si je viens demain", "c'est juste que je suis en retard"],
    "it": [
        "macchie sul vestito",
        "naturalmente non posso",
        "naturalmente non voglio questo",
        "è vero che siete chiusi",
    ],
    "nl": [
        "ik wil niet wachten op het antwoord",
        "in orde is het niet",
        "in orde is het niet hoor",
        "uiteraard wil ik dat niet hebben",
        "mij best doen",
    ],
    "pt": ["pois não", "é tarde", "combinado não está", "sem dúvida não quero isso", "é verdade que fecham cedo"],
}


@pytest.mark.parametrize("language", TAKEN_BACK)
def test_a_but_may_take_back_a_yes(language: str) -> None:
    phrases = load_language(language)
    for text in TAKEN_BACK[language]:
        assert is_reserved(text, phrases), text
        assert polarity(text, phrases) is None, text
        assert classify(text, phrases, question=True) is not Kind.CONFIRM, text
        with pytest.raises(Unclear):
            yes_or_no(text, phrases)


@pytest.mark.parametrize("language", KEPT)
def test_or_leave_it_as_it_is(language: str) -> None:
    phrases = load_language(language)
    for text in KEPT[language]:
        assert not is_reserved(text, phrases), text
        assert polarity(text, phrases), text


@pytest.mark.parametrize(("table", "expected"), [(YES, True), (NO, False)])
def test_more_words_for_yes_and_no(table: dict[str, list[str]], expected: bool) -> None:
    for language, texts in table.items():
        for text in texts:
            assert polarity(text, load_language(language)) is expected, text


def test_what_begins_like_them_is_no_yes() -> None:
    for language, texts in NEITHER.items():
        for text in texts:
            with suppress(Unclear):
                assert not yes_or_no(text, load_language(language)), text
            assert classify(text, load_language(language), question=True) is not Kind.CONFIRM, text


def test_over_an_explanation_a_reserve_still_skips() -> None:
    assert classify("I understand, but I don't want to hear all that", load_language("en")) is Kind.REDIRECT


@pytest.mark.parametrize("said", ["no thanks", "never mind", "not interested", "forget it", "I don't need that"])
async def test_a_refusal_does_not_confirm(tmp_path: Path, said: str) -> None:
    call = call_of(load(write(tmp_path, CONFIRMS)))
    await call.start()
    await call.says("five")
    answer = await call.says(said)
    assert answer.finish is None
    assert answer.text.endswith("How many?")


@pytest.mark.parametrize("said", ["skip that", "move on", "go on", "let's continue"])
async def test_going_on_confirms(tmp_path: Path, said: str) -> None:
    call = call_of(load(write(tmp_path, CONFIRMS)))
    await call.start()
    await call.says("five")
    assert (await call.says(said)).text == "Taken."


async def test_a_refusal_of_the_explanation_leads_to_the_question(tmp_path: Path) -> None:
    call = call_of(load(write(tmp_path, CONFIRMS)))
    await call.start()
    await call.says("five")
    answer = await call.says("I don't want to hear all that", "There are")
    assert answer.text.endswith("Is that right?")
    assert answer.finish is None


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "yes that's right, nothing else"),
        ("it", "sì, va bene, niente altro"),
        ("nl", "ja hoor, geen probleem"),
        ("en", "no problem, let's continue"),
        ("de", "kein Problem, weiter"),
        ("es", "no hay problema, siga"),
        ("fr", "pas de problème, continuez"),
        ("nl", "geen probleem, ga verder"),
    ],
)
async def test_a_negation_that_refuses_nothing_confirms(tmp_path: Path, language: str, said: str) -> None:
    call = call_of(load(write(tmp_path, f"language: {language}\n{CONFIRMS}")))
    await call.start()
    await call.says("5")
    assert (await call.says(said)).text == "Taken."


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "no no, it's right, go on"),
        ("en", "don't worry, move on"),
        ("en", "yes, I don't need more, move on"),
        ("en", "yes, I'm the only one, don't worry"),
        ("nl", "ja, ik kom alleen, geen kinderen"),
    ],
)
async def test_a_reserve_is_asked_about_again(tmp_path: Path, language: str, said: str) -> None:
    call = call_of(load(write(tmp_path, f"language: {language}\n{CONFIRMS}")))
    await call.start()
    await call.says("5")
    answer = await call.says(said)
    assert answer.text.endswith("Is that right?")
    assert call.planner.progress.slots["count"] == "5"


@pytest.mark.parametrize(
    "said", ["not a problem, keep it", "no question about it, keep it", "it's not a problem, is it?"]
)
def test_no_problem_is_a_yes_only_alone(said: str) -> None:
    assert not polarity(said, load_language("en"))
