"""The flow planner with the shop as it is shipped."""

from __future__ import annotations

import pytest

from bargein.core.language.kinds import Kind
from bargein.core.turns.records import CallInfo, Situation, Turn
from bargein.core.turns.reply import Finish, Listen, Say
from bargein.dialogue.dialogues import find
from bargein.dialogue.flow import FlowPlanner, load
from bargein.dialogue.languages import load as load_language
from bargein.offline.text_call import TextCall

from .flows import BLUE, LIST, PAY, RED, SEND, call_of


async def shop(*said: str) -> TextCall:
    call = call_of(load(find("shop")))
    await call.start()
    for text in said:
        await call.says(text)
    return call


async def test_the_shop_from_beginning_to_end() -> None:
    call = await shop()
    assert call.last.text == f"Welcome to the mug shop. {LIST} Which one would you like?"
    assert (await call.says("the red one please")).text == f"{RED} {SEND} Is that right?"
    assert (await call.says("yes")).text == PAY
    end = await call.says("by card")
    assert end.text.startswith("Thank you")
    assert end.finish == Finish("hangup", summary="mug=red, payment=card")


@pytest.mark.parametrize(
    "text", ["no, the blue one", "actually make it blue", "I meant blue", "not red, blue", "blue please instead"]
)
async def test_a_correction_changes_the_choice_and_says_it_back(text: str) -> None:
    call = await shop("red")
    answer = await call.says(text, cut="One red mug for")
    assert answer.kind is Kind.CORRECT
    assert answer.text == f"Okay. {BLUE} {SEND} Is that right?"


async def test_where_a_choice_is_said_back_another_one_is_expected() -> None:
    call = await shop("the red one please")
    assert call.last.listen is not None
    assert {"red", "green", "blue"} <= set(call.last.listen.hints)


async def test_the_intents_of_the_flow_are_commands_at_every_step() -> None:
    call = await shop("the red one please", "yes")
    assert call.last.listen is not None
    for said, known in (("cancel ", True), ("hang up ", True), ("the blue one ", False)):
        assert any(pattern.search(said) for pattern in call.last.listen.commands) is known


async def test_a_correction_long_after_the_choice_was_confirmed() -> None:
    call = await shop("red", "yes")
    assert (await call.says("no, the blue one", cut="How would")).text.startswith(f"Okay. {BLUE}")
    assert (await call.says("yes")).text == PAY


async def test_a_choice_in_mid_list() -> None:
    call = await shop()
    assert (await call.says("that one", cut="the green mug")).text.startswith("One green mug for twelve dollars.")


async def test_skip_leaves_what_is_explained() -> None:
    call = await shop()
    assert (await call.says("actually, skip that", cut="We have")).text == "Okay. Which one would you like?"
    call = await shop("red")
    answer = await call.says("actually, skip that", cut="We will send it")
    assert (answer.kind, answer.text) == (Kind.REDIRECT, PAY)


async def test_got_it_counts_as_a_yes() -> None:
    call = await shop("red")
    answer = await call.says("yep, got it, what's next?", cut="We will send it")
    assert (answer.kind, answer.text) == (Kind.CONFIRM, PAY)


async def test_repeat_says_the_cut_sentence_from_its_beginning() -> None:
    call = await shop("red")
    answer = await call.says("say that again", cut="to the address")
    assert answer.text == f"{SEND} Is that right?"
    assert [say.repeated for say in answer.says] == [True, False]


async def test_repeat_after_the_end_says_the_whole_step() -> None:
    call = await shop("red")
    assert (await call.says("sorry?")).text == f"{RED} {SEND} Is that right?"


async def test_wait_then_silence_then_on() -> None:
    call = await shop("red")
    waits = await call.says("wait a second", cut="We will send it")
    assert waits.text == "Sure, take your time."
    assert waits.listen is not None
    assert waits.listen.silence_ms >= 60_000
    assert (await call.says("okay, go on")).text == f"{SEND} Is that right?"


async def test_wait_then_a_correction() -> None:
    call = await shop("red")
    await call.says("hold on", cut="We will send it")
    assert (await call.says("make it blue")).text.startswith(f"Okay. {BLUE}")


async def test_a_person_gets_one_short_sentence_and_the_queue() -> None:
    call = await shop()
    answer = await call.says("can I talk to a person", cut="We have")
    assert len(answer.says) == 1
    assert answer.finish is not None
    assert (answer.finish.result, answer.finish.queue) == ("queue", "support")


async def test_a_question_is_answered_and_the_open_question_asked_again() -> None:
    call = await shop("red")
    answer = await call.says("how much is the green one?", cut="We will")
    assert answer.kind is Kind.QUESTION
    assert answer.text == "The green mug is twelve dollars. One red mug for ten dollars, is that right?"
    assert (await call.says("yes")).text == PAY


async def test_a_backchannel_gets_the_rest_of_the_sentence() -> None:
    call = await shop("red")
    assert (await call.says("uh-huh", cut="We will send")).text == f"{SEND} Is that right?"


async def test_two_interruptions_in_a_row_and_one_of_the_answer() -> None:
    call = await shop("red")
    await call.says("no, the blue one", cut="One red")
    await call.says("wait, green", cut="Okay. One blue")
    answer = await call.says("say that again", cut="One green mug")
    assert answer.text.startswith("One green mug for twelve dollars.")
    await call.says("how much is the red one", cut="One green")
    assert (await call.says("what was that", cut="The red")).text.startswith("The red mug is ten dollars.")


async def test_an_interruption_in_the_last_word() -> None:
    call = await shop("red", "yes", "card")
    assert (await call.says("no, the blue one", cut="Thank you for your order.")).text.startswith(f"Okay. {BLUE}")


async def test_digits_choose_confirm_and_call_a_person() -> None:
    call = await shop()
    assert (await call.presses("3", cut="We have")).text.startswith(BLUE)
    assert (await call.presses("1")).text == PAY
    end = await call.presses("0")
    assert end.finish is not None
    assert end.finish.result == "queue"


async def test_silence_asks_again_then_gets_a_person() -> None:
    call = await shop()
    assert (await call.silent()).text == "Which one would you like?"
    assert (await call.silent()).text.startswith("Are you still there?")
    end = await call.silent()
    assert end.finish is not None
    assert end.finish.queue == "support"


async def test_a_voice_without_words_is_told_that_it_was_not_understood() -> None:
    call = await shop()
    assert (await call.silent(2000, unclear=True)).text == "Sorry, I did not get that. Which one would you like?"
    await call.silent(2000, unclear=True)
    end = await call.silent(2000, unclear=True)
    assert end.finish is not None
    assert end.finish.queue == "support"


async def test_unfinished_words_are_waited_for() -> None:
    call = await shop()
    answer = await call.says("I want", cut="We have")
    assert answer.says == []
    assert isinstance(answer.listen, Listen)
    assert (await call.says("the blue one")).text.startswith(BLUE)


async def test_a_dropped_reply_never_happened() -> None:
    planner = FlowPlanner(load(find("shop")), CallInfo("c"), load_language("en"))
    opening = planner.plan(Situation(()))
    pieces = [piece async for piece in opening if isinstance(piece, Say)]
    opening.commit()
    heard = Turn(0, "agent", 0, 0, " ".join(p.text for p in pieces), " ".join(p.text for p in pieces))
    for text in ("the red", "the red or rather the blue one"):
        reply = planner.plan(Situation((heard,), text))
        said = [piece async for piece in reply if isinstance(piece, Say)]
        reply.cancel()
    assert said[0].text == BLUE
    assert planner.state.values == {}
    reply.commit()
    assert planner.state.values == {"mug": "blue"}


async def test_yes_and_the_payment_in_one_breath() -> None:
    call = await shop("the red one")
    end = await call.says("yes please, by card")
    assert end.finish is not None
