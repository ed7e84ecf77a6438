"""A sound while an answer is planned: what changes nothing keeps the answer, a new request replaces it."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.playout import Segment
from bargein.core.turns import actions as act
from bargein.core.turns.reply import ExpectedKind
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


@pytest.mark.parametrize(
    ("said", "confidence", "expects", "dropped"),
    [
        ("Dobri Naka", 0.3, "", False),
        ("I'm so awesome", 0.3, "", False),
        ("I want the blue one", 0.6, "", True),
        ("below", 0.6, "", False),  # a word or two that may be any sound has to be clear ...
        ("below", 0.8, "", True),
        ("stop", 0.6, "", True),  # ... unless it is one that interrupts
        ("no", 0.6, "choice", True),
        ("no", 0.6, "text", False),  # what would it refuse?
        ("no the blue one", 0.6, "text", True),
        ("twelve", 0.6, "number", True),
        ("no on Tuesday please", 0.5, "", True),  # the sound is likely to be words
        ("wait I meant Thursday", 0.54, "", True),
        ("stop", 0.5, "", True),
        ("stop", 0.45, "", False),  # "no" is written so for "yes"
        ("huh?", 0.6, "", False),
        ("hang up", 0.6, "", True),
        ("cancel", 0.6, "", True),
        ("louder", 0.6, "", True),
        ("no, the blue one", 0.4, "", True),  # nobody coughs like this
        ("no, the blue one", 0.3, "", False),
        ("that is your favorite", 0.42, "", False),  # written for a breath
        ("Thursday", 0.6, "date", True),
        ("Thursday", 0.6, "", False),
        ("What are you?", 0.6, "", False),  # written for the echo of "One moment."
        ("Try", 0.6, "", False),
        ("More often", 0.6, "", False),
    ],
)
def test_what_the_recognizer_is_not_sure_of_replaces_no_answer(
    said: str, confidence: float, expects: ExpectedKind, dropped: bool
) -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", said], word=0.9, expects=expects)
    call.run(3000)
    call.run(700, LOUD)
    call.slow = True
    call.run(1400)
    assert call.core.state is State.THINKING
    call.confidence = confidence
    call.run(400, LOUD)
    call.run(200)
    assert call.dropped == ([act.DropCause.SPEECH] if dropped else [])


@pytest.mark.parametrize(
    ("said", "dropped"),
    [("One moment.", False), ("One, hello?", False), ("moment", False), ("one moment the blue one", True)],
)
def test_the_echo_of_a_filler_is_no_request(said: str, dropped: bool) -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", said], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.do(call.core.on_segment(2, Segment(utterance("one moment"), filler=True)))
    call.run(60)
    call.run(600, LOUD)
    call.run(200)
    assert call.dropped == ([act.DropCause.SPEECH] if dropped else [])


@pytest.mark.parametrize(("since_ms", "dropped"), [(300, False), (2400, True)])
@pytest.mark.parametrize("said", ["one", "moment for"])
def test_what_the_agent_said_before_is_no_echo(said: str, since_ms: int, dropped: bool) -> None:
    call = Held([MENU, "one red mug"], ["I want two red ones", said], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.do(call.core.on_segment(2, Segment(utterance("one moment for you"), filler=True)))
    call.run(60 + since_ms)
    call.run(600, LOUD)
    call.run(200)
    assert call.dropped == ([act.DropCause.SPEECH] if dropped else [])


def test_the_words_of_a_filler_in_another_order_are_a_request() -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", "einen Tisch bitte"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.confidence = 0.65
    call.do(call.core.on_segment(2, Segment(utterance("einen Moment bitte"), filler=True)))
    call.run(60)
    call.run(900, LOUD)
    call.run(200)
    assert call.dropped == [act.DropCause.SPEECH]


def test_a_sentence_over_a_filler_that_may_be_its_echo_misheard_has_to_be_clear() -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", "what are you doing"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.confidence = 0.52
    call.do(call.core.on_segment(2, Segment(utterance("one moment please"), filler=True)))
    call.run(60)
    call.run(600, LOUD)
    call.run(200)
    assert call.dropped == []


def test_a_sentence_that_hardly_sounds_like_words_has_to_be_clear() -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", "no on Tuesday please"], word=0.9)
    call.run(3000)
    call.run(700, LOUD)
    call.slow = True
    call.run(1400)
    call.confidence, call.classifier.word = 0.52, 0.4
    call.run(400, LOUD)
    call.run(200)
    assert call.dropped == []


def test_the_recognizer_judges_a_sound_while_an_answer_is_planned_too() -> None:
    call = Held([MENU, "one red mug"], ["I want the red one", "mm"], word=0.3)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.judged.clear()
    call.run(400, LOUD)
    assert len(call.judged) == 2


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


def test_a_filler_within_a_reply_does_not_begin_over_a_sound_that_has_just_begun() -> None:
    call = Held([MENU], ["I want the red one"], word=0.9)
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1000)
    call.do(call.core.on_segment(2, Segment(utterance("one"))))
    call.run(1000)
    assert call.core.state is State.SPEAKING
    call.classifier.word = 0.0
    call.do(call.core.on_segment(2, Segment(utterance("one moment"), filler=True)))
    call.run(60)  # a filler begins after a gap
    before = len(call.sent)
    call.run(600, LOUD)
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


class Prepared(Held):
    """A call that counts the replies that are prepared."""

    prepared = 0

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        self.prepared += sum(isinstance(action, act.PrepareReply) for action in actions)
        super().do(actions)


@pytest.mark.parametrize(
    ("said", "word", "expects", "over"),
    [
        ("I want it sent to Rome", 0.0, "text", True),
        ("I want it sent to Rome", 0.05, "text", False),
        ("nooo", 0.0, "", False),  # the rest of it sounds like a hum
        ("I want it sent to Rome", 0.0, "digits", False),  # an "m" that is spelled sounds like one, too
        ("I want it sent to Rome", 0.0, "name", False),
    ],
)
def test_a_cough_behind_the_request_does_not_hold_the_answer_up(
    said: str, word: float, expects: ExpectedKind, over: bool
) -> None:
    call = Prepared([MENU, "to Rome then"], [said], expects=expects)
    call.run(3000)
    call.run(900, LOUD)
    call.run(400)
    assert call.core.state is State.LISTENING
    assert call.prepared == 1
    call.classifier.word = word
    call.run(1000, LOUD)
    assert (call.core.state is not State.LISTENING) is over
    assert [situation.caller_text for situation in call.situations[1:]] == ([said] if over else [])
    assert call.prepared == 1


def test_words_behind_a_cough_belong_to_the_turn() -> None:
    call = Held([MENU, "to Rome then"], ["I want to go to"], expects="text")
    call.run(3000)
    call.run(900, LOUD)
    call.run(400)
    call.run(400, LOUD)
    call.run(320)
    call.classifier.word = 0.9
    call.turn_text = dict.fromkeys(call.turn_text, "I want to go to Rome on Monday")
    call.run(900, LOUD)
    assert call.core.state is State.LISTENING
    call.run(2000)
    assert call.situations[-1].caller_text == "I want to go to Rome on Monday"
