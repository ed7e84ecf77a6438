"""Calls that Asterisk placed: who answered, and when the agent begins."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, RATE, Pcm
from bargein.core.audio.tones import pitch
from bargein.core.turns import actions as act
from bargein.core.turns.conversation import Conversation
from bargein.core.turns.outbound import OutboundConversation
from bargein.core.turns.records import Situation
from bargein.core.turns.table import State
from bargein.dialogue.languages import load
from tests.core.turns.test_conversation import Call
from tests.fakes import LOUD, QUIET, LevelDetector

HELLO = "good morning this is the mug shop"


class Placed(Call):
    """A call that Asterisk placed. `prepared`: the situations that a reply was prepared for."""

    def make(self, detector: LevelDetector) -> Conversation:
        self.prepared: list[Situation] = []
        return OutboundConversation("c", detector, load("en"))  # type: ignore[arg-type]

    def do(self, actions: Iterable[act.Action]) -> None:
        actions = list(actions)
        self.prepared += [action.situation for action in actions if isinstance(action, act.PrepareReply)]
        super().do(actions)

    def tone(self, ms: int, hz: float) -> None:
        """A tone on the line."""
        wave = 6000 * np.sin(2 * np.pi * hz * np.arange(ms * RATE // 1000) / RATE)
        for frame in wave.astype(np.int16).reshape(-1, FRAME_SAMPLES):
            self.run(20, frame)

    def decided(self) -> str:
        return self.core.ledger.answered_by

    def until(self, who: str, within_ms: int, frame: Pcm = QUIET) -> int:
        """How long it takes until it is known that it is `who`."""
        for ms in range(0, within_ms, 20):
            if self.decided() == who:
                return ms
            self.run(20, frame)
        raise AssertionError(f"{self.decided()!r} after {within_ms} ms, not {who}")


def test_a_short_hello_is_a_person_and_answered_at_once() -> None:
    call = Placed([HELLO], ["hello", "wait I have a question"])
    call.run(800)
    assert not call.situations
    call.run(400, LOUD)
    assert call.until("person", 600) <= 440
    call.run(60)
    assert call.core.state is State.SPEAKING
    assert call.situations[0].answered_by == "person"
    assert call.situations[0].caller_text == "hello"
    call.run(300)
    call.run(600, LOUD)
    call.run(1000)
    assert [row.caller_text for row in call.rows.values()] == ["wait I have a question"]
    assert len(call.situations) == 2


def test_a_firm_that_answers_with_a_sentence_is_a_person() -> None:
    call = Placed([HELLO], ["thank you for calling the bank this is alice how can I help you"])
    call.run(300)
    call.run(3600, LOUD)
    assert call.until("person", 1600) >= 1000


@pytest.mark.parametrize("text", ["would you like to leave a message", "is this a voicemail", "she is not here"])
def test_people_who_talk_about_messages_are_people(text: str) -> None:
    call = Placed([HELLO], [text])
    call.run(200)
    call.run(1600, LOUD)
    call.until("person", 1000)


def greeted(call: Placed, voice_ms: int = 3000) -> None:
    call.run(300)
    call.run(voice_ms, LOUD)
    call.run(300)


def test_a_message_waits_for_the_beep_and_is_said_to_its_end() -> None:
    call = Placed(["this is a message"], ["please leave a message after the tone"], finish_after=1)
    greeted(call)
    assert call.decided() == "voicemail"
    assert call.situations[0].answered_by == "voicemail"
    call.run(1200)
    assert call.core.state is State.THINKING
    call.tone(400, 1000)
    assert call.core.state is State.THINKING
    call.run(260)
    assert call.core.state is State.SPEAKING
    call.run(600, LOUD)  # it goes on, and is not listened to
    call.run(1500)
    assert call.finished is not None
    assert [(turn.speaker, turn.heard_text) for turn in call.turns.values()] == [
        ("caller", "please leave a message after the tone"), ("agent", "this is a message"),
    ]  # fmt: skip
    assert not call.rows


def test_a_greeting_without_a_beep_ends_with_silence() -> None:
    call = Placed(["this is a message"], ["leave a message and I will call you back"])
    greeted(call)
    call.run(2000)
    assert call.core.state is State.THINKING
    call.run(400)
    assert call.core.state is State.SPEAKING


def test_a_flow_that_says_nothing_to_a_voicemail_need_not_wait() -> None:
    call = Placed([""], ["please leave a message after the tone"], finish_after=1)
    greeted(call)
    assert call.finished is not None


def test_who_talks_on_for_seconds_is_a_machine_whatever_it_says() -> None:
    call = Placed([HELLO], ["welcome to our hotel by the sea"])
    call.run(300)
    assert 7500 <= call.until("voicemail", 9000, LOUD) <= 8500


def test_a_beep_after_speech_is_a_voicemail() -> None:
    call = Placed([HELLO], ["you have reached bob"])
    call.run(200)
    call.run(1200, LOUD)
    call.run(200)
    call.tone(300, 1400)
    call.until("voicemail", 100)


def test_what_is_being_said_to_a_person_stops_at_a_beep() -> None:
    call = Placed([HELLO, "this is a message"], ["hi bob here"])
    call.run(200)
    call.run(900, LOUD)
    call.until("person", 600)
    call.run(60)
    assert call.core.state is State.SPEAKING
    call.tone(300, 1000)
    call.run(400)
    assert [s.answered_by for s in call.situations] == ["person", "voicemail"]
    call.run(2000)
    assert [turn.heard_text for turn in call.turns.values()][-1] == "this is a message"
    assert call.turns[1].heard_text != HELLO


def test_what_a_machine_says_before_the_beep_is_no_answer_to_the_message() -> None:
    call = Placed(["this is a message"], ["please leave a message after the tone", "thank you"])
    greeted(call)
    call.run(600, LOUD)
    call.tone(400, 1000)
    call.run(8000)
    assert [(s.answered_by, s.caller_text) for s in call.situations[1:]] == [("voicemail", "")]
    assert call.turns[0].text == "please leave a message after the tone thank you"


def test_a_person_may_speak_of_voicemail_later() -> None:
    call = Placed([HELLO], ["hello", "please leave a message after the tone"])
    call.run(200)
    call.run(300, LOUD)
    call.until("person", 600)
    call.run(15_500)
    call.run(1500, LOUD)
    call.run(1000)
    assert call.decided() == "person"


def test_be_ready_for_a_person_while_it_is_not_decided() -> None:
    call = Placed([HELLO], ["thank you for calling the bank this is alice how can I help you"])
    call.run(300)
    call.run(3600, LOUD)
    call.run(400)
    assert call.decided() == ""
    assert [s.answered_by for s in call.prepared] == ["person"]


def test_a_person_who_turns_out_to_be_a_machine_gets_the_message_after_the_beep() -> None:
    call = Placed([HELLO, "this is a message"], ["hi", "sorry we missed you leave a message after the beep"])
    call.run(200)
    call.run(300, LOUD)
    call.until("person", 600)
    call.run(200)
    call.run(2600, LOUD)
    call.run(700)
    assert [s.answered_by for s in call.situations] == ["person", "voicemail"]
    assert call.core.state is State.THINKING
    call.tone(500, 800)
    call.run(400)
    assert call.core.state is State.SPEAKING
    assert call.core.ledger.turns[-1].speaker == "caller"


def test_what_screens_calls_is_answered_when_it_has_asked() -> None:
    call = Placed([HELLO], ["if you record your name and reason for calling I'll see if this person is available"])
    greeted(call, 4000)
    assert call.decided() == "screening"
    assert call.core.state is State.THINKING
    call.run(600)
    assert call.core.state is State.SPEAKING


@pytest.mark.parametrize("hz", [2100, 1100])
def test_the_tone_of_a_fax_machine_is_a_fax(hz: float) -> None:
    call = Placed([""])
    call.run(500)
    call.tone(500, hz)
    call.until("fax", 40)


def test_the_three_tones_of_a_number_that_is_not_in_use() -> None:
    call = Placed([""])
    for hz in (950, 1400, 1800):
        call.tone(340, hz)
    call.until("operator", 100)


@pytest.mark.parametrize(
    "tones", [[(200, 1100)], [(500, 1000)], [(340, 1800), (340, 1400), (340, 950)], [(340, 950), (340, 1400)]]
)
def test_other_tones_before_any_speech_mean_nothing(tones: list[tuple[int, float]]) -> None:
    call = Placed([""])
    call.run(200)
    for ms, hz in tones:
        call.tone(ms, hz)
    call.run(500)
    assert call.decided() == ""


def test_the_network_says_that_there_is_nobody() -> None:
    call = Placed([""], ["the number you have dialed is not in service"])
    greeted(call)
    assert call.decided() == "operator"


def test_nobody_speaks_or_only_a_click() -> None:
    call = Placed([HELLO])
    call.run(3000)
    call.run(160, LOUD)
    call.run(3000)
    assert call.decided() == ""
    call.until("silence", 1500)
    call.run(100)
    assert call.core.state is State.SPEAKING


def test_who_presses_a_key_is_a_person() -> None:
    call = Placed([HELLO])
    call.run(500)
    call.do(call.core.on_digit("1"))
    assert call.decided() == "person"


def test_a_key_in_a_voicemail_makes_no_person_of_it() -> None:
    call = Placed([HELLO], ["please leave a message after the tone"])
    greeted(call)
    call.do(call.core.on_digit("1"))
    assert call.decided() == "voicemail"


def test_a_call_that_ends_before_anybody_spoke() -> None:
    call = Placed([HELLO])
    call.run(500)
    call.do(call.core.on_hangup())
    call.run(5000)
    assert (call.core.state, call.decided()) == (State.ENDED, "")


def test_the_frequency_of_a_tone() -> None:
    at = np.arange(FRAME_SAMPLES) / RATE
    for hz in (400.0, 431.0, 1004.0, 2100.0):
        assert pitch((2000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)) == pytest.approx(hz, abs=3)
    two = 2000 * np.sin(2 * np.pi * 697 * at) + 2000 * np.sin(2 * np.pi * 1209 * at)
    assert pitch(two.astype(np.int16)) == 0.0
    assert pitch(np.random.default_rng(1).normal(0, 3000, FRAME_SAMPLES).astype(np.int16)) == 0.0
