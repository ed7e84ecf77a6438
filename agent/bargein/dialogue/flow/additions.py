"""A yes with an addition, where values are said back: "correct, but please don't call before nine"."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import time

from ...core.language.addition import TimeLimits, is_addition, limits_in, yes_and_more
from ...core.language.values import Unclear
from .model import Slot
from .state import FlowState
from .turn import FlowTurn
from .values import Incomplete, Invalid, value_in

ADDED = "added"  # the name of the addition in templates
VALUES = ("number", "digits", "phone", "date", "time")
HALVES = ((time.min, time(11, 59)), (time(12), time.max))  # of the day


def take_addition(turn: FlowTurn, named: Sequence[str]) -> bool:
    """Whether the caller says yes and adds something. Then the turn is left with the yes, and its state has the rest.

    `named`: slots that the words call by name. A yes with a change is no addition: "yes, but make it nine".
    """
    step, named = turn.now, [name for name in named if name not in turn.phrases.trailing]  # a slot may be called "at"
    agreeing = step is not None and (step.confirm or (turn.slot is not None and turn.slot.type == "yes_no"))
    if step is None or not agreeing or step is not turn.here or named:
        return False
    said = yes_and_more(turn.text, turn.phrases)
    if said is None or not is_addition(said, turn.phrases) or _may_change(turn, limits_in(said.more, turn.phrases)):
        return False
    turn.base, turn.text = with_addition(turn), said.yes
    return True


def with_addition(turn: FlowTurn) -> FlowState:
    """The state with what the caller said besides the yes, if anything. Not where a secret is said back."""
    said = yes_and_more(turn.text, turn.phrases)
    secret = turn.now is not None and any(turn.flow.slots[name].secret for name in turn.now.confirm)
    if said is None or secret:
        return turn.base
    before = turn.base.variables.get(ADDED, "")
    return turn.base.let({ADDED: f"{before}; {said.more}" if before else said.more})


def _may_change(turn: FlowTurn, limits: TimeLimits) -> bool:
    """Whether an addition with these limits may change what is said back. "Not before nine" keeps two o'clock."""
    slots = [turn.flow.slots[name] for name in (turn.now.confirm if turn.now is not None else ())]
    timed = [slot for slot in slots if slot.type in ("date", "time") and turn.base.values.get(slot.name)]
    if limits.others and any(slot.type in VALUES for slot in slots):
        return True
    for kind, limit in limits.found:
        kept = [keeps for slot in timed if (keeps := _keeps(turn, slot, kind, limit)) is not None]
        if kept and not (limits.negated and any(kept)):
            return True
    return False


def _keeps(turn: FlowTurn, slot: Slot, kind: str, limit: str) -> bool | None:
    """Whether a day or a time lies on the right side of "not `before`" or "not `after`" a limit; None: it is no limit
    for it. Where "nine" may be two times, it is the one that fits: the caller has said yes."""
    value = turn.base.values[slot.name]
    halves = [replace(slot, earliest=earliest, latest=latest) for earliest, latest in HALVES]
    bounds = _bounds(turn, limit, [slot]) or (_bounds(turn, limit, halves) if slot.type == "time" else [])
    found = [value >= bound if kind == "before" else value <= bound for bound in bounds]
    return any(found) if found else None


def _bounds(turn: FlowTurn, limit: str, slots: Sequence[Slot]) -> list[str]:
    """What the words of a limit are as values of these slots."""
    found = []
    for slot in slots:
        with suppress(Invalid, Incomplete, Unclear):
            found.append(value_in(limit, slot, turn.phrases, turn.today))
    return [bound for bound in found if bound]
