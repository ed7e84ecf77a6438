"""Sounds over the agent's speech whose words come out of order, or never."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import samples
from bargein.core.audio.playout import Segment
from bargein.core.turns.table import State
from bargein.core.turns.transcript import RECOGNIZER_LATE_MS
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_next_sound import MAY_BE, STATEMENT, WORD, Slow
from tests.fakes import utterance


def test_a_sound_that_alone_would_not_stop_the_agent_does_not_keep_it_silent() -> None:
    """The words of each sound come when the next one is over. Only the first had stopped the agent."""
    call = Slow([STATEMENT], ["okay"] * 9, 1000)
    call.run(1000)
    call.sound(WORD, 300)
    call.run(700)
    for _ in range(5):
        call.sound(MAY_BE, 200)
        call.run(700)
    silent = call.levels()[1100 // 5 : 5600 // 5] == 0
    assert int(silent.sum()) * 5 <= 1300  # until the words of the first came
    call.run(5000)
    said = [("okay", "backchannel", "resumed")] * 2 + [("okay", "backchannel", "held")] * 4  # it was silent over two
    assert call.results == said


def test_a_sound_that_would_have_stopped_the_agent_keeps_it_silent() -> None:
    call = Slow([STATEMENT, "fine"], ["okay", "no wait"], 1300)
    call.run(1000)
    call.sound(WORD, 300)
    call.run(700)
    call.sound(WORD, 400)
    call.run(900)
    assert call.answered == [1]
    assert call.silent(1100)
    call.run(4000)
    assert call.results == [("okay", "backchannel", "resumed"), ("no wait", "stop", "replanned")]


def test_a_sound_that_the_agent_went_on_over_does_not_keep_it_silent_later() -> None:
    call = Slow([STATEMENT], ["okay", "uh-huh"], 3500)
    call.late_of = {2: 300}
    call.run(1000)
    call.sound(WORD, 200)
    call.sound(MAY_BE, 200)
    assert call.core.state is State.DUCKED
    call.run(500)
    call.sound(WORD, 400)
    assert call.core.state is State.PAUSED
    call.run(440)
    assert call.answered == [2]
    assert call.core.state is State.DUCKED
    call.run(6000)
    assert call.turns[0].heard_text == STATEMENT


def test_sounds_without_words_wait_for_a_limited_time() -> None:
    call = Slow([" ".join([STATEMENT] * 7)], [], 1000)
    call.late_of = dict.fromkeys(range(100))
    call.run(1000)
    for _ in range(30):
        call.sound(MAY_BE, 300)
        call.run(700)
        assert len(call.core._caller.waiting) <= RECOGNIZER_LATE_MS // 1000
    call.run(RECOGNIZER_LATE_MS)
    assert call.results == [("", "backchannel", "held")] * 30
    assert sorted(call.closed) == list(range(1, 31))


def test_the_planner_gets_the_words_in_the_order_in_which_they_were_said() -> None:
    call = Slow([STATEMENT, "sorry"], ["I would like to have", "two big mugs", "of the red kind"], 1000)
    call.late_of = {1: 2600, 2: 800, 3: 300}
    call.run(1000)
    call.sound(MAY_BE, 500)
    call.run(340)
    call.sound(MAY_BE, 500)
    call.run(400)
    call.sound(WORD, 3000)
    call.run(6000)
    assert call.situations[1].caller_text == "I would like to have two big mugs of the red kind"
    assert len(call.situations) == 2


def test_the_end_of_the_turn_waits_for_the_words_before_it() -> None:
    call = Slow([STATEMENT, "sorry"], ["not the blue one but", "the green one"], 300)
    call.late_of = {1: 2500}
    call.run(1000)
    call.sound(MAY_BE, 700)
    call.run(400)
    call.sound(WORD, 700)
    call.run(5000)
    assert call.results == [("not the blue one but the green one", "correct", "replanned")]
    assert call.situations[1].caller_text == "not the blue one but the green one"


def test_the_end_of_the_turn_waits_no_longer_than_for_its_own_words() -> None:
    call = Slow([STATEMENT, "sorry"], ["", "the green one"], 300)
    call.late_of = {1: None}
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 700)
    while len(call.situations) < 2:
        call.run(20)
    assert call.core.now - samples(1300) <= samples(RECOGNIZER_LATE_MS + 100)
    assert call.situations[1].caller_text == "the green one"


def test_a_cough_before_the_turn_is_no_pause_of_it() -> None:
    call = Slow([MENU, "fine"], ["", "I want it sent to Rome please"], 200, expects="text")
    call.late_of = {1: 1100}
    call.run(700)
    call.sound(MAY_BE, 200)
    call.run(600)
    call.sound(MAY_BE, 1700)
    call.run(200)
    assert call.core._caller.turn is not None
    assert call.core._caller.turn.longest_pause_ms == 0
    assert call.results == [("", "noise", "held")]


def test_the_stream_of_a_sound_that_waits_gets_nothing_of_the_next() -> None:
    call = Slow([" ".join([STATEMENT] * 2)], ["okay", ""], 1000, voice=0.5)
    call.late_of = {1: None, 2: None}
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(MAY_BE, 2400)
    assert 2 in call.closed  # rejected, and it goes on
    loud = np.abs(np.concatenate(call.heard[1])) > 1000
    assert int(loud.sum()) <= samples(300)


def test_over_the_end_of_the_reply_a_backchannel_is_no_answer_to_the_question() -> None:
    question = Segment(utterance("which one"), question=True)
    call = Slow([MENU, "fine"], ["okay", "blue"], 2000, then=question)
    call.run(1300)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.run(200)
    call.sound(MAY_BE, 400)
    call.run(6000)
    assert call.results == [("okay", "backchannel", "held")]
    assert [row.agent_text for row in call.rows.values()] == [f"{MENU} which one"]
    assert call.situations[1].caller_text == "blue"


def test_a_backchannel_over_the_last_words_of_the_agent_is_held_though_its_words_come_later() -> None:
    call = Slow([MENU, "fine"], ["okay", "I want the blue one"], 1500)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(MAY_BE, 600)
    assert call.core.state is State.LISTENING
    call.run(5000)
    assert call.situations[1].caller_text == "I want the blue one"
    assert call.results == [("okay", "backchannel", "held")]
    assert [row.turn_seq for row in call.rows.values()] == [0]


@pytest.mark.parametrize("late_ms", [200, 1000, 2000, 3500])
@pytest.mark.parametrize("word", [MAY_BE, WORD])
@pytest.mark.parametrize("answer", ["", "blue"])
def test_a_backchannel_over_a_statement_is_no_answer_to_the_question_though_its_words_come_later(
    answer: str, word: float, late_ms: int
) -> None:
    question = Segment(utterance("which one"), question=True)
    call = Slow([MENU, "fine"], ["okay", answer], late_ms, then=question)
    call.late_of = {2: 300}
    call.run(1300)
    call.sound(word, 300)
    call.run(2800)
    if answer:
        call.sound(WORD, 400)
    call.run(4000)
    assert [(row.kind, row.turn_seq) for row in call.rows.values()] == [("backchannel", 0)]
    said = [situation.caller_text for situation in call.situations[1:] if not situation.silence_ms]
    assert said == [answer] * bool(answer)
    assert 1 in call.closed


@pytest.mark.parametrize("late_ms", [1000, 2000, 3500])
def test_a_request_over_a_statement_is_answered_once_though_its_words_come_behind_the_question(late_ms: int) -> None:
    question = Segment(utterance("which one"), question=True)
    call = Slow([MENU, "fine"], ["I want the blue one"], late_ms, then=question)
    call.run(1300)
    call.sound(MAY_BE, 300)
    call.run(late_ms + 2000)
    assert [situation.caller_text for situation in call.situations[1:]] == ["I want the blue one"]


def test_of_two_sounds_over_the_last_words_the_request_is_answered() -> None:
    call = Slow([MENU, "fine"], ["I want the blue one", "okay"], 300)
    call.late_of = {1: 2000, 2: 3000}
    call.run(660)
    call.sound(MAY_BE, 300)
    call.run(340)
    call.sound(MAY_BE, 200)
    call.run(5000)
    assert [situation.caller_text for situation in call.situations[1:]] == ["I want the blue one"]
    assert call.results == [("okay", "backchannel", "held")]


@pytest.mark.parametrize("late_ms", [200, 2000, 3500])
def test_an_answer_is_one_while_a_cough_at_the_beginning_of_the_question_is_not_decided(late_ms: int) -> None:
    call = Slow([MENU, "which one would you", "fine"], ["I want a mug please", "", "okay"], 200)
    call.late_of = {2: late_ms}
    call.run(3000)
    call.sound(WORD, 800)
    call.line = {"question": True}
    while call.core.state is not State.SPEAKING:
        call.run(20)
    call.run(40)
    call.sound(MAY_BE, 200)
    call.run(1500)
    call.sound(MAY_BE, 300)
    call.run(4000)
    assert [situation.caller_text for situation in call.situations] == ["", "I want a mug please", "okay"]
