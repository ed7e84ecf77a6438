"""When the caller's turn is over."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, samples
from bargein.core.detector.vad_frame import VadFrame
from bargein.core.turns.endpoint import RECOGNIZER_LATE_MS, CallerTurn, EndpointSettings, Preroll, mentions_any
from bargein.core.turns.transcript import Transcript
from bargein.dialogue.languages import load

PHRASES, SETTINGS = load("en"), EndpointSettings()


def ends_after_ms(text: str, speech: float = 0.9, hints: tuple[str, ...] = ()) -> int:
    turn = CallerTurn(1, onset=0, last_voiced=8000)
    turn.set_transcript(Transcript(text, speech=speech), 8000)
    return next(ms for ms in range(0, 5000, 20) if turn.is_over(8000 + samples(ms), PHRASES, hints, SETTINGS))


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("can I talk to a person", SETTINGS.min_ms),
        ("I would like the", SETTINGS.max_ms),
        ("the red one and", SETTINGS.max_ms),
        ("so, uh", SETTINGS.max_ms),
        ("my name is Miller", SETTINGS.usual_ms),
    ],
)
def test_the_silence_adapts_to_the_words(text: str, ms: int) -> None:
    assert ends_after_ms(text) == ms


def test_an_answer_to_what_was_asked_is_complete() -> None:
    assert ends_after_ms("Blue, please.", hints=("red", "blue")) == SETTINGS.min_ms
    assert ends_after_ms("Blue and", hints=("red", "blue")) == SETTINGS.max_ms
    assert not mentions_any("a blueprint", ["blue"])


def test_a_cough_ends_the_wait_at_once() -> None:
    assert ends_after_ms("you", speech=0.2) == SETTINGS.min_ms


def test_without_words_the_recognizer_is_waited_for() -> None:
    turn = CallerTurn(1, onset=0, last_voiced=8000)
    assert not turn.is_over(8000 + samples(RECOGNIZER_LATE_MS - 20), PHRASES, (), SETTINGS)
    assert turn.is_over(8000 + samples(RECOGNIZER_LATE_MS), PHRASES, (), SETTINGS)


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


def test_a_bare_lead_in_is_given_time() -> None:
    assert ends_after_ms("No, wait.") == SETTINGS.usual_ms


@pytest.mark.parametrize(("min_ms", "max_ms", "usual_ms"), [(700, 900, 700), (300, 500, 500), (300, 900, 600)])
def test_the_usual_silence_lies_between_the_bounds(min_ms: int, max_ms: int, usual_ms: int) -> None:
    settings = EndpointSettings(min_ms=min_ms, max_ms=max_ms)
    assert [settings.silence_ms(complete) for complete in (True, None, False)] == [min_ms, usual_ms, max_ms]
