"""The table: every state with every event; the verdict on a sound that made us pause."""

from __future__ import annotations

import itertools

import pytest

from agent.core.bargein import TRANSITIONS, Effect, Event, Sound, State, VerdictSettings, step, verdict
from agent.core.reply import Transcript
from agent.languages import load

PHRASES = load("en")


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_with_every_event(state: State, event: Event) -> None:
    after, effects = step(state, event)
    if (state, event) not in TRANSITIONS:
        assert (after, effects) == (state, ())
        return
    assert (after is State.PAUSED) == (Effect.PAUSE in effects and event is Event.ONSET)
    assert (after is State.THINKING) == (Effect.REPLAN in effects)
    if Effect.RESUME in effects:
        assert (state, after) == (State.PAUSED, State.SPEAKING)
    if Effect.YIELD in effects:
        assert after is State.YIELDED
    if Effect.FINISH in effects:
        assert after is State.ENDED


def test_nothing_follows_the_end() -> None:
    assert all(step(State.ENDED, event) == (State.ENDED, ()) for event in Event)


def test_an_interruption_never_leads_back_into_the_interrupted_speech() -> None:
    """From yielded only a re-plan leads on."""
    reachable = {step(State.YIELDED, event)[0] for event in Event}
    assert reachable == {State.YIELDED, State.THINKING, State.ENDED}


def judged(text: str, *, voiced: int = 400, silent: int = 0, voice: float = 0.9, **options: bool) -> Event | None:
    return verdict(Sound(voiced, silent, voice), Transcript(text), options.pop("complete", True), PHRASES, **options)


@pytest.mark.parametrize("text", ["No.", "stop", "Wait!", "no, the blue one", "What was that?"])
def test_words_are_an_interruption_as_soon_as_they_are_known(text: str) -> None:
    assert judged(text, complete=False) is Event.WORD


@pytest.mark.parametrize("text", ["Uh-huh.", "mm-hm", "Right.", "okay", "Yeah."])
def test_a_backchannel_over_a_statement_is_nothing_once_it_is_over(text: str) -> None:
    assert judged(text) is None
    assert judged(text, silent=200) is Event.NOTHING


def test_yes_over_a_question_is_an_answer() -> None:
    assert judged("Yes.", silent=200, question=True) is Event.WORD


def test_a_cough_needs_no_words() -> None:
    assert judged("", voice=0.05, silent=200, complete=False) is Event.NOTHING


def test_a_voice_waits_for_its_words_but_not_for_ever() -> None:
    settings = VerdictSettings()
    assert judged("", voiced=300, silent=settings.ended_ms, complete=False) is None
    assert judged("", voiced=300, silent=settings.patience_ms, complete=False) is Event.NOTHING
    assert judged("", voiced=settings.lasts_ms, silent=settings.patience_ms, complete=False) is Event.WORD


def test_speech_that_lasts_is_an_interruption_whatever_the_words() -> None:
    assert judged("", voiced=VerdictSettings().lasts_ms, complete=False) is Event.WORD
    assert judged("", voiced=VerdictSettings().noise_ms, voice=0.1, complete=False) is Event.NOTHING
