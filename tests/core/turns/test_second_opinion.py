"""The recognizer's opinion of a sound over the agent's speech, by its beginning."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import samples
from bargein.core.turns.overlap_classifier import OverlapClass
from bargein.core.turns.second_opinion import ASKED_MS, BEFORE_SAMPLES, piece_to_judge, with_second_opinion
from bargein.core.turns.table import State
from bargein.core.turns.transcript import SoundProbabilities
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_hold import Held
from tests.core.turns.test_next_sound import Slow
from tests.fakes import LOUD

WORD, NONE = SoundProbabilities(0.97, 0.02, 0.01), SoundProbabilities(0.01, 0.9, 0.09)


def judged(second: SoundProbabilities | None, word: float, ms: int = 700) -> Held:
    """A sound of `ms` that the classifier takes for a word by `word`; the recognizer answers after 40 ms."""
    call = Held([MENU], [""], word)
    call.run(1000)
    waiting: list[tuple[int, int]] = []
    for _ in range(ms // 20):
        call.run(20, LOUD)
        waiting += [(call.core.now + 320, asked.turn_id) for asked in call.judged]
        call.judged.clear()
        while second is not None and waiting and waiting[0][0] <= call.core.now:
            call.core.on_sound(waiting.pop(0)[1], second)
    return call


def test_the_beginning_of_a_sound_is_judged_by_the_recognizer_a_few_times() -> None:
    call = Held([MENU], [""], 0.3)
    call.run(1000)
    call.run(1000, LOUD)
    lengths = [len(asked.pcm) for asked in call.judged]
    assert lengths == [samples(ms) + BEFORE_SAMPLES for ms in ASKED_MS]
    assert {asked.turn_id for asked in call.judged} == {1}
    loud = np.abs(call.judged[0].pcm) > 1000
    assert not loud[: BEFORE_SAMPLES - 160].any()
    assert loud[BEFORE_SAMPLES:].all()


def test_a_second_opinion_lets_the_agent_talk_on_or_keeps_it_silent() -> None:
    assert judged(None, 0.2).core.state is State.PAUSED
    assert judged(NONE, 0.2).core.state is State.DUCKED
    assert judged(None, 0.05).core.state is State.DUCKED
    assert judged(WORD, 0.05).core.state is State.PAUSED


def test_a_second_opinion_of_another_sound_does_not_count() -> None:
    call = Held([MENU], [""], 0.2)
    call.run(1000)
    call.run(300, LOUD)
    call.core.on_sound(99, NONE)
    call.run(300, LOUD)
    assert call.core.state is State.PAUSED


def test_two_opinions_are_one_of_three_classes() -> None:
    own, second = OverlapClass(0.2, 0.5, 0.3), SoundProbabilities(0.8, 0.1, 0.1)
    both = with_second_opinion(own, second)
    assert both.word + both.backchannel + both.other == pytest.approx(1)
    assert own.word < both.word < second.word
    assert both.backchannel > both.other
    assert with_second_opinion(OverlapClass(1.0, 0.0, 0.0), SoundProbabilities(1.0, 0.0, 0.0)).word == pytest.approx(
        1, abs=0.01
    )


def test_a_second_opinion_that_comes_too_late_does_not_count() -> None:
    call = Held([MENU], [""], 0.2)
    call.run(1000)
    call.run(900, LOUD)
    turn = call.judged[-1].turn_id
    call.core.on_sound(turn, NONE)
    call.run(40, LOUD)
    assert call.core.state is State.PAUSED


def test_a_sound_that_is_an_overlap_only_late_is_not_judged_by_its_beginning() -> None:
    assert piece_to_judge(0, samples(280)) == samples(280) + BEFORE_SAMPLES
    assert piece_to_judge(0, samples(2000)) == piece_to_judge(1, samples(2000)) == 0


def test_who_was_sure_is_not_asked_again() -> None:
    unsure = SoundProbabilities(0.6, 0.3, 0.1)
    for first, times in ((WORD, 1), (NONE, 1), (unsure, 2)):
        call = Held([MENU], [""], 0.2)
        call.run(1000)
        call.run(340, LOUD)
        call.core.on_sound(call.judged[0].turn_id, first)
        call.run(300, LOUD)
        assert len(call.judged) == times


@pytest.mark.parametrize(("gap_ms", "state"), [(60, State.PAUSED), (40, State.DUCKED)])
def test_a_second_opinion_says_nothing_of_what_follows_behind_a_gap(gap_ms: int, state: State) -> None:
    """ "No, wait" a tenth of a second after "okay", whose words are late."""
    call = Slow([MENU], ["okay no wait"], 2000)
    call.run(1000)
    call.sound(0.2, 340)
    call.core.on_sound(call.judged[0].turn_id, NONE)
    call.sound(0.2, 260)
    assert call.core.state is State.DUCKED
    call.run(gap_ms)
    call.sound(0.87, 200)
    assert call.core.state is state


@pytest.mark.parametrize(("gap_ms", "state"), [(60, State.PAUSED), (40, State.DUCKED)])
def test_a_second_opinion_that_comes_behind_a_gap_does_not_count(gap_ms: int, state: State) -> None:
    call = Slow([MENU], ["okay"], 2000)
    call.run(1000)
    call.sound(0.2, 340)
    call.run(gap_ms)
    call.sound(0.2, 20)
    call.core.on_sound(call.judged[0].turn_id, NONE)
    call.sound(0.2, 100)
    assert call.core.state is state


@pytest.mark.parametrize("answered", ["before the gap", "after it"])
def test_what_was_a_word_is_one_behind_a_gap_too(answered: str) -> None:
    call = Slow([MENU], ["no the blue"], 2000)
    call.run(1000)
    call.sound(0.04, 340)
    for when in ("before the gap", "after it"):
        if when == answered:
            call.core.on_sound(call.judged[0].turn_id, WORD)
        call.run(60 if when == "before the gap" else 0)
        call.sound(0.04, 20)
    call.sound(0.04, 80)
    assert call.core.state is State.PAUSED


@pytest.mark.parametrize("another_ms", [0, 100])
def test_a_second_opinion_of_a_sound_that_is_over_counts_though_it_comes_late(another_ms: int) -> None:
    """It waits for its words, and another sound may have begun."""
    call = Slow([MENU], ["mm-hm"], 3000)
    call.run(600)
    call.sound(0.3, 340)
    call.run(640)
    assert call.core.state is State.PAUSED
    if another_ms:
        call.sound(0.01, another_ms)
    call.core.on_sound(call.judged[0].turn_id, NONE)
    call.run(40)
    assert call.core.state is State.DUCKED
