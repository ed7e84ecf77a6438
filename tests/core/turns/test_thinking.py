"""A sound while an answer is planned: what changes nothing keeps the answer, a new request replaces it."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.playback import Segment
from bargein.core.turns import actions as act
from bargein.core.turns.table import State
from tests.core.turns.test_conversation import MENU, Call
from tests.core.turns.test_hold import Held
from tests.fakes import LOUD, utterance


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("", 0.0),
        ("", 0.9),  # a voice that is not understood asks for nothing
        ("mm-hm", 0.0),
        ("What's it, Avi?", 0.05),  # written for "mm-hm"
        ("hello?", 0.9),
        ("Hello? Are you there? Hello.", 0.9),
        ("you hello okay", 0.9),
    ],
)
def test_what_changes_nothing_keeps_the_answer_that_is_prepared(said: str, word: float) -> None:
    call = Held([MENU, "one blue mug"], ["I want the blue one", said, said], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.classifier.word = word
    for _ in range(2):
        call.run(300, LOUD)
        call.run(400)
        assert call.core.state is State.THINKING
    assert call.dropped == []
    call.reply(2)
    call.run(100)
    assert call.core.state is State.SPEAKING
    call.run(2000)
    logged = " ".join(turn.text for turn in call.turns.values())
    assert ("Avi" in logged) is False


def test_hello_within_the_request_is_logged_but_does_not_make_a_question_of_it() -> None:
    call = Call([MENU, "to Rome then"], ["I want to send it to Rome. Hello?"])
    call.run(2500)
    call.run(700, LOUD)
    call.run(2000)
    assert call.situations[-1].caller_text == "I want to send it to Rome."
    assert "I want to send it to Rome. Hello?" in [turn.text for turn in call.turns.values()]


@pytest.mark.parametrize("said", ["no the blue one", "hello? no", "okay the blue one"])
def test_a_new_request_replaces_the_answer_and_is_counted(said: str) -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", said], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.run(400, LOUD)
    call.run(100)
    assert call.core.state is State.YIELDED
    assert call.dropped == [act.DropCause.SPEECH]
    call.run(1200)
    assert call.situations[-1].caller_text == f"I want the red one {said}"


@pytest.mark.parametrize(("said", "heard"), [("mm-hm", True), ("no the blue one", False)])
def test_a_reply_that_is_ready_waits_in_silence_for_a_sound_that_may_be_a_request(said: str, heard: bool) -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", said], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.run(100, LOUD)
    call.reply(2)
    before = len(call.sent)
    call.run(400, LOUD)
    assert not np.concatenate(call.sent[before:]).any()
    call.run(2000)
    assert ("one red mug" in [turn.text for turn in call.turns.values()]) is heard
    assert call.dropped == ([] if heard else [act.DropCause.SPEECH])


def test_a_filler_does_not_begin_over_a_sound_that_may_be_a_request() -> None:
    call = Held([MENU], ["I want the red one", "no the blue one"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.run(60, LOUD)
    call.do(call.core.on_segment(2, Segment(utterance("one moment"), filler=True)))
    before = len(call.sent)
    call.run(600, LOUD)
    assert call.core.state is State.THINKING
    assert not np.concatenate(call.sent[before:]).any()


@pytest.mark.parametrize(
    ("reply", "said", "state"),
    [("one red mug", "", State.SPEAKING), ("one red mug", "hello", State.YIELDED), ("", "hello", State.LISTENING)],
)
def test_a_reply_does_not_wait_for_the_end_of_a_sound_that_goes_on(reply: str, said: str, state: State) -> None:
    call = Held([MENU, reply], ["I want the red one", *[said] * 9], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.classifier.word = 0.4
    call.run(100, LOUD)
    call.reply(2)
    call.run(2800, LOUD)
    assert call.core.state is State.THINKING
    call.run(300, LOUD)
    assert call.core.state is state
