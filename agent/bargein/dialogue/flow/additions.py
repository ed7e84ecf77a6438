"""A yes with an addition, where values are said back: "correct, but please don't call before nine"."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import time

from ...core.language.addition import is_addition, limit_in, yes_and_more
from ...core.language.agreement import beside_yes, polarity
from ...core.language.intent import classify
from ...core.language.kinds import Kind
from ...core.language.only_values import value_forms
from ...core.language.times import is_clock_time
from ...core.language.values import Unclear
from ...core.language.words import tokens
from ..expression import render
from .model import Slot, Step
from .moves import Move
from .turn import FlowTurn
from .values import Incomplete, Invalid, value_in

COMMANDS = (Kind.AGENT, Kind.REPEAT, Kind.STOP, Kind.QUESTION)
ADDED = "added"  # the name of the addition in templates
HALVES = ((time.min, time(11, 59)), (time(12), time.max))  # of the day


def take_addition(turn: FlowTurn) -> None:
    """Where a yes has an addition that surely changes nothing, leave the turn with the yes, and its state with the
    rest."""
    step = _saying_back(turn)
    if step is None:
        return
    said = yes_and_more(turn.text, turn.phrases)
    if said is None:
        return
    if is_addition(said.more, turn.phrases) or _agrees(turn, limit_in(said.more, turn.phrases)):
        turn.text, turn.kind = said.yes, Kind.CONFIRM
        if not any(turn.flow.slots[name].secret for name in step.confirm):
            before = turn.base.variables.get(ADDED, "")
            turn.base = turn.base.let({ADDED: f"{before}; {said.more}" if before else said.more})


def weigh_yes(turn: FlowTurn) -> Move | None:
    """Where values are said back, take a yes for one only if nothing is said beside it: not "yes, I can't come".

    What is said beside it may be an intent of the flow; else it is answered, or the yes is asked for again.
    """
    step, skips = _saying_back(turn), turn.kind is Kind.REDIRECT and turn.asked
    if step is None:
        return None
    if not skips and turn.kind not in (Kind.CONFIRM, Kind.CORRECT, Kind.OTHER):
        return None
    rest = beside_yes(turn.text, turn.phrases, _said_back(turn, step), skips)
    if not rest and not skips and polarity(turn.text, turn.phrases):
        turn.kind = Kind.CONFIRM  # "yes, that's exactly what I wanted"
    if turn.kind is Kind.CONFIRM or skips:
        if rest and (own := turn.intent(rest)) is not None:
            return own
        other = skips and turn.phrases.matches("wrong", turn.text)  # "let's do something else"
        if rest or (other and not turn.phrases.agrees(turn.phrases.cleaned(turn.text))):
            behind = turn.phrases.behind("yes", turn.text)
            beside = classify(" ".join(behind or [rest]), turn.phrases, question=turn.asked)
            turn.kind = beside if beside in COMMANDS else Kind.OTHER
    return None


def _saying_back(turn: FlowTurn) -> Step | None:
    """The step that the caller answers, if it says values back."""
    return turn.now if turn.now is turn.here and turn.here.confirm else None


def _said_back(turn: FlowTurn, step: Step) -> set[str]:
    """The words of the step and of the values that it says back, and the forms in which such values are said."""
    spoken = turn.look(turn.base, turn.text)
    texts = [render(line.text, spoken) for line in (*step.lines, *step.ask, *step.again)]
    phrases = turn.phrases
    types = {turn.flow.slots[name].type for name in step.confirm if turn.base.values.get(name)}
    if "time" in types and not is_clock_time(turn.text, phrases.times, phrases.numbers, phrases.dates.at):
        types = types - {"time"} | {"number"}  # "in the afternoon" may be another time
    said = value_forms(phrases, types)
    for name in step.confirm:
        slot = turn.flow.slots[name]
        called = (*slot.called, *phrases.slot_words.get(slot.type, ()))
        texts += [*called, *slot.phrases.get(turn.base.values.get(name, ""), ()), spoken(name)]
    return said.union(*map(tokens, texts))


def _agrees(turn: FlowTurn, limit: tuple[str, str] | None) -> bool:
    """Whether a limit is one for a day or a time that is said back, and that lies on its right side or is open."""
    assert turn.now is not None
    slots = [turn.flow.slots[name] for name in turn.now.confirm]
    kept = [_keeps(turn, slot, *limit) for slot in slots if slot.type in ("date", "time")] if limit else []
    return True in kept and False not in kept


def _keeps(turn: FlowTurn, slot: Slot, kind: str, limit: str) -> bool | None:
    """Whether a day or a time lies on the right side of "not `before`" or "not `after`" a limit; None: it is no limit
    for it. Where "nine" may be two times, it is the one that fits: the caller has said yes."""
    value = turn.base.values.get(slot.name)
    halves = [replace(slot, earliest=earliest, latest=latest) for earliest, latest in HALVES]
    bounds = _bounds(turn, limit, [slot]) or (_bounds(turn, limit, halves) if slot.type == "time" else [])
    found = [not value or (value >= bound if kind == "before" else value <= bound) for bound in bounds]
    return any(found) if found else None


def _bounds(turn: FlowTurn, limit: str, slots: list[Slot]) -> list[str]:
    """What the words of a limit are as values of these slots."""
    found = []
    for slot in slots:
        with suppress(Invalid, Incomplete, Unclear):
            found.append(value_in(limit, slot, turn.phrases, turn.today))
    return [bound for bound in found if bound]
