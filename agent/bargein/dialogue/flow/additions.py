"""A yes with an addition, where values are said back: "correct, but please don't call before nine"."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import time

from ...core.language.addition import is_addition, limit_in, yes_and_more
from ...core.language.kinds import Kind
from ...core.language.values import Unclear
from .model import Slot
from .turn import FlowTurn
from .values import Incomplete, Invalid, value_in

ADDED = "added"  # the name of the addition in templates
HALVES = ((time.min, time(11, 59)), (time(12), time.max))  # of the day


def take_addition(turn: FlowTurn) -> None:
    """Where a yes has an addition that surely changes nothing, leave the turn with the yes, and its state with the
    rest. A yes with any other words linked to it confirms nothing: "yes, and without the mug"."""
    step = turn.now
    if step is None or step is not turn.here or not step.confirm:
        return
    said = yes_and_more(turn.text, turn.phrases)
    if said is None:
        return
    if is_addition(said.more, turn.phrases) or _agrees(turn, limit_in(said.more, turn.phrases)):
        turn.text, turn.kind = said.yes, Kind.CONFIRM
        if not any(turn.flow.slots[name].secret for name in step.confirm):
            before = turn.base.variables.get(ADDED, "")
            turn.base = turn.base.let({ADDED: f"{before}; {said.more}" if before else said.more})
    elif said.linked and turn.kind in (Kind.CONFIRM, Kind.REDIRECT):
        turn.kind = Kind.OTHER


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
