"""An answer that cut the caller off is taken back as if it had not been said. In virtual time."""

from __future__ import annotations

import pytest

from bargein.core.audio.pcm import SAMPLES_PER_MS
from bargein.core.turns import actions as act
from bargein.core.turns.table import State
from tests.core.turns.test_conversation import MENU, Call
from tests.fakes import LOUD, QUIET

FIRST, MORE = "my name is Miller", "and this is my street"


class AnsweredCall(Call):
    """A call in which the first answer has been heard for `into_ms`."""

    def __init__(self, into_ms: int, more: str = MORE, says: list[str] | None = None) -> None:
        super().__init__(says or [MENU, "thank you very much for that", "one moment please"], [FIRST, more])
        self.causes: list[act.DropCause | None] = []
        self.run(3500)
        self.run(900, LOUD)
        while len(self.situations) < 2:
            self.run(20)
        self.run(into_ms)

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        self.causes = getattr(self, "causes", []) + [a.dropped for a in actions if isinstance(a, act.CancelReply)]
        super().do(actions)


def test_an_answer_that_cut_the_caller_off_was_never_said() -> None:
    call = AnsweredCall(into_ms=100)
    commits = len(call.commits)
    call.run(900, LOUD)
    assert call.core.state is State.YIELDED
    assert call.causes[-1] is act.DropCause.CUT_OFF
    call.run(5000)
    assert [turn.speaker for turn in call.turns.values()] == ["agent", "caller", "agent"]
    assert call.turns[1].text == f"{FIRST} {MORE}"
    assert call.turns[2].text == "one moment please"
    last = call.situations[2]
    assert (last.caller_text, last.interruption, last.kind) == (f"{FIRST} {MORE}", None, None)
    assert [turn.text for turn in last.turns] == [MENU, f"{FIRST} {MORE}"]
    assert len(call.commits) == commits + 1  # of the second answer only


def test_the_cut_off_is_a_row_of_the_callers_turn() -> None:
    call = AnsweredCall(into_ms=100)
    call.run(900, LOUD)
    call.run(5000)
    row = call.row
    assert (row.kind, row.resolution, row.turn_seq) == ("other", "retracted", 1)
    assert (row.agent_text, row.cut_word) == ("thank you very much for that", "thank")
    assert row.caller_text == MORE
    assert row.silent_ms - row.onset_ms == row.stop_latency_ms < 300


def test_the_caller_gets_more_time_after_it() -> None:
    waits = []
    for into_ms in (100, 800):
        call = AnsweredCall(into_ms)
        call.run(900, LOUD)
        stopped = call.core.now // SAMPLES_PER_MS
        while len(call.situations) < 3:
            call.run(20)
        waits.append(call.core.now // SAMPLES_PER_MS - stopped)
    assert waits[0] >= waits[1] + 100


@pytest.mark.parametrize("into_ms", [420, 800])
def test_whoever_speaks_later_interrupts_an_answer_that_counts(into_ms: int) -> None:
    call = AnsweredCall(into_ms)
    commits = len(call.commits)
    call.run(900, LOUD)
    call.run(3000)
    assert (call.row.resolution, call.row.turn_seq) == ("replanned", 2)
    assert call.situations[2].caller_text == MORE
    assert len(call.commits) == commits + 1 + (into_ms < 500)


def test_a_nod_as_the_answer_begins_retracts_nothing() -> None:
    call = AnsweredCall(into_ms=100, more="uh-huh")
    call.run(300, LOUD)
    call.run(5000)
    assert call.row.kind == "backchannel"
    assert call.turns[2].text == "thank you very much for that"
    assert len(call.situations) == 2


def test_a_short_answer_waits_for_the_sound_over_it_to_be_judged() -> None:
    call = AnsweredCall(into_ms=100, says=[MENU, "yes", "one moment please"])
    call.run(900, LOUD)
    call.run(3000)
    assert call.situations[2].caller_text == f"{FIRST} {MORE}"
    assert call.row.resolution == "retracted"


def test_the_greeting_and_what_follows_a_silence_are_never_retracted() -> None:
    call = Call([MENU, "are you still there"], [FIRST])
    while len(call.situations) < 2:
        call.run(20)
    call.run(100)
    call.run(900, LOUD)
    call.run(3000)
    assert call.row.resolution == "replanned"
    assert call.turns[1].text == "are you still there"


def test_a_key_as_the_answer_begins_is_a_new_input() -> None:
    call = AnsweredCall(into_ms=100)
    call.do(call.core.on_digit("2"))
    call.run(3000)
    assert call.situations[2].digits == "2"
    assert call.situations[2].caller_text == ""
    assert call.row.kind == "dtmf"


def test_a_hangup_as_the_answer_begins_leaves_it_heard() -> None:
    call = AnsweredCall(into_ms=100)
    commits = len(call.commits)
    call.do(call.core.on_hangup())
    assert len(call.commits) == commits + 1
    assert call.turns[2].text == "thank you very much for that"


def test_an_interruption_that_was_pending_stays_open_through_a_retraction() -> None:
    call = Call([MENU, "thank you very much", "one moment please"], ["no the blue", "one with a handle"])
    call.run(1000)
    call.run(900, LOUD)
    while len(call.situations) < 2:
        call.run(20)
    call.run(100)
    call.run(900, LOUD)
    call.run(3000, QUIET)
    first, second = call.rows.values()
    assert (first.resolution, first.caller_text) == ("replanned", "no the blue one with a handle")
    assert second.resolution == "retracted"
    assert call.situations[2].interruption is not None
    assert call.situations[2].interruption.id == first.id
