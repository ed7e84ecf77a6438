"""What the recognizer writes for the agent's own echo over its speech."""

from __future__ import annotations

import pytest

from bargein.core.audio.pcm import dbfs
from bargein.core.turns.table import State
from bargein.core.turns.transcript import SoundProbabilities
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_next_sound import MAY_BE, STATEMENT, WORD, Slow
from tests.fakes import LOUD

NEAR, FAR = dbfs(LOUD) - 10, dbfs(LOUD) - 60  # the level that may be our echo


def told(said: str, word: float = 0.4, confidence: float = 0.4, echo_dbfs: float = NEAR, late_ms: int = 200) -> Slow:
    """A sound at 0.9 s, over "mug costs", for which these words are written after `late_ms`."""
    call = Slow([STATEMENT, "sorry"], [said], late_ms)
    call.hearing.echo_dbfs = echo_dbfs
    call.confidence = confidence
    call.probabilities = SoundProbabilities(0.5, 0.2, 0.3)
    call.run(900)
    call.sound(word, 300)
    call.run(500)
    return call


@pytest.mark.parametrize("late_ms", [200, 2000, 3500])
@pytest.mark.parametrize("said", ["mug costs", "The red mug costs.", "red mug cost", "mug"])
def test_the_agents_own_words_do_not_stop_it(said: str, late_ms: int) -> None:
    """Nor when it has gone on: it says the word again that it broke off."""
    call = told(said, late_ms=late_ms)
    call.run(8000)
    assert [row.resolution for row in call.rows.values()] == ["resumed"]
    assert call.turns[0].heard_text == STATEMENT


@pytest.mark.parametrize(
    ("said", "word", "confidence", "echo_dbfs"),
    [
        ("the blue one", 0.4, 0.4, NEAR),  # other words
        ("ten dollars", 0.4, 0.4, NEAR),  # not said yet
        ("the red mug please", 0.4, 0.8, NEAR),  # no doubt
        ("red mug costs", 0.4, 0.4, FAR),  # a line without echo
        ("red mug costs", WORD, 0.4, NEAR),  # the sound is one of words
    ],
)
def test_the_callers_words_stop_the_agent(said: str, word: float, confidence: float, echo_dbfs: float) -> None:
    call = told(said, word, confidence, echo_dbfs)
    assert call.core.state is not State.SPEAKING
    assert call.row.resolution not in ("held", "resumed")


@pytest.mark.parametrize(("said", "answered"), [("mug costs", []), ("the blue one", ["the blue one"])])
def test_the_agents_own_words_are_no_turn_though_they_come_when_it_is_done(said: str, answered: list[str]) -> None:
    call = Slow([MENU, "sorry"], [said], 2000)
    call.hearing.echo_dbfs, call.confidence = NEAR, 0.4
    call.probabilities = SoundProbabilities(0.5, 0.2, 0.3)
    call.run(900)
    call.sound(MAY_BE, 300)
    call.classifier.word = 0.4
    call.run(4500)
    assert [situation.caller_text for situation in call.situations[1:]] == answered
