"""Words that come late, when the next sound has begun: the request before it is over all the same."""

from __future__ import annotations

import pytest

from bargein.core.audio.pcm import samples
from bargein.core.turns import actions as act
from bargein.core.turns.endpoint import PREROLL_SAMPLES
from bargein.core.turns.table import State
from bargein.core.turns.transcript import Transcript
from tests.core.turns.test_conversation import MENU
from tests.core.turns.test_hold import Held
from tests.fakes import LOUD


class Late(Held):
    """A call whose recognizer is slow."""

    requested: tuple[int, int] | None = None

    def do(self, actions) -> None:  # type: ignore[no-untyped-def]
        actions = list(actions)
        for action in actions:
            if isinstance(action, act.RequestTranscript):
                self.requested = self.requested or (action.turn_id, action.at)
        super().do([action for action in actions if not isinstance(action, act.RequestTranscript)])

    def answer(self) -> None:
        assert self.requested is not None
        (turn_id, at), self.requested = self.requested, None
        self.do(self.core.on_transcript(turn_id, at, Transcript(self.turn_text[turn_id], speech=0.9)))


@pytest.mark.parametrize(("pause_ms", "over"), [(1000, True), (340, False)])
def test_a_request_is_over_though_its_words_come_when_a_cough_has_begun(pause_ms: int, over: bool) -> None:
    call = Late([MENU, "to Rome then"], ["I want it sent to Rome", "hello?"], word=0.9, expects="text")
    call.run(3000)
    call.run(900, LOUD)
    call.run(pause_ms)
    assert call.core.state is State.LISTENING
    call.run(200, LOUD)
    call.slow = True
    call.answer()
    assert (call.core.state is State.THINKING) is over
    call.run(200, LOUD)
    call.run(200)
    if over:
        assert sum(map(len, call.heard[2])) >= 400 * 8  # nothing of the sound is lost
        call.answer()
        call.run(100)
        assert call.core.state is State.THINKING
        assert call.dropped == []
    assert [situation.caller_text for situation in call.situations[1:]] == ["I want it sent to Rome"] * over


def test_a_click_behind_a_request_is_over_when_the_next_sound_begins() -> None:
    call = Late([MENU, "to Rome then"], ["I want it sent to Rome", "hello?"], word=0.9, expects="text")
    call.run(3000)
    call.run(900, LOUD)
    call.run(1000)
    call.run(60, LOUD)
    call.slow = True
    call.answer()
    assert call.core.state is State.THINKING
    call.run(1000)
    call.run(80, LOUD)
    assert len(call.heard[2][0]) == PREROLL_SAMPLES  # as for any sound


def test_a_sound_after_a_request_is_heard_from_its_beginning_though_it_shows_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = Late([MENU, "to Rome then"], ["I want it sent to Rome", "hello?"], word=0.9, expects="text")
    call.run(3000)
    call.run(900, LOUD)
    call.run(1000)
    call.run(60, LOUD)
    call.slow = True
    call.answer()
    with monkeypatch.context() as together:  # analysed with other calls, and not an onset yet
        together.setattr(call.hearing, "nothing", lambda: LOUD)
        together.setattr(call.hearing, "_armed", False)
        call.run(400, LOUD)
    call.hearing.rearm()
    call.run(80, LOUD)
    assert len(call.heard[2][0]) >= PREROLL_SAMPLES + samples(500)


def test_the_silence_before_a_sound_after_a_request_is_no_pause_of_the_caller() -> None:
    call = Late([MENU, "to Rome then"], ["I want it sent to Rome"], word=0.9, expects="text")
    call.run(3000)
    call.run(900, LOUD)
    call.run(1000)
    call.run(60, LOUD)
    call.slow = True
    call.answer()
    assert call.core.state is State.THINKING
    assert call.core._turn_end.pace.factor == 1.0
