"""The rows of a call: turns in order, and the interruption whose outcome is open."""

from __future__ import annotations

import pytest

from bargein.core.audio.pcm import samples
from bargein.core.audio.playout import Playout
from bargein.core.language.kinds import Kind
from bargein.core.turns.actions import Action, LogInterruption, LogTurn
from bargein.core.turns.ledger import Ledger
from bargein.core.turns.records import Interruption, Resolution, Turn
from bargein.core.turns.reply import CallResult


def playout(heard: str = "We have the", unheard: str = "red mug.", played_ms: int = 900) -> Playout:
    return Playout(
        text=f"{heard} {unheard}",
        heard_text=heard,
        unheard_text=unheard,
        cut_word=unheard.split()[0] if unheard else "",
        cut_played_samples=samples(100),
        played_samples=samples(played_ms),
        started=samples(1000),
        ended=samples(1000 + played_ms),
        step="offer",
        words=(),
    )


def turn_of(actions: list[Action]) -> Turn:
    (action,) = actions
    assert isinstance(action, LogTurn)
    return action.turn


def row_of(actions: list[Action]) -> Interruption:
    (action,) = actions
    assert isinstance(action, LogInterruption)
    return action.row


def interrupted(ledger: Ledger, resolution: Resolution = Resolution.IGNORED, kind: Kind = Kind.OTHER) -> Interruption:
    return row_of(
        ledger.interruption(
            playout(),
            turn_seq=0,
            onset=samples(1800),
            paused=samples(1860),
            decided=samples(2400),
            silent=samples(1875),
            kind=kind,
            resolution=resolution,
            evidence=0.98765,
        )
    )


def test_an_agent_turn_is_what_was_played_of_it() -> None:
    turn = turn_of(Ledger("c").agent_turn(playout()))
    assert (turn.seq, turn.speaker, turn.started_ms, turn.ended_ms) == (0, "agent", 1000, 1900)
    assert (turn.heard_text, turn.unheard_text, turn.cut_word, turn.cut_played_ms) == (
        "We have the", "red mug.", "red", 100,
    )  # fmt: skip


def test_a_turn_of_which_nothing_was_played_never_happened() -> None:
    ledger = Ledger("c")
    assert ledger.agent_turn(playout(played_ms=0)) == []
    assert ledger.turns == ()


def test_a_caller_turn_behind_another_continues_it() -> None:
    ledger = Ledger("c")
    ledger.caller_turn("the blue", 0.9, samples(2000), samples(2500))
    turn = turn_of(ledger.caller_turn("and a red one", 0.7, samples(3000), samples(3500)))
    assert (turn.seq, turn.text, turn.started_ms, turn.ended_ms) == (0, "the blue and a red one", 2000, 3500)
    ledger.agent_turn(playout())
    assert turn_of(ledger.caller_turn("yes", 0.9, samples(5000), samples(5300))).seq == 2


def test_an_interruption_has_its_latencies_and_stays_open_until_it_is_resolved() -> None:
    ledger = Ledger("c")
    row = interrupted(ledger)
    assert (row.id, row.turn_seq, row.step, row.kind, row.resolution) == ("c-1", 0, "offer", "other", "ignored")
    assert (row.detect_latency_ms, row.stop_latency_ms, row.decided_ms, row.played_ms) == (60, 75, 2400, 900)
    assert row.evidence == 0.988
    understood = row_of(ledger.understood("the blue one", Kind.CORRECT))
    assert (understood.id, understood.caller_text, understood.kind) == ("c-1", "the blue one", "correct")
    assert row_of(ledger.resolved(Resolution.REPLANNED)).resolution == "replanned"


def test_a_false_interruption_is_never_open() -> None:
    ledger = Ledger("c")
    interrupted(ledger, Resolution.RESUMED, Kind.NOISE)
    assert ledger.open is None
    assert ledger.understood("", Kind.OTHER) == []
    assert ledger.resolved(Resolution.REPLANNED) == []


@pytest.mark.parametrize(
    ("result", "resolution"),
    [
        (CallResult.QUEUE, "transferred"),
        (CallResult.TRANSFER, "transferred"),
        (CallResult.HANGUP, "hung_up"),
        (CallResult.CONTINUE, "replanned"),
        (CallResult.FAILED, "ignored"),
    ],
)
def test_the_end_of_the_call_resolves_the_open_interruption(result: CallResult, resolution: str) -> None:
    ledger = Ledger("c")
    interrupted(ledger)
    assert row_of(ledger.finished(result)).resolution == resolution


def test_what_is_said_after_the_next_reply_does_not_belong_to_a_retracted_one() -> None:
    ledger = Ledger("c")
    ledger.caller_turn("my name is", 0.9, samples(0), samples(1000))
    interrupted(ledger, Resolution.RETRACTED)
    ledger.agent_turn(playout())
    assert turn_of(ledger.caller_turn("Miller", 0.9, samples(4000), samples(5000))).text == "Miller"


def test_a_digit_within_the_words_does_not_end_the_turn_before_them() -> None:
    ledger = Ledger("c")
    ledger.caller_turn("I want the", 0.9, samples(1000), samples(3000))
    turn = turn_of(ledger.caller_turn("3", None, samples(2000), samples(2000)))
    assert (turn.text, turn.started_ms, turn.ended_ms) == ("I want the 3", 1000, 3000)


def test_what_was_held_in_a_turn_that_is_retracted_moves_to_the_callers_turn() -> None:
    ledger = Ledger("c")
    ledger.caller_turn("my name is", 0.9, samples(0), samples(1000))
    how = {"onset": 0, "paused": 0, "decided": 0, "silent": 0, "evidence": 1.0}
    ledger.interruption(playout(), turn_seq=1, kind=Kind.NOISE, resolution=Resolution.HELD, **how)  # type: ignore[arg-type]
    rows = ledger.interruption(playout(), turn_seq=0, kind=Kind.OTHER, resolution=Resolution.RETRACTED, **how)  # type: ignore[arg-type]
    assert [(a.row.id, a.row.turn_seq) for a in rows if isinstance(a, LogInterruption)] == [("c-2", 0), ("c-1", 0)]
