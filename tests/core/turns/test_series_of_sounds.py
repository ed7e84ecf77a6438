"""Sounds that follow each other over the agent's speech, while the words of each are late."""

from __future__ import annotations

import pytest

from bargein.core.turns.table import State
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_next_sound import MAY_BE, STATEMENT, WORD, Slow


@pytest.mark.parametrize("late_ms", [1000, 2000, 3500])
@pytest.mark.parametrize("word", [MAY_BE, WORD])
def test_a_short_no_stops_the_agent_though_its_words_are_late(word: float, late_ms: int) -> None:
    call = Slow([STATEMENT, "sorry"], ["no"], late_ms)
    call.run(1000)
    call.sound(word, 300)
    call.run(6000)
    assert call.results == [("no", "correct", "replanned")]
    assert call.situations[1].caller_text == "no"


def test_who_says_okay_again_and_again_does_not_keep_the_agent_silent() -> None:
    call = Slow([" ".join([STATEMENT] * 3)], ["okay"] * 40, 1000)
    call.run(1000)
    for _ in range(16):
        call.sound(WORD, 300)
        call.run(600)
    silent = call.levels()[1100 // 5 :] == 0
    assert silent.mean() < 0.6
    call.run(4000)
    assert call.core.state is State.SPEAKING
    assert {row.kind for row in call.rows.values()} == {"backchannel"}


@pytest.mark.parametrize(("word", "pause_ms"), [(MAY_BE, 500), (WORD, 700)])
@pytest.mark.parametrize("late_ms", [1000, 2000, 3800])
def test_a_goodbye_over_coughs_ends_the_call(late_ms: int, word: float, pause_ms: int) -> None:
    """What seems to be a word, too: the agent, who has said all, does not stop for it, and repeats nothing."""
    call = Slow([MENU], [], late_ms, finish_after=1)
    call.run(1000)
    for _ in range(20):
        call.sound(word, 200)
        call.run(pause_ms)
    assert call.finished is not None


def test_a_digit_after_a_cough_has_its_own_onset() -> None:
    call = Slow([STATEMENT, "fine"], [""], 2000)
    call.run(1000)
    call.sound(MAY_BE, 300)
    call.run(240)
    call.do(call.core.on_digit("3"))
    digit = call.in_order[-1]
    assert (digit.kind, digit.onset_ms, digit.detect_latency_ms) == ("dtmf", 1540, 0)
