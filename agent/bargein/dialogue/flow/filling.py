"""What the caller's words put into the slots of a flow, and where that leads."""

from __future__ import annotations

from ...core.language.intent import polarity
from ...core.language.kinds import Kind
from ...core.language.words import joined, tokens
from ..expression import render
from .model import Slot
from .moves import GoOn, Move
from .state import FlowState
from .turn import FlowTurn
from .values import Invalid, Picked, value_in


def fill(turn: FlowTurn, found: list[Picked]) -> Move | None:
    """The move that new values make, None if these words hold none."""
    slot = turn.slot
    typed = slot is not None and slot.type in ("number", "digits", "date", "yes_no")  # "next Friday" is no "next"
    if turn.kind is Kind.REDIRECT and not typed:
        return None
    wanted = [p for p in found if not p.negated and (_is_menu(turn, p) or turn.base.values.get(p.slot) != p.choice)]
    if wanted:
        return take(turn, wanted)
    if slot is not None and not slot.choices and (move := _free(turn, slot)) is not None:
        return move
    refused = next((p for p in found if p.negated), None)
    if refused is not None:
        return _refuse(turn, refused)
    if found:
        return None
    if turn.now is not None and turn.now.confirm and (move := _confirmed_value(turn)) is not None:
        return move
    return _change_named(turn) if turn.kind is Kind.CORRECT else None


def _is_menu(turn: FlowTurn, pick: Picked) -> bool:
    return turn.flow.slots[pick.slot].menu


def take(turn: FlowTurn, wanted: list[Picked]) -> Move:
    """Fill choices; on to the next step, or back to where a changed one is said back."""
    state = turn.base
    for pick in wanted:
        state = state.fill(pick.slot, pick.choice)
    asked = turn.slot.name if turn.slot is not None else ""
    changed = [p.slot for p in wanted if p.slot in turn.base.values and not _is_menu(turn, p)]
    lead = turn.say("corrected") if turn.kind is Kind.CORRECT and turn.interrupted else ()
    if turn.now is not None and any(pick.slot == asked for pick in wanted) and not changed:
        return turn.to(state.at(turn.now.name), GoOn(turn.now.name, leave=True), lead)
    agreed = turn.kind is Kind.CONFIRM or polarity(turn.text, turn.phrases)
    if agreed and not changed and turn.now is not None and turn.now is turn.here and turn.now.confirm:
        return turn.to(state.confirm(*turn.now.confirm), GoOn(turn.now.name, leave=True))
    return said_back(turn, state, changed[0] if changed else wanted[0].slot, lead)


def said_back(turn: FlowTurn, state: FlowState, slot: str, lead: tuple[str, ...]) -> Move:
    """A slot changed out of turn: say it back where the flow does, else in a word, and go on from here."""
    back = turn.flow.says_back(slot)
    if back is not None and all(name in state.values for name in back.confirm):
        return turn.to(state, GoOn(back.name), lead or turn.say("corrected"))
    spoken = turn.look(state, turn.text)
    own = turn.flow.slots[slot].say_back
    said = render(own, spoken) if own else turn.say("changed")[0].replace("{value}", spoken(slot))
    return turn.on(state, (said,))


def _free(turn: FlowTurn, slot: Slot) -> Move | None:
    """A value without choices, for the slot that is asked for."""
    if slot.type in ("text", "name") and (turn.interrupted or turn.kind is Kind.BACKCHANNEL):
        return None
    try:
        value = value_in(turn.text, slot, turn.phrases, turn.today)
    except Invalid:
        return turn.not_understood("invalid")
    if not value or turn.now is None:
        return None
    return turn.to(turn.base.fill(slot.name, value).at(turn.now.name), GoOn(turn.now.name, leave=True))


def _confirmed_value(turn: FlowTurn) -> Move | None:
    """ "No, it is 4 2 7 8" where a value is said back."""
    assert turn.now is not None
    for name in turn.now.confirm:
        slot = turn.flow.slots[name]
        if slot.type not in ("number", "digits", "date"):
            continue
        try:
            value = value_in(turn.text, slot, turn.phrases, turn.today)
        except Invalid:
            continue
        if value and value != turn.base.values.get(name):
            return turn.to(turn.base.fill(name, value), GoOn(turn.now.name), turn.say("corrected"))
    return None


def _change_named(turn: FlowTurn) -> Move | None:
    """ "I want to change the phone number", "no, my name is Smith": a filled slot called by its name."""
    words = joined(tokens(turn.text))
    for name in turn.base.values:
        slot = turn.flow.slots[name]
        if slot.menu or not any(f" {joined(tokens(c))}" in f" {words}" for c in slot.called):
            continue
        try:
            value = "" if slot.choices or slot.type == "text" else value_in(turn.text, slot, turn.phrases, turn.today)
        except Invalid:
            value = ""
        if value and slot.type != "yes_no" and value != turn.base.values[name]:
            return said_back(turn, turn.base.fill(name, value), name, ())
        if (step := turn.flow.asks_for(name)) is not None:
            return turn.to(turn.base.clear(name), GoOn(step.name, only_ask=True), turn.say("okay"))
    return None


def _refuse(turn: FlowTurn, refused: Picked) -> Move | None:
    """ "Not the red one": of two choices it is the other, else it is asked for anew."""
    slot = turn.flow.slots[refused.slot]
    others = [key for key in slot.choices if key != refused.choice]
    if len(others) == 1:
        return take(turn, [Picked(slot.name, others[0])])
    step = turn.now if turn.slot is slot else turn.flow.asks_for(slot.name)
    if step is None:
        return None
    return turn.to(turn.base.clear(slot.name), GoOn(step.name, only_ask=True), turn.say("okay"))
