"""A sound after another over the agent's speech, while the words of the first are awaited."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import samples
from bargein.core.audio.playout import Segment
from bargein.core.turns import actions as act
from bargein.core.turns.endpoint import PREROLL_SAMPLES
from bargein.core.turns.records import Interruption
from bargein.core.turns.table import State
from bargein.core.turns.transcript import SoundProbabilities, Transcript
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_hold import Held
from tests.fakes import LOUD, utterance

STATEMENT = f"{MENU} {MENU} {MENU}"  # 5.4 s
MAY_BE, WORD = 0.04, 0.9  # lets the agent talk on until the words are known; stops it
LATE = pytest.mark.parametrize("late_ms", [1000, 2000])


class Slow(Held):
    """A call whose recognizer needs `late_ms` for the words, of which it says what was said until it was asked.

    `late_of`: otherwise for the sounds with these numbers; None: the words never come.
    """

    def __init__(self, says: list[str], texts: list[str], late_ms: int, **options: object) -> None:
        self.late = samples(late_ms)
        self.late_of: dict[int, int | None] = {}
        self.due: list[tuple[int, act.RequestTranscript]] = []
        self.closed: list[int] = []
        self.answered: list[int] = []
        self.probabilities: SoundProbabilities | None = None  # what the recognizer takes each sound for
        super().__init__(says, texts, **options)  # type: ignore[arg-type]

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        self.closed += [a.turn_id for a in actions if isinstance(a, act.CloseStream)]
        asked = [a for a in actions if isinstance(a, act.RequestTranscript)]
        self.asked += len(asked)
        for action in asked:
            late_ms = self.late_of.get(action.turn_id, self.late // samples(1))
            self.due += [] if late_ms is None else [(self.core.now + samples(late_ms), action)]
        self.due.sort(key=lambda due: due[0])
        super().do([action for action in actions if action not in asked])

    def run(self, ms: int, frame=None) -> None:  # type: ignore[no-untyped-def]
        for _ in range(ms // 20):
            super().run(20, np.zeros_like(LOUD) if frame is None else frame)
            while self.due and self.due[0][0] <= self.core.now:
                _, asked = self.due.pop(0)
                if asked.turn_id not in self.closed:
                    self.answered.append(asked.turn_id)
                    text, speech = self.turn_text[asked.turn_id], 0.9 * bool(self.turn_text[asked.turn_id])
                    words = Transcript(text, self.confidence, speech, sound_probabilities=self.probabilities)
                    self.do(self.core.on_transcript(asked.turn_id, asked.at, words))

    def sound(self, word: float, ms: int) -> None:
        self.classifier.word = word
        self.run(ms, LOUD)

    @property
    def in_order(self) -> list[Interruption]:
        """The rows in the order in which their sounds began."""
        return sorted(self.rows.values(), key=lambda row: row.onset_ms)

    @property
    def results(self) -> list[tuple[str, str, str]]:
        """What became of each sound, in the order in which they began."""
        return [(row.caller_text, row.kind, row.resolution) for row in self.in_order]

    def silent(self, since_ms: int) -> bool:
        """Whether nothing was to be heard since then."""
        return not self.levels()[since_ms // 5 :].any()


@LATE
def test_a_word_behind_a_backchannel_stops_the_agent_at_once(late_ms: int) -> None:
    call = Slow([STATEMENT, "fine"], ["okay", "no wait"], late_ms)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(700)
    assert call.core.state is State.DUCKED  # nothing is known of the first yet
    call.sound(WORD, 100)
    assert call.core.state is State.PAUSED
    assert call.audible_ms() <= 2120
    call.sound(WORD, 500)
    call.run(4000)
    assert call.results == [("okay", "backchannel", "held"), ("no wait", "stop", "replanned")]
    assert [situation.caller_text for situation in call.situations] == ["", "no wait"]
    assert sorted(call.closed) == [1, 2]
    first, second = call.in_order
    assert first.paused_ms == 1060  # when the agent was ducked for it, though it fell silent for the other
    assert (second.onset_ms, second.stop_latency_ms) == (1980, 95)


@LATE
def test_the_words_of_the_first_are_not_those_of_the_second(late_ms: int) -> None:
    """They come while the second goes on, or when it has stopped the agent without words."""
    call = Slow([STATEMENT, "fine"], ["okay", "I would like the green one"], late_ms)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 2400)
    assert call.core.state is State.YIELDED
    assert 1 in call.answered
    call.run(4000)
    assert call.results == [("okay", "backchannel", "held"), ("I would like the green one", "other", "replanned")]
    assert call.situations[1].caller_text == "I would like the green one"
    first, second = call.in_order
    assert first.turn_seq == second.turn_seq == 0
    assert first.agent_text == STATEMENT
    assert first.heard_text
    assert STATEMENT.startswith(first.heard_text)


@LATE
def test_a_backchannel_behind_a_backchannel_costs_nothing(late_ms: int) -> None:
    call = Slow([STATEMENT], ["mm-hm", "yeah", "okay"], late_ms)
    call.run(600)
    for _ in range(3):
        call.sound(MAY_BE, 300)
        call.run(400)
    call.run(5000)
    assert call.results == [(said, "backchannel", "held") for said in ("mm-hm", "yeah", "okay")]
    assert call.core.state is State.LISTENING
    assert call.turns[0].heard_text == STATEMENT
    assert call.turns[0].ended_ms - call.turns[0].started_ms == 18 * 300  # without a break
    assert sorted(call.closed) == [1, 2, 3]
    assert len(call.turns) == 1


@LATE
def test_a_word_behind_a_cough_stops_the_agent(late_ms: int) -> None:
    call = Slow([STATEMENT, "fine"], ["", "stop"], late_ms)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(700)
    call.sound(WORD, 600)
    assert call.core.state is State.PAUSED
    assert call.audible_ms() <= 2120
    call.run(5000)
    assert call.results == [("", "noise", "held"), ("stop", "stop", "replanned")]


@LATE
@pytest.mark.parametrize("word", [0.01, MAY_BE])
def test_a_cough_behind_a_request_leaves_the_agent_silent(late_ms: int, word: float) -> None:
    call = Slow([STATEMENT, "sorry"], ["no the green one", ""], late_ms)
    call.run(1000)
    call.sound(WORD, 600)
    call.run(700)
    call.sound(word, 300)
    assert call.core.state is State.PAUSED
    call.slow = True
    call.run(3000)
    assert call.silent(1120)
    assert call.results[0] == ("no the green one", "correct", "ignored")
    assert call.situations[1].caller_text == "no the green one"


@LATE
def test_what_was_said_in_two_sounds_is_one_request(late_ms: int) -> None:
    call = Slow([STATEMENT, "sorry"], ["no", "the green one"], late_ms)
    call.run(1000)
    call.sound(WORD, 300)
    call.run(700)
    call.sound(WORD, 600)
    call.run(5000)
    assert call.results == [("no the green one", "correct", "replanned")]
    assert call.situations[1].caller_text == "no the green one"
    assert call.turns[1].text == "no the green one"
    assert call.core._turn_end.pace.turns == 1
    assert call.core._turn_end.pace.factor > 1  # a pause within the turn


def test_a_request_whose_words_come_when_a_later_cough_is_over_stops_the_agent() -> None:
    call = Slow([STATEMENT, "sorry"], ["no wait", ""], 1000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(320)
    call.sound(0.01, 200)  # nobody is asked for its words
    call.run(200)
    assert call.core.state is State.DUCKED
    assert call.results == [("", "backchannel", "held")]
    call.run(300)
    assert call.core.state is State.DUCKED
    call.run(40)
    assert call.situations[1].caller_text == "no wait"
    call.run(2000)
    assert call.results == [("no wait", "stop", "replanned"), ("", "backchannel", "held")]


@LATE
def test_the_agent_goes_on_when_what_alone_had_stopped_it_was_nothing(late_ms: int) -> None:
    call = Slow([STATEMENT], ["mm-hm", "uh-huh"], late_ms)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 400)
    assert call.core.state is State.PAUSED
    call.sound(MAY_BE, 20)
    assert call.core.state is State.DUCKED
    call.run(6000)
    assert call.turns[0].heard_text == STATEMENT


def test_a_pause_that_began_with_the_first_ends_when_both_are_nothing() -> None:
    call = Slow([STATEMENT], ["okay", ""], 1000)
    call.run(1000)
    call.sound(WORD, 200)
    call.sound(0.4, 200)
    call.run(700)
    assert call.core.state is State.PAUSED
    call.sound(MAY_BE, 220)
    assert call.core.state is State.PAUSED
    call.run(300)
    assert call.answered == [1]
    assert call.core.state is not State.PAUSED
    call.run(6000)
    assert call.results == [("okay", "backchannel", "resumed"), ("", "noise", "resumed")]
    assert call.turns[0].heard_text == STATEMENT


def test_a_sound_that_is_long_over_does_not_stop_the_agent_without_words() -> None:
    call = Slow([STATEMENT], ["okay"], 2000)
    call.run(1000)
    call.sound(MAY_BE, 260)
    call.sound(0.55, 60)
    call.run(1400)
    assert call.core.state is State.DUCKED
    assert not (call.levels()[1000 // 5 :] == 0).any()


def test_a_click_behind_a_sound_is_no_other_sound() -> None:
    call = Slow([STATEMENT], ["okay", "?"], 1000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 60)
    call.run(200)
    assert len(call.heard) == 1
    call.run(400)
    assert call.results == [("okay", "backchannel", "held")]


@pytest.mark.parametrize(
    ("word", "gap_ms", "sounds"), [(MAY_BE, 280, 1), (MAY_BE, 320, 2), (WORD, 580, 1), (WORD, 620, 2)]
)
def test_a_short_gap_is_within_the_sound(word: float, gap_ms: int, sounds: int) -> None:
    """Longer where the agent is silent: the caller goes on, and a recognizer knows more of the whole."""
    call = Slow([STATEMENT], ["no the green one"], 1000)
    call.run(1000)
    call.sound(word, 300)
    call.run(gap_ms)
    call.sound(WORD, 300)
    assert len(call.heard) == sounds


def test_each_sound_has_its_own_stream() -> None:
    call = Slow([STATEMENT], ["okay", "no wait"], 1000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(500)
    call.sound(WORD, 300)
    preroll = call.heard[2][0]
    assert len(preroll) == PREROLL_SAMPLES
    assert preroll[: samples(200)].any() == np.False_  # nothing of the first sound
    assert sum(map(len, call.heard[2])) == PREROLL_SAMPLES + samples(220)


def test_a_backchannel_over_a_statement_is_none_of_the_question_behind_it() -> None:
    question = Segment(utterance("which one would you like"), question=True)
    call = Slow([MENU], ["okay"], 1000, then=question)
    call.run(1300)
    call.sound(MAY_BE, 300)
    call.run(1100)
    assert call.core.playback.question
    assert call.answered == [1]
    assert call.core.state is State.SPEAKING
    assert call.results == [("okay", "backchannel", "held")]


def test_a_hangup_logs_both_sounds() -> None:
    call = Slow([STATEMENT], ["okay", "no wait"], 2000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 300)
    call.do(call.core.on_hangup())
    assert [row.resolution for row in call.in_order] == ["held", "hung_up"]
    assert sorted(call.closed) == [1, 2]


def test_what_was_said_before_a_notice_is_answered_after_it() -> None:
    notice = Segment(utterance("this call is recorded for training"), interruptible=False)
    call = Slow([MENU, "one blue mug"], ["the blue one", "and the red one"], 1500, then=notice)
    call.run(700)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(MAY_BE, 600)
    call.run(5000)
    assert call.situations[1].caller_text == "the blue one and the red one"
    assert not call.rows
    assert sorted(call.closed) == [1, 2]


def test_a_digit_between_two_sounds_answers_at_once() -> None:
    call = Slow([STATEMENT, "fine"], ["okay", "well"], 2000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(MAY_BE, 200)
    call.do(call.core.on_digit("3"))
    call.run(1000)
    assert call.situations[1].digits == "3"
    assert sorted(call.closed) == [1, 2]
    assert [row.resolution for row in call.in_order] == ["held", "replanned"]


def test_a_silence_that_two_sounds_share_is_in_both_rows() -> None:
    call = Slow([STATEMENT, "fine"], ["okay", "no wait"], 1000)
    call.run(1000)
    call.sound(WORD, 300)
    call.run(700)
    call.sound(WORD, 600)
    call.run(3000)
    assert call.results == [("okay", "backchannel", "resumed"), ("no wait", "stop", "replanned")]
    first, second = call.in_order
    assert first.paused_ms == second.paused_ms
    assert second.stop_latency_ms == 0  # the agent was silent
    assert call.situations[1].caller_text == "no wait"


@pytest.mark.parametrize("said", ["no", "mm-hm"])
def test_words_that_come_when_the_next_sound_has_interrupted_are_the_beginning_or_nothing(said: str) -> None:
    call = Slow([STATEMENT, "fine"], [said, "I want the green one"], 2400)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(WORD, 1600)
    assert call.core.state is State.YIELDED  # a voice that lasts
    assert call.answered == []
    call.run(6000)
    heard = "no I want the green one" if said == "no" else "I want the green one"
    assert call.situations[1].caller_text == heard
    assert [row.resolution for row in call.rows.values()] == ["replanned"] + ["held"] * (said != "no")
    assert sorted(call.closed) == [1, 2]


@pytest.mark.parametrize(("onset_ms", "cut_off"), [(100, True), (500, False)])
def test_an_answer_is_retracted_by_the_sound_that_began_with_it(onset_ms: int, cut_off: bool) -> None:
    says = [MENU, STATEMENT, "one moment please"]
    call = Slow(says, ["my name is Miller", "and this is my street", ""], 1000)
    call.run(3500)
    call.sound(WORD, 900)
    while len(call.situations) < 2:
        call.run(20)
    call.run(onset_ms)
    call.sound(MAY_BE, 300)
    call.run(400)
    call.sound(MAY_BE, 200)
    call.run(3000)
    assert call.results[0][2] == ("retracted" if cut_off else "replanned")
    assert call.situations[2].caller_text == "my name is Miller and this is my street"[0 if cut_off else 18 :]


@pytest.mark.parametrize("voice", [0.05, 0.9])
def test_the_agent_goes_on_when_the_sound_that_had_stopped_it_was_nothing(voice: float) -> None:
    """As it did over the first, though that one may be a word: it had not stopped the agent."""
    call = Slow([STATEMENT], ["okay", ""], 2000)
    call.run(1000)
    call.sound(MAY_BE, 260)
    call.sound(0.3, 60)
    call.run(400)
    call.hearing.voice = voice
    call.sound(WORD, 240)
    assert call.core.state is State.PAUSED
    if voice > 0.5:
        call.sound(0.0, 100)
    call.run(80)
    assert call.core.state is State.DUCKED
    assert call.core._caller.sounds[0].id == 1


def test_a_backchannel_that_lasts_until_the_question_answers_it() -> None:
    question = Segment(utterance("which one would you like"), question=True)
    call = Slow([MENU, "fine"], ["yeah"], 200, then=question)
    call.run(1500)
    call.sound(MAY_BE, 600)
    call.run(400)
    assert call.core.state is State.YIELDED
