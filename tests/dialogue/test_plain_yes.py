"""Where values are said back, a yes confirms them only if nothing else is said beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bargein.core.language.agreement import beside_yes
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import load
from bargein.dialogue.languages import load as load_language

from .flows import call_of
from .test_additions import at_the_check, where_a_call_back_is_said_back

CONFIRMED = {
    "en": [
        "yes, Thursday at two",
        "yes, the red one at two pm on Thursday",
        "yes, that's my name",
        "yes, it's Jones",
        "yes, that sounds good to me",
        "that's exactly what I wanted",
        "yes, you can book that",
        "go ahead and book it",
        "yes, everything is correct",
        "yes, that's great, see you then",
        "yes, looking forward to it",
        "perfect, thanks a lot for your help",
        "yes, next Thursday",
        "yes, the third",
        "yep, got it, what's next?",
        "got it, thanks, what's the next step?",
        "alright, I've got that, carry on",
        "sorry, yes, that's right",
        "yes, have a good one",
        "yes, Thursday works",
        "yes, that suits me",
        "yes, please schedule that",
        "yes, all details are correct",
        "yes, I would like to book it",
        "awesome, thanks",
        "all good, thanks",
    ],
    "de": [
        "ja, genau so",
        "ja, am Donnerstag um zwei",
        "ja, Jones ist richtig",
        "ja, buchen Sie das",
        "ja, so machen wir das",
        "ja, ich freue mich",
        "ja, das war's",
        "ja, sehr gerne",
        "ja, herzlichen Dank, schönen Tag noch",
        "ja, bitte eintragen",
        "ja, so soll es sein",
        "ja, die Angaben stimmen",
        "ja, geht klar",
        "perfekt, danke",
        "klingt gut",
        "na klar",
    ],
}
ASKED_AGAIN = {
    "en": [
        "yes, I can't come",
        "yes I can't come",
        "yes, call it off",
        "yes, please cancel",
        "correct, cancel",
        "right, I have to cancel",
        "yes, can we do it earlier",
        "yes can we do it earlier",
        "sure, let's do something else",
        "let's do something else",
        "yes, I want to move it",
        "yes, two of them",
        "yes, I was there last week",
        "yes, who is this",
        "yes, if you have it",
        "yes, later",
        "yes, I'll come later",
        "yes, in the morning",
        "yes, after Thursday",
    ],
    "de": [
        "ja, ich kann nicht kommen",
        "ja, sagen Sie es ab",
        "ja, bitte stornieren",
        "ja bitte stornieren",
        "ja, geht es auch früher",
        "ja, vielleicht",
        "ja, ich komme später",
        "ja, abends",
    ],
}
CANCELS = {
    "en": "yes, please cancel",
    "de": "ja, bitte stornieren",
    "es": "sí, cancélelo",
    "fr": "oui, annulez-le",
    "it": "sì, lo annulli",
    "nl": "ja, annuleer het maar",
    "pt": "sim, cancele isso",
}
AGREES = {
    "en": "yes, that's right, thank you very much",
    "de": "ja, das stimmt so, vielen Dank",
    "es": "sí, eso está bien, muchas gracias",
    "fr": "oui, c'est bien ça, merci beaucoup",
    "it": "sì, va bene così, grazie mille",
    "nl": "ja, dat klopt zo, hartelijk bedankt",
    "pt": "sim, está tudo certo, muito obrigado",
}


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in CONFIRMED.items() for said in texts])
async def test_what_repeats_or_is_polite_confirms(tmp_path: Path, language: str, said: str) -> None:
    call = await at_the_check(tmp_path, language)
    values = dict(call.planner.progress.slots)
    assert (await call.says(said)).finish is not None
    assert call.planner.progress.slots == values


@pytest.mark.parametrize(("language", "said"), [(lang, said) for lang, texts in ASKED_AGAIN.items() for said in texts])
async def test_what_wants_something_else_does_not(tmp_path: Path, language: str, said: str) -> None:
    call = await at_the_check(tmp_path, language)
    values = dict(call.planner.progress.slots)
    answer = await call.says(said)
    assert answer.finish is None
    assert not answer.text or answer.text.endswith("Right?")
    assert call.planner.progress.slots == values


@pytest.mark.parametrize(
    "said", ["yes, please cancel", "yes please cancel", "yes, and cancel the order", "okay, hang up"]
)
async def test_an_intent_beside_a_yes_is_followed(said: str) -> None:
    call = call_of(load(find("shop")))
    await call.start()
    await call.says("blue")
    assert (await call.says(said)).text == "Alright. Goodbye."


@pytest.mark.parametrize("language", CANCELS)
async def test_every_language_tells_them_apart(language: str) -> None:
    call = await where_a_call_back_is_said_back(language)
    assert (await call.says(CANCELS[language])).finish is None
    call = await where_a_call_back_is_said_back(language)
    assert (await call.says(AGREES[language])).finish is not None


@pytest.mark.parametrize("said", ["yes, nothing else", "yes, have a good one", "yes, please call me then"])
async def test_words_of_no_value_are_no_value_beside_a_yes(said: str) -> None:
    call = await where_a_call_back_is_said_back("en")
    assert (await call.says(said)).finish is not None


async def test_a_value_that_was_not_said_back_is_not_repeated() -> None:
    call = await where_a_call_back_is_said_back("en")
    assert (await call.says("yes, next week")).finish is None


def test_the_rest_of_a_yes() -> None:
    phrases = load_language("en")
    assert beside_yes("Yes, please cancel.", phrases) == "cancel"
    assert beside_yes("yes, yes, that's right, thanks", phrases) == ""
    assert beside_yes("yes, the blue one", phrases) == "blue one"
    assert beside_yes("yes, the blue one", phrases, {"blue", "mug"}) == ""
    assert beside_yes("yes, not the blue one", phrases, {"blue", "not"}) == "not the blue one"
    assert beside_yes("okay, skip that", phrases, skips=True) == ""
    assert beside_yes("cancel it", phrases) == "cancel it"
