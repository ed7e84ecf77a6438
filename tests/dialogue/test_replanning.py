"""What a caller of the shop means who cuts in: skip and choose, refuse, or agree with a word that begins like a no."""

from __future__ import annotations

import pytest

from bargein.core.language.intent import classify
from bargein.core.language.kinds import Kind
from bargein.core.turns.records import CallInfo
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import FlowPlanner, load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

LISTING = "We have the red mug for ten dollars, the green"
ORDERED = "We will send it to the address"


async def said(before: list[str], cut: str | None, text: str) -> tuple[str, str]:
    """The mug and the step after the caller said a text."""
    flow = load(find("shop"))
    planner = FlowPlanner(flow, CallInfo("call"), load_language("en"))
    call = TextCall(planner)
    await call.start()
    for line in before:
        await call.says(line)
    answer = await call.says(text, cut)
    step = answer.finish.result if answer.finish is not None else planner.state.step
    return planner.state.values.get("mug", ""), step


@pytest.mark.parametrize(
    "text", ["skip that, blue", "skip the rest, I want the blue one", "yes blue and skip the rest"]
)
async def test_a_choice_beside_a_skip_is_taken(text: str) -> None:
    assert (await said([], LISTING, text))[0] == "blue"


@pytest.mark.parametrize("text", ["I don't want that one", "something else", "I don't want that"])
async def test_who_refuses_what_was_said_is_asked_again(text: str) -> None:
    assert (await said(["blue"], ORDERED, text))[1] != "payment"


@pytest.mark.parametrize("text", ["no that's right", "no no it's fine", "no I mean yes", "no wait, yes", "why not"])
async def test_a_no_that_agrees(text: str) -> None:
    assert await said(["blue"], None, text) == ("blue", "payment")


async def test_a_change_that_names_the_new_choice_is_made() -> None:
    assert (await said(["blue", "yes"], None, "can I change the mug to red"))[0] == "red"


async def test_not_you_but_a_person() -> None:
    assert (await said(["blue"], ORDERED, "not you, a human"))[1] == "queue"


@pytest.mark.parametrize(
    "text",
    [
        "my dog barks, sorry, go on",
        "that was the TV, carry on",
        "sorry about that, continue",
        "sorry, I coughed, go on",
        "I just sneezed, sorry",
        "excuse me, I have a cold, please continue",
    ],
)
async def test_an_excuse_skips_nothing(text: str) -> None:
    flow = load(find("shop"))
    call = TextCall(FlowPlanner(flow, CallInfo("call"), load_language("en")))
    await call.start()
    assert "blue mug for fifteen dollars" in (await call.says(text, LISTING)).text


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("en", "sorry, that was just my dog, please go on", Kind.BACKCHANNEL),
        ("en", "That was the wrong one, continue", Kind.REDIRECT),
        ("en", "Sorry, that was wrong, go on", Kind.REDIRECT),
        ("en", "sorry what was that, go on", Kind.REPEAT),
        ("en", "That was too fast, go on", Kind.REPEAT),
        ("en", "I want to cancel, sorry, go on", Kind.REDIRECT),
        ("en", "Excuse me, can I continue?", Kind.REDIRECT),
        ("en", "Sorry, can we go ahead", Kind.REDIRECT),
        ("en", "my wife wants the red one, sorry, go on", Kind.REDIRECT),
        ("en", "I coughed up the money, go on", Kind.REDIRECT),
        ("en", "I have a cold drink, go on", Kind.REDIRECT),
        ("en", "sorry, I dropped the order", Kind.CORRECT),
        ("en", "don't mind me asking, how much is it", Kind.QUESTION),
        ("de", "Entschuldigung, ich habe gehustet, weiter", Kind.BACKCHANNEL),
        ("de", "mir ist das Handy runtergefallen, sorry", Kind.BACKCHANNEL),
        ("de", "ich habe Husten bestellt", Kind.OTHER),
        ("es", "perdón, he tosido, siga", Kind.BACKCHANNEL),
        ("fr", "pardon, j'ai éternué, continuez", Kind.BACKCHANNEL),
        ("it", "scusi, ho tossito, continui", Kind.BACKCHANNEL),
        ("nl", "sorry, ik moest hoesten, ga door", Kind.BACKCHANNEL),
        ("pt", "desculpe, tossi, pode continuar", Kind.BACKCHANNEL),
        ("es", "de acuerdo, pero hoy no", Kind.CORRECT),
        ("de", "Entschuldigung, der Hund, weiter", Kind.BACKCHANNEL),
        ("de", "Entschuldigung, ich möchte kündigen, weiter", Kind.REDIRECT),
        ("de", "das war falsch, weiter", Kind.REDIRECT),
        ("fr", "pardon, c'était le chien, continuez", Kind.BACKCHANNEL),
        ("fr", "C'était faux, continuez", Kind.REDIRECT),
        ("es", "era el perro, siga", Kind.BACKCHANNEL),
        ("es", "Perdón, no es eso, siga", Kind.CORRECT),
        ("es", "era la roja, siga", Kind.OTHER),
        ("es", "para ya de hablar", Kind.STOP),
        ("es", "para, quiero hablar", Kind.STOP),
        ("es", "para mañana", Kind.OTHER),
        ("it", "era il cane, continui", Kind.BACKCHANNEL),
        ("it", "era il rosso, continui", Kind.OTHER),
        ("nl", "sorry, de hond, ga door", Kind.BACKCHANNEL),
        ("nl", "dat was fout, ga door", Kind.CORRECT),
        ("pt", "era o cachorro, continue", Kind.BACKCHANNEL),
        ("pt", "era o vermelho, continue", Kind.OTHER),
    ],
)
def test_an_excuse_hides_no_wish(language: str, text: str, kind: Kind) -> None:
    assert classify(text, load_language(language)) is kind
