"""When the caller's turn is over."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, samples
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.turns.endpoint import CallerTurn, Preroll
from bargein.core.turns.overlap_classifier import OverlapClass
from bargein.core.turns.transcript import Transcript


def test_words_are_asked_for_once_in_each_silence() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=8000)
    assert not turn.wants_transcript(8000 + samples(60), 80)
    assert turn.wants_transcript(8000 + samples(180), 80)
    assert not turn.wants_transcript(8000 + samples(200), 80)
    turn.set_transcript(Transcript("the"), 8000 + samples(180))
    assert not turn.wants_transcript(8000 + samples(400), 80)
    turn.add(evidence(voiced=True), 12_000)
    assert not turn.complete
    assert turn.wants_transcript(12_000 + samples(180), 80)


def test_frames_that_come_three_at_a_time_are_no_silence() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=8000)
    for clump in range(3):
        for _ in range(3):
            turn.add(evidence(voiced=True), 8000 + samples(60 * clump))
        assert turn.silent_ms(8000 + samples(60 * clump + 60)) == 0
    for _ in range(3):
        turn.add(evidence(voiced=False), 8000 + samples(180))
    assert turn.silent_ms(8000 + samples(180)) == 60


@pytest.mark.parametrize(("word", "counts"), [(0.01, False), (0.5, True), (None, True)])
def test_a_cough_behind_the_words_is_neither_a_pause_nor_a_word(word: float | None, counts: bool) -> None:
    turn = CallerTurn(1, onset=0, last_voiced=8000)
    turn.set_transcript(Transcript("I want a red mug"), 8000)
    now = 8000
    for voiced in [False] * 30 + [True] * 20:
        now += FRAME_SAMPLES
        turn.add(evidence(voiced), now)
        if turn.later is not None and word is not None:
            turn.later.likely = OverlapClass(word, 0.0, 1 - word)
            judged = now - turn.later.began >= samples(300)
            assert turn.undecided is not judged
            assert (turn.spoken_until == 8000) is (judged and not counts)
    assert turn.longest_pause_ms == 600
    assert turn.paused_ms == (600 if counts else 0)
    assert turn.wordless_ms(now) == (0 if counts else 1000)
    assert turn.complete is not counts


def evidence(voiced: bool) -> VadFrame:
    frame = np.zeros(FRAME_SAMPLES, np.int16)
    return VadFrame(float(voiced), False, 0, voiced, 0.9, -20.0, -60.0, -90.0, frame)


def test_the_preroll_gives_what_came_last() -> None:
    preroll = Preroll()
    assert len(preroll.last(samples(300))) == 0
    for i in range(40):
        preroll.push(np.full(FRAME_SAMPLES, i, np.int16))
    taken = preroll.last(samples(300))
    assert len(taken) == samples(300)
    assert (taken[0], taken[-1]) == (25, 39)
    assert len(preroll.last(samples(2000))) == samples(800)
    for _ in range(500):
        preroll.push(np.zeros(FRAME_SAMPLES, np.int16))
    assert len(preroll.last(samples(9000))) == samples(3000)
