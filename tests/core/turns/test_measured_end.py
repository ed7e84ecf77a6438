"""Which sound tells whether a turn is over: the last words, not what comes after them."""

from __future__ import annotations

import numpy as np
import pytest

from bargein.core.audio.pcm import FRAME_SAMPLES, samples
from bargein.core.turns.endpoint import CallerTurn, EndpointSettings
from bargein.core.turns.overlap_classifier import OverlapClass
from bargein.core.turns.prosody import FEATURES
from bargein.core.turns.reply import Listen
from bargein.core.turns.transcript import Transcript
from bargein.core.turns.turn_end import MEASURED_MS, TurnEnd, TurnEndModel
from bargein.dialogue.languages import load
from tests.core.turns.test_turn_end import END, evidence

WORDS = Transcript("I want it sent to Rome please")


class Heard(TurnEndModel):
    """Keeps what it is asked about: when that was measured."""

    measured: float = 0.0

    def log_odds(self, sound, *known) -> float:  # type: ignore[no-untyped-def, override]
        Heard.measured = sound[0]
        return 0.0


class Line:
    """A turn that is measured as in a call. `decide` answers by the words so far."""

    def __init__(self) -> None:
        self.turn = CallerTurn(1, onset=0, last_voiced=END)
        self.decide = TurnEnd(load("en"), EndpointSettings(), Heard({}, {}, {}))
        self.now = END

    def run(self, ms: int, voiced: bool) -> None:
        for _ in range(ms // 20):
            self.now += FRAME_SAMPLES
            self.turn.add(evidence(voiced), self.now)
            self.decide.measure(self.turn, self.now, lambda: np.full(len(FEATURES), float(self.now)))

    def measured(self) -> float:
        self.decide.silence_ms(self.turn, Listen())
        return float(Heard.measured)


@pytest.mark.parametrize("after_ms", [0, 80, 400])
def test_a_sound_after_the_request_is_not_taken_for_its_end(after_ms: int) -> None:
    """The words come when it goes on, has just ended, or is long over."""
    line = Line()
    line.run(620, voiced=False)
    line.run(200, voiced=True)
    line.run(after_ms, voiced=False)
    line.turn.set_transcript(WORDS, END + samples(120))
    line.turn.recognition = line.now - END - samples(120)
    assert line.turn.sound_after is not None
    assert line.measured() == END + samples(MEASURED_MS)


@pytest.mark.parametrize(("word", "own"), [(0.0, True), (0.9, False)])
def test_a_cough_behind_words_that_are_known_is_not_taken_for_their_end(word: float, own: bool) -> None:
    line = Line()
    line.run(200, voiced=False)
    line.turn.set_transcript(WORDS, line.now)
    line.turn.recognition = samples(40)
    line.run(200, voiced=False)
    line.run(120, voiced=True)
    assert line.turn.later is not None
    line.turn.later.likely = OverlapClass(word, 0.0, 1 - word)
    coughed = line.now
    line.run(300, voiced=False)
    assert line.turn.measured_at == coughed  # it was not known yet what it is
    assert (line.measured() == END + samples(MEASURED_MS)) is own
    line.run(200, voiced=False)
    line.run(100, voiced=True)  # and once more
    line.run(120, voiced=False)
    assert line.turn.later.began > coughed
    line.turn.later.likely = OverlapClass(0.0, 0.0, 1.0)
    line.run(300, voiced=False)
    assert (line.measured() == END + samples(MEASURED_MS)) is own
