"""What the caller says over a notice, keys in parts, or has not finished at the hangup."""

from __future__ import annotations

import numpy as np

from bargein.core.audio.pcm import SAMPLES_PER_MS
from bargein.core.audio.playout import Segment
from bargein.core.turns.reply import Listen
from bargein.core.turns.table import State
from tests.core.turns.test_conversation import MENU, Call
from tests.fakes import LOUD, utterance

NOTICE = "this call may be recorded"


def test_a_backchannel_over_a_notice_is_no_answer_to_the_question_after_it() -> None:
    question = Segment(utterance("do you agree"), question=True)
    call = Call([NOTICE, "fine"], ["uh-huh"], then=question, interruptible=False)
    call.run(300)
    call.run(300, LOUD)
    call.run(3000)
    assert call.core.state is State.LISTENING
    assert len(call.situations) == 1
    assert [t.text for t in call.turns.values()] == [f"{NOTICE} do you agree", "uh-huh"]


def test_who_talks_on_from_a_notice_into_what_follows_interrupts_that() -> None:
    call = Call([NOTICE, "fine"], ["stop stop"], then=Segment(utterance(MENU)), interruptible=False)
    call.run(1000)
    call.run(1500, LOUD)
    assert call.core.state is State.YIELDED
    assert call.row.heard_text == NOTICE
    call.run(1500)
    assert call.situations[1].caller_text == "stop stop"


def test_digits_over_a_notice_are_logged_once_and_answered_at_its_end() -> None:
    call = Call([NOTICE, "thank you"], interruptible=False, digits=2)
    call.run(300)
    for digit in "47":
        call.do(call.core.on_digit(digit))
        call.run(100)
    call.run(1500)
    assert call.situations[1].digits == "47"
    call.run(3000)
    assert [t.text for t in call.turns.values()] == [NOTICE, "47", "thank you"]


def the_number_is_whole_with_its_last_digit(call: Call) -> None:
    """Of 4711, of which the 4 is keyed."""
    assert len(call.situations) == 1
    for digit in "711":
        call.do(call.core.on_digit(digit))
    assert call.situations[1].digits == "4711"
    assert call.turns[1].text == "4711"


def test_digits_that_are_not_all_there_at_the_end_of_a_notice_are_waited_for() -> None:
    call = Call([NOTICE, "thank you"], interruptible=False, digits=4)
    call.run(1400)
    call.do(call.core.on_digit("4"))
    call.run(1000)
    the_number_is_whole_with_its_last_digit(call)


def test_who_hangs_up_while_the_agent_is_paused_leaves_a_row() -> None:
    call = Call([MENU], ["I am"])
    call.run(1000)
    call.run(120, LOUD)
    assert call.core.state is State.PAUSED
    call.do(call.core.on_hangup())
    assert (call.row.resolution, call.row.decided_ms, call.row.cut_word) == ("hung_up", 1120, "costs")
    assert len(call.turns) == 1


def test_a_sound_that_was_let_go_and_turns_out_to_be_a_voice_is_heard_from_its_start() -> None:
    call = Call([MENU + " " + MENU], ["", "I would like the blue one"], voice=0.05)
    call.run(600)
    call.run(400, LOUD)
    assert call.row.resolution == "resumed"
    call.hearing.voice = 0.9
    call.run(1100, LOUD)
    assert call.core.state is State.YIELDED
    assert np.count_nonzero(np.concatenate(call.heard[2])) >= 1480 * SAMPLES_PER_MS


def test_a_cough_between_two_keys_does_not_end_the_number() -> None:
    call = Call([MENU, "thank you"], ["", ""], digits=4)
    call.run(2500)
    call.do(call.core.on_digit("4"))
    call.run(200, LOUD)
    call.run(1000)
    the_number_is_whole_with_its_last_digit(call)


def test_what_is_being_said_at_the_hangup_is_logged() -> None:
    call = Call([MENU], ["I want the blue one"])
    call.run(3000)
    call.run(600, LOUD)
    call.run(200)
    call.do(call.core.on_hangup())
    assert [turn.text for turn in call.turns.values()] == [MENU, "I want the blue one"]


def test_digits_keyed_so_far_are_logged_at_the_hangup() -> None:
    call = Call([MENU], digits=4)
    call.run(3000)
    call.do(call.core.on_digit("4"))
    call.do(call.core.on_hangup())
    assert [turn.text for turn in call.turns.values()] == [MENU, "4"]


def test_what_is_said_where_a_secret_is_asked_for_is_written_nowhere() -> None:
    call = Call([MENU, "Thank you."], ["four two seven seven"])
    call.do(call.core.expect(1, Listen(secret=True)))
    call.run(1000)
    call.run(900, LOUD)
    call.run(1500)
    assert call.situations[-1].caller_text == "four two seven seven"
    written = [turn.text for turn in call.turns.values()] + [row.caller_text for row in call.rows.values()]
    assert not any("four" in text for text in written)
    assert "[secret]" in written


def test_a_key_between_a_filler_and_its_reply_interrupts_the_filler() -> None:
    call = Call([MENU, "one blue mug", "fine"], ["the blue one"])
    call.run(3500)
    call.run(700, LOUD)
    call.slow = True
    while len(call.situations) < 2:
        call.run(20)
    call.do(call.core.on_segment(2, Segment(utterance("one moment"), filler=True)))
    call.reply(2)
    while call.core.state is State.THINKING:
        call.run(20)
    call.do(call.core.on_digit("3"))
    assert call.turns[call.row.turn_seq].text == "one moment"
    assert (call.row.agent_text, call.row.heard_text, call.row.kind) == ("one blue mug", "", "dtmf")
