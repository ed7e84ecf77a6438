"""The floor: the agent talks on through what is no word, and stops for what is."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import SAMPLES_PER_MS, dbfs
from bargein.core.audio.playout import Segment
from bargein.core.turns import actions as act
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.overlap import EarlySettings, OverlapSound, at, follow_sound
from bargein.core.turns.overlap_classifier import OverlapClass
from bargein.core.turns.settings import ConversationSettings
from bargein.core.turns.table import Event, State
from bargein.dialogue.languages import load
from tests.core.turns.test_conversation import MENU, Call
from tests.fakes import LOUD, LevelDetector, ToldClassifier, utterance


class Held(Call):
    """A call with a classifier that is told what it hears."""

    def __init__(
        self,
        says: list[str],
        texts: list[str],
        word: float = 0.0,
        duck: bool = True,
        longest_turn_ms: int = 60_000,
        **options: object,
    ) -> None:
        self.classifier = ToldClassifier(word)
        self.settings = ConversationSettings(duck=duck, longest_turn_ms=longest_turn_ms)
        self.dropped: list[act.DropCause] = []
        self.asked = 0  # requests for words
        self.judged: list[act.JudgeSound] = []
        super().__init__(says, texts, **options)  # type: ignore[arg-type]

    def make(self, detector: LevelDetector) -> Conversation:
        return Conversation("c", detector, load("en"), self.settings, self.classifier)  # type: ignore[arg-type]

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        self.dropped += [a.dropped for a in actions if isinstance(a, act.CancelReply) and a.dropped]
        self.judged += [a for a in actions if isinstance(a, act.JudgeSound)]
        self.asked += sum(isinstance(a, act.RequestTranscript) for a in actions)
        super().do(actions)

    def levels(self) -> np.ndarray:
        """The peak of every 5 ms that were sent."""
        return np.abs(np.concatenate(self.sent)).reshape(-1, 5 * SAMPLES_PER_MS).max(axis=1)


def test_a_backchannel_is_talked_through_lower_and_loses_nothing() -> None:
    call = Held([MENU], ["uh-huh"])
    call.classifier.word = 0.18  # may be a word at first, so the agent goes down ...
    call.run(1000)
    call.run(140, LOUD)
    levels = call.levels()
    assert min(levels[-4:]) >= 8000 * 10 ** (-13 / 20)
    assert max(levels[-4:]) <= 8000 * 10 ** (-11 / 20)
    call.classifier.word = 0.01
    call.run(160, LOUD)
    call.run(200)
    assert call.levels()[-1] == 8000  # ... and is back at full level
    assert call.core.state is State.SPEAKING
    assert (call.row.kind, call.row.resolution, call.row.caller_text) == ("backchannel", "held", "")
    assert call.row.stop_latency_ms == 0  # it never stopped
    call.run(2000)
    assert call.turns[0].heard_text == MENU
    assert call.turns[0].ended_ms - call.turns[0].started_ms == 6 * 300  # said once, without a break


def test_a_word_stops_the_agent_at_once() -> None:
    call = Held([MENU, "sorry"], ["no the blue one"], word=0.9)
    call.run(1000)
    call.run(100, LOUD)
    assert call.core.state is State.PAUSED
    assert call.audible_ms() < 1110
    call.run(200, LOUD)
    call.run(200)
    assert call.row.caller_text == ""
    assert call.core.state is State.YIELDED


def test_a_stop_that_was_wrong_is_undone_before_it_is_heard_as_silence() -> None:
    call = Held([MENU], ["mm-hm"], word=0.9)
    call.run(1000)
    call.run(200, LOUD)
    call.classifier.word = 0.0
    call.run(300, LOUD)
    call.run(300)
    silent = np.flatnonzero(call.levels()[: 1500 // 5] == 0)
    assert 0 < len(silent) * 5 < 200
    assert (call.row.kind, call.row.resolution) == ("backchannel", "held")


def test_a_held_sound_that_turns_into_words_stops_the_agent() -> None:
    call = Held([MENU, "sure"], ["mm-hm but I want the blue one"], word=0.0)
    call.run(600)
    call.run(300, LOUD)
    assert call.core.state is State.DUCKED
    call.classifier.word = 0.95
    call.run(300, LOUD)
    assert call.core.state is State.PAUSED


@pytest.mark.parametrize(
    ("word", "question", "asked"), [(0.01, False, 0), (0.05, False, 1), (0.01, True, 1)], ids=["none", "maybe", "asked"]
)
def test_the_recognizer_is_not_asked_about_what_is_surely_no_word(word: float, question: bool, asked: int) -> None:
    call = Held([MENU], ["uh-huh"], word=word, question=question)
    call.run(600)
    call.run(300, LOUD)
    call.run(300)
    assert call.core.state is State.SPEAKING
    assert call.asked == asked


def test_a_silent_agent_asks_for_words_once() -> None:
    call = Held([MENU, "fine"], ["I want the red one"], word=0.9)
    call.run(600)
    call.run(1000, LOUD)
    call.run(60)
    call.run(900, LOUD)
    assert call.asked == 0  # a sound of two seconds, with the closure of a consonant in it
    call.run(200)
    assert call.asked == 1


@pytest.mark.parametrize("said", ["wait", "no", "hello?", "sorry?"])
def test_words_that_want_the_floor_get_it_even_if_the_sound_was_held(said: str) -> None:
    call = Held([MENU, "yes"], [said], word=0.05)
    call.run(600)
    call.run(300, LOUD)
    call.run(100)
    assert call.core.state is State.YIELDED


@pytest.mark.parametrize("said", ["okay", "yeah", "right", "sure", "got it"])
@pytest.mark.parametrize("question", [False, True])
def test_agreement_holds_a_statement_and_answers_a_question(said: str, question: bool) -> None:
    call = Held([MENU, "fine"], [said], word=0.9, question=question)
    call.run(600)
    call.run(300, LOUD)
    call.run(300)
    assert call.core.state is (State.YIELDED if question else State.SPEAKING)


def test_pause_falls_silent_at_the_first_evidence() -> None:
    call = Held([MENU], ["uh-huh"], word=0.0, duck=False)
    call.run(1000)
    call.run(100, LOUD)
    assert call.core.state is State.PAUSED
    assert call.audible_ms() < 1110
    call.run(300, LOUD)
    call.run(1000)
    assert call.row.resolution == "resumed"


def sound(word: float, since_ms: int) -> OverlapSound:
    return OverlapSound(since_ms, 0, 0.9, since_ms=since_ms, likely=OverlapClass(word, 1 - word, 0.0))


def test_the_bar_for_a_stop_falls_until_the_floor_has_to_be_given_and_then_rises() -> None:
    assert follow_sound(sound(0.9, 40), paused_ms=None) is Event.SPEECH
    assert follow_sound(sound(0.15, 100), paused_ms=None) is None
    assert follow_sound(sound(0.15, 220), paused_ms=None) is Event.SPEECH
    assert follow_sound(sound(0.15, 700), paused_ms=None) is None
    assert follow_sound(sound(0.0, 400), paused_ms=300) is Event.NO_SPEECH
    assert follow_sound(sound(0.5, 400), paused_ms=300) is None


def test_a_pause_that_is_hardly_heard_ends_unless_a_word_is_likely() -> None:
    undecided, last = 0.05, EarlySettings().unnoticed_ms[1]
    assert follow_sound(sound(undecided, 400), paused_ms=last - 60) is None
    assert follow_sound(sound(undecided, 400), paused_ms=last) is Event.NO_SPEECH
    assert follow_sound(sound(undecided, 400), paused_ms=last + 20) is None
    assert follow_sound(sound(0.4, 400), paused_ms=last) is None


def test_a_click_that_is_over_is_no_word() -> None:
    def sound(voiced_ms: int, silent_ms: int, word: float = 0.45) -> OverlapSound:
        since_ms = voiced_ms + silent_ms
        return OverlapSound(voiced_ms, silent_ms, 0.9, since_ms=since_ms, likely=OverlapClass(word, 1 - word, 0.0))

    assert follow_sound(sound(120, 40), paused_ms=None) is Event.SPEECH
    assert follow_sound(sound(120, 60), paused_ms=None) is None
    assert follow_sound(sound(120, 60), paused_ms=100) is Event.NO_SPEECH
    assert follow_sound(sound(120, 60, word=0.55), paused_ms=100) is None  # "just", and "you wait" follows
    assert follow_sound(sound(280, 60, word=0.9), paused_ms=None) is Event.SPEECH


def test_an_undecided_sound_costs_a_pause_that_nobody_hears() -> None:
    call = Held([MENU], ["mm"], word=0.06)  # too likely a word to talk on for good, too unlikely to give the floor
    call.run(1000)
    call.run(600, LOUD)
    call.run(400)
    silent = np.flatnonzero(call.levels() == 0)
    assert 0 < len(silent[silent > 200]) * 5 < 200
    assert (call.row.kind, call.row.resolution) == ("backchannel", "held")


def test_a_sure_voice_is_less_readily_talked_over_again() -> None:
    def sound(speechlike: float, word: float) -> OverlapSound:
        return OverlapSound(400, 0, speechlike, since_ms=400, likely=OverlapClass(word, 1 - word, 0.0))

    last = EarlySettings().unnoticed_ms[1]
    assert follow_sound(sound(0.9, 0.08), paused_ms=last) is Event.NO_SPEECH
    assert follow_sound(sound(0.99, 0.08), paused_ms=last) is None
    assert follow_sound(sound(0.99, 0.04), paused_ms=last) is Event.NO_SPEECH


def test_a_pause_that_the_caller_noticed_ends_when_no_word_is_likely() -> None:
    assert follow_sound(sound(0.08, 500), paused_ms=320) is None
    assert follow_sound(sound(0.08, 500), paused_ms=340) is Event.NO_SPEECH
    assert follow_sound(sound(0.15, 500), paused_ms=340) is None
    over = OverlapSound(500, 60, 0.9, since_ms=560, likely=OverlapClass(0.15, 0.85, 0.0))
    assert follow_sound(over, paused_ms=340) is Event.NO_SPEECH


@pytest.mark.parametrize(("gain", "state"), [(4, State.PAUSED), (1, State.SPEAKING)])
def test_a_caller_is_heard_over_a_quieter_sound_that_was_nothing(gain: int, state: State) -> None:
    call = Held([MENU], ["", ""], voice=0.1, word=0.01)
    murmur = (LOUD // 4).astype(np.int16)
    call.run(1000)
    call.run(600, murmur)  # judged to be nothing, and it goes on
    assert call.core.state is State.SPEAKING
    call.classifier.word = 0.9
    call.run(120, (murmur * gain).astype(np.int16))
    assert call.core.state is state


class Late(Held):
    """Words that come when the test says so."""

    waiting: list[act.RequestTranscript]

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        self.waiting = [*getattr(self, "waiting", []), *(a for a in actions if isinstance(a, act.RequestTranscript))]
        super().do(a for a in actions if not isinstance(a, act.RequestTranscript))

    def answer(self) -> None:
        asked, self.waiting = self.waiting, []
        Held.do(self, asked)


@pytest.mark.parametrize(("said", "state"), [("mm-hm", State.SPEAKING), ("no wait", State.YIELDED)])
def test_the_agent_goes_on_when_a_likely_backchannel_is_over_and_its_words_may_still_stop_it(
    said: str, state: State
) -> None:
    call = Late([MENU, "sorry"], [said], word=0.3)
    call.run(1000)
    call.run(600, LOUD)
    assert call.core.state is State.PAUSED
    call.classifier.word = 0.15
    call.run(80)
    assert call.core.state is State.DUCKED
    call.run(100)
    call.answer()
    assert call.core.state is state


def test_without_a_classifier_every_onset_stops_the_agent() -> None:
    assert follow_sound(OverlapSound(100, 0, 0.9), paused_ms=None) is Event.SPEECH
    assert follow_sound(OverlapSound(100, 0, 0.9), paused_ms=300) is None


def test_a_schedule_is_straight_between_its_points() -> None:
    schedule = EarlySettings(stop=((100, 0.8), (200, 0.4))).stop
    assert [round(at(schedule, ms), 3) for ms in (0, 100, 150, 200, 900)] == [0.8, 0.8, 0.6, 0.4, 0.4]


def test_a_sound_that_never_ends_is_answered_and_then_stops_nothing() -> None:
    call = Held([MENU, "what was that"], ["no wait"], word=0.9, longest_turn_ms=10_000)
    call.run(600)
    call.run(12_500, LOUD)
    assert [turn.text for turn in call.turns.values()] == [MENU, "no wait", "what was that"]
    assert call.turns[2].heard_text == "what was that"
    assert len(call.rows) == 1


def test_a_line_may_pause_though_the_call_ducks_and_duck_deeper() -> None:
    pausing = Held([MENU], [""], word=0.0, overlap="pause")
    pausing.run(1000)
    pausing.run(100, LOUD)
    assert pausing.core.state is State.PAUSED
    deeper = Held([MENU], [""], word=0.18, duck_db=20.0)
    deeper.run(1000)
    deeper.run(140, LOUD)
    assert abs(deeper.levels()[-1] - 800) < 10


def test_somebody_far_below_the_callers_own_level_does_not_stop_the_agent() -> None:
    television = (LOUD // 7).astype(np.int16)  # 17 dB below the caller, still above the detector's bar
    said = ["I want the blue one", "and the red one", "here is the news"]
    call = Held([MENU, MENU, f"{MENU} {MENU}"], said, word=0.9)
    for _ in range(2):
        call.run(600)
        call.run(700, LOUD)
        call.run(1200)
    call.run(600, television)
    call.run(400)
    assert call.core.state is State.SPEAKING
    assert list(call.rows.values())[-1].resolution == "held"
    fresh = Held([MENU], ["here is the news"], word=0.9)  # nothing is known of this caller yet
    fresh.run(600)
    fresh.run(600, television)
    assert fresh.core.state is State.PAUSED or fresh.core.state is State.YIELDED


@pytest.mark.parametrize(
    ("word", "echo_dbfs", "state"),
    [
        (0.9, -120.0, State.PAUSED),
        (0.1, -120.0, State.SPEAKING),
        (0.9, dbfs(LOUD) - 3, State.SPEAKING),  # it may be our echo, which has moved
    ],
)
def test_an_onset_that_the_detector_takes_back_counts_if_the_classifier_hears_a_word(
    word: float, echo_dbfs: float, state: State
) -> None:
    call = Held([MENU], ["no"], word=word)
    call.hearing.echo_dbfs = echo_dbfs
    call.run(1000)
    call.run(80, LOUD)
    call.hearing.withdraw = True
    call.run(20, LOUD)
    call.hearing.withdraw = False
    call.run(60, LOUD)
    assert call.core.state is state


def test_an_agent_that_comes_back_does_not_stop_again_at_once() -> None:
    call = Held([MENU], [""], word=0.9)
    call.run(1000)
    call.run(300, LOUD)
    call.classifier.word = 0.0
    call.run(40, LOUD)
    call.classifier.word = 0.95
    call.run(200, LOUD)
    heard = np.flatnonzero(call.levels()[1100 // 5 :])
    runs = np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1)
    assert all(len(run) * 5 >= 80 for run in runs if len(run))


@pytest.mark.parametrize("keys", ["", "4"])
def test_who_begins_before_a_notice_does_not_cut_it_and_is_answered_after_it(keys: str) -> None:
    notice = Segment(utterance("this call is recorded for training"), interruptible=False)
    call = Held([MENU, "one blue mug"], ["the blue one"], word=0.18, then=notice)
    call.run(1680)
    call.run(100, LOUD)
    assert call.core.state is State.DUCKED
    call.run(600, LOUD)
    for key in keys:
        call.do(call.core.on_digit(key))
    call.run(400, LOUD)
    assert call.levels()[-1] == 8000
    call.run(4000)
    assert not call.rows
    assert call.turns[0].heard_text == f"{MENU} this call is recorded for training"
    assert (call.situations[1].caller_text or call.situations[1].digits) == (keys or "the blue one")
