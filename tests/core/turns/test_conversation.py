"""One call in virtual time: a detector that hears level, words that are told, and what comes out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from bargein.core.audio.pcm import SAMPLES_PER_MS, Pcm
from bargein.core.audio.playout import Segment
from bargein.core.turns import actions as act
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.records import Interruption, Situation, Turn
from bargein.core.turns.reply import Expected, ExpectedKind, Finish, Listen
from bargein.core.turns.settings import ConversationSettings
from bargein.core.turns.table import State
from bargein.core.turns.transcript import Transcript
from bargein.dialogue.languages import load
from tests.fakes import LOUD, QUIET, LevelDetector, utterance

MENU = "the red mug costs ten dollars"


class Call:
    """A conversation with its engines played by the test: `texts` are the caller's turns, `says` the replies."""

    def __init__(
        self,
        says: list[str],
        texts: list[str] | None = None,
        voice: float = 0.9,
        finish_after: int = 0,
        then: Segment | None = None,
        digits: int = 0,
        expects: ExpectedKind = "",
        secret: bool = False,
        **line: object,
    ) -> None:
        self.says, self.texts = list(says), list(texts or [])
        self.line, self.then, self.digits = line, then, digits  # `then`: after the first line of the first reply
        self.expects, self.secret = Expected(expects), secret
        self.finish_after = finish_after
        self.finished: Finish | None = None
        self.situations: list[Situation] = []
        self.turns: dict[int, Turn] = {}
        self.rows: dict[str, Interruption] = {}
        self.commits: list[int] = []
        self.cancels: list[int] = []
        self.turn_text: dict[int, str] = {}
        self.heard: dict[int, list[Pcm]] = {}
        self.slow = False  # the planner has no audio yet
        self.confidence = 1.0  # of the recognizer
        self.hearing = LevelDetector(voice)
        self.core = self.make(self.hearing)
        self.sent: list[Pcm] = []
        self.do(self.core.start())

    def make(self, detector: LevelDetector) -> Conversation:
        return Conversation("c", detector, load("en"), ConversationSettings())  # type: ignore[arg-type]

    def do(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.PlanReply(reply_id, situation):
                    self.situations.append(situation)
                    if not self.slow:
                        self.reply(reply_id)
                case act.OpenStream(turn_id, preroll, _):
                    self.turn_text[turn_id] = self.texts.pop(0) if self.texts else ""
                    self.heard[turn_id] = [preroll]
                case act.FeedAudio(turn_id, pcm):
                    self.heard[turn_id].append(pcm)
                case act.RequestTranscript(turn_id, at):
                    text, speech = self.turn_text[turn_id], 0.9 if self.turn_text[turn_id] else 0.1
                    self.do(self.core.on_transcript(turn_id, at, Transcript(text, self.confidence, speech)))
                case act.LogTurn(turn):
                    self.turns[turn.seq] = turn
                case act.LogInterruption(row):
                    self.rows[row.id] = row
                case act.CommitReply(reply_id):
                    self.commits.append(reply_id)
                case act.CancelReply(reply_id):
                    self.cancels.append(reply_id)
                case act.EndCall(finish):
                    self.finished = finish

    def reply(self, reply_id: int) -> None:
        text = self.says.pop(0) if self.says else ""
        if text:
            self.do(self.core.on_segment(reply_id, Segment(utterance(text), step=f"say {text[:3]}", **self.line)))  # type: ignore[arg-type]
            if self.then is not None:
                self.do(self.core.on_segment(reply_id, self.then))
                self.then = None
        listen = Listen(silence_ms=5000, digits=self.digits, expects=self.expects, secret=self.secret)
        self.do(self.core.expect(reply_id, listen))
        self.do(
            self.core.on_reply_end(reply_id, Finish("hangup") if self.finish_after == len(self.situations) else None)
        )

    def run(self, ms: int, frame: Pcm | None = QUIET) -> None:
        for _ in range(ms // 20):
            if frame is not None:
                self.do(self.core.on_frame(frame))
            out, actions = self.core.on_tick()
            self.sent.append(out)
            self.do(actions)

    def audible_ms(self) -> int:
        """When the last audible sample was sent."""
        return int(np.flatnonzero(np.concatenate(self.sent))[-1]) // SAMPLES_PER_MS + 1

    @property
    def row(self) -> Interruption:
        assert len(self.rows) == 1
        return next(iter(self.rows.values()))


def test_a_caller_who_cuts_in_is_heard_and_answered() -> None:
    call = Call([MENU, "one blue mug"], ["No, the blue one."])
    call.run(1000)
    call.run(900, LOUD)
    assert call.core.state is State.YIELDED
    assert call.audible_ms() < 1000 + 110
    call.run(1500)
    row = call.row
    assert (row.heard_text, row.cut_word, row.unheard_text) == ("the red mug", "costs", "costs ten dollars")
    assert (row.onset_ms, row.paused_ms, row.silent_ms) == (980, 1060, 1075)
    assert (row.detect_latency_ms, row.stop_latency_ms) == (80, 95)
    assert (row.caller_text, row.resolution) == ("No, the blue one.", "replanned")
    situation = call.situations[1]
    assert situation.caller_text == "No, the blue one."
    assert situation.interruption is not None
    assert [t.speaker for t in situation.turns] == ["agent", "caller"]
    call.run(1000)
    assert [t.heard_text for t in call.turns.values()] == ["the red mug", "No, the blue one.", "one blue mug"]


@pytest.mark.parametrize("secret", [False, True])
def test_what_both_say_now_is_told_but_for_a_secret(secret: bool) -> None:
    call = Call([MENU], ["four seven one"], secret=secret)
    call.run(700)
    assert call.core.saying == ("", "the red mug")
    call.run(1600)
    call.run(600, LOUD)
    call.run(300)
    said, by_agent = call.core.saying
    assert ("seven" in said, bool(said), by_agent) == (not secret, True, "")


def test_a_backchannel_costs_the_caller_nothing() -> None:
    call = Call([MENU], ["uh-huh"])
    call.run(1000)
    call.run(300, LOUD)
    call.run(4000)
    assert (call.row.kind, call.row.resolution, call.row.caller_text) == ("backchannel", "resumed", "uh-huh")
    assert call.core.state is State.LISTENING
    assert call.turns[0].heard_text == MENU
    assert len(call.turns) == 1


def test_a_cough_is_over_as_soon_as_it_ends() -> None:
    call = Call([MENU], [""], voice=0.05)
    call.run(1000)
    call.run(200, LOUD)
    call.run(200)
    assert (call.row.kind, call.row.resolution) == ("noise", "held")  # the silence was too short to be heard
    assert call.core.state is State.SPEAKING


def test_a_noise_that_goes_on_does_not_stop_the_agent_again() -> None:
    call = Call([MENU + " " + MENU], [""], voice=0.05)
    call.run(600)
    call.run(4000, LOUD)
    assert len(call.rows) == 1
    call.run(2000)
    assert call.turns[0].heard_text == MENU + " " + MENU


def test_a_reply_that_was_not_heard_never_happened() -> None:
    call = Call([MENU, "one blue mug"], ["I want", "the blue one"])
    call.run(600)
    call.run(700, LOUD)
    call.slow = True
    call.run(1500)
    assert call.core.state is State.THINKING
    call.run(300, LOUD)
    call.run(100)
    assert call.core.state is State.YIELDED
    assert call.cancels[-1] == 2
    call.slow = False
    call.run(2000)
    assert call.situations[-1].caller_text == "I want the blue one"
    assert [t.text for t in call.turns.values()] == [MENU, "I want the blue one", "one blue mug"]
    assert len(call.commits) == 2


def test_an_answer_that_only_waits_is_an_answer() -> None:
    call = Call([MENU, "", "which one"], ["I was thinking that"])
    call.run(600)
    call.run(700, LOUD)
    call.run(2000)
    assert call.core.state is State.LISTENING
    assert (call.row.caller_text, call.row.resolution) == ("I was thinking that", "replanned")
    call.run(6000)
    assert call.situations[2].interruption is None
    assert [t.text for t in call.turns.values()] == [MENU, "I was thinking that", "which one"]


@pytest.mark.parametrize(
    ("voice", "kind", "asked_after_ms"), [(0.9, "text", 2000), (0.1, "text", 5000), (0.9, "", 5000)]
)
def test_an_answer_without_words_is_asked_for_again_soon(voice: float, kind: ExpectedKind, asked_after_ms: int) -> None:
    call = Call([MENU, "sorry"], [""], voice=voice, expects=kind)
    call.run(3500)
    call.run(900, LOUD)
    began = call.core.now // SAMPLES_PER_MS
    while len(call.situations) < 2:
        call.run(20)
    assert asked_after_ms < call.core.now // SAMPLES_PER_MS - began < asked_after_ms + 600
    assert call.situations[1].unclear == (voice > 0.5)
    call.run(4000)
    assert len(call.situations) == 2  # the next silence is as long as ever


def test_a_digit_stops_the_agent_at_once() -> None:
    call = Call([MENU, "one blue mug"])
    call.run(1000)
    call.do(call.core.on_digit("3"))
    call.run(20)
    assert call.audible_ms() <= 1015
    assert (call.row.kind, call.row.caller_text) == ("dtmf", "3")
    assert call.situations[1].digits == "3"
    frame = call.sent[50]
    assert np.max(np.abs(np.diff(frame[60:].astype(int)))) < 9000  # fades, no step to zero from full level


def test_what_is_said_over_a_legal_notice_is_not_lost() -> None:
    call = Call([MENU, "one blue mug"], ["the blue one"], interruptible=False)
    call.run(300)
    call.run(600, LOUD)
    call.run(3000)
    assert not call.rows
    assert call.turns[0].heard_text == MENU
    assert call.situations[1].caller_text == "the blue one"


def test_a_phone_that_sends_nothing_hears_all_of_it() -> None:
    call = Call([MENU, "are you there"])
    call.run(1800 + 5100, None)
    assert call.turns[0].heard_text == MENU
    assert call.situations[1].silence_ms >= 5000


def test_a_pause_ends_when_the_line_falls_silent_for_good() -> None:
    call = Call([MENU], [""])
    call.run(600)
    call.run(240, LOUD)
    call.run(3000, None)
    assert call.row.resolution == "resumed"


def test_the_last_reply_is_played_to_its_end() -> None:
    call = Call([MENU], finish_after=1)
    call.run(1700)
    assert call.finished is None
    call.run(400)
    assert call.finished == Finish("hangup")
    assert call.core.state is State.ENDED
    assert call.turns[0].heard_text == MENU


def test_a_caller_who_hangs_up_leaves_a_complete_ledger() -> None:
    call = Call([MENU])
    call.run(700)
    call.do(call.core.on_hangup())
    assert call.turns[0].heard_text == "the red"
    assert call.turns[0].cut_word == "mug"
    call.do(call.core.on_hangup())
    assert len(call.turns) == 1


def test_the_first_syllable_reaches_the_recognizer() -> None:
    call = Call([MENU], ["no"])
    call.run(1000)
    call.run(400, LOUD)
    heard = np.concatenate(call.heard[1])
    assert np.count_nonzero(heard) >= 380 * SAMPLES_PER_MS
    assert not heard[: 200 * SAMPLES_PER_MS].any()  # 300 ms of pre-roll, 80 of them speech


def test_words_come_in_any_frame_size() -> None:
    call = Call([MENU, "one blue mug"], ["stop"])
    call.run(1000)
    loud = np.concatenate([LOUD] * 20)
    for at in range(0, len(loud) - 480, 480):
        call.do(call.core.on_frame(loud[at : at + 480]))
        call.run(60, None)
    call.run(1500)
    assert call.row.caller_text == "stop"


def test_a_pause_withdrawn_at_once_is_neither_heard_nor_logged() -> None:
    call = Call([MENU])
    call.run(1000)
    call.run(80, LOUD)
    assert call.core.state is State.PAUSED
    call.hearing.withdraw = True
    call.run(40, LOUD)
    assert call.core.state is State.SPEAKING
    call.run(3000)
    assert not call.rows
    assert call.turns[0].heard_text == MENU
    silent = np.flatnonzero(np.abs(np.concatenate(call.sent)) > 400)
    assert np.max(np.diff(silent)) < 100 * SAMPLES_PER_MS


def test_a_turn_of_ten_minutes_is_answered_after_one() -> None:
    """A radio, or somebody who never pauses."""
    call = Call([MENU, "Thank you."], ["and then and then and then"])
    call.run(3000)
    call.run(58_000, LOUD)
    assert len(call.situations) == 1
    call.run(4000, LOUD)
    assert call.situations[1].caller_text == "and then and then and then"
