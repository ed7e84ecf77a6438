"""What a planner may know when the caller's turn has ended."""

from __future__ import annotations

from ..language.idle import without_idle
from ..language.intent import classify
from ..language.kinds import Kind
from ..language.phrases import Phrases
from .actions import Action
from .caller_input import CallerInput
from .endpoint import CallerTurn
from .ledger import Ledger
from .records import Interruption, Situation, Turn
from .reply import Listen


def foreseen(
    turn: CallerTurn, ledger: Ledger, given: CallerInput, listen: Listen, phrases: Phrases, question: bool
) -> Situation:
    """The situation if the caller's turn ended here."""
    ledger, given = ledger.copy(), given.copy()
    given.add(turn.entry())
    for entry in given.take_unlogged(digits=False):
        ledger.caller_turn(listen.writable(entry.text), entry.confidence, entry.started, entry.ended)
    return understood(ledger, given, listen, phrases, question)[0]


def understood(
    ledger: Ledger, given: CallerInput, listen: Listen, phrases: Phrases, question: bool
) -> tuple[Situation, list[Action]]:
    """The situation after the caller's input, which is in the ledger. The open interruption is completed.

    `question`: the interrupted sentence was one.
    """
    text = given.text if listen.dictated else without_idle(given.text, phrases)  # an "oh" among digits is one
    digits, row = given.digits, ledger.open
    actions: list[Action] = []
    kind: Kind | None = None
    if row is not None:
        interrupted = _interrupted(row, ledger.turns)
        only_digits = digits and not text
        kind = Kind.DTMF if only_digits else classify(text, phrases, interrupted=interrupted, question=question)
        actions = ledger.understood(listen.writable(text or digits), kind)
    turns = ledger.turns
    confidence = turns[-1].confidence if turns and text else None
    return Situation(turns, text, digits, confidence, ledger.open, kind, answered_by=ledger.answered_by), actions


def _interrupted(row: Interruption, turns: tuple[Turn, ...]) -> str:
    return next((turn.text for turn in turns if turn.seq == row.turn_seq), "")
