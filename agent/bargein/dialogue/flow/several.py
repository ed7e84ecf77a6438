"""Several answers at once: slots that the next steps ask for are filled from the same words, if it is certain which.

Each kind of value must be wanted once among these steps, and no word counts for two of them. What needs a webhook or a
confirmation in between is asked later.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.language.intent import chosen_in
from ...core.language.several import clauses, may_be_name, says_name, when_and_rest
from ...core.language.times import is_clock_time
from ...core.language.values import Unclear
from ...core.language.words import tokens
from ..expression import render
from .model import Flow, Slot, Step
from .moves import GoOn, Move
from .route import following
from .state import FlowState
from .turn import FlowTurn
from .values import Incomplete, Invalid, Picked, value_in

PLAIN = ("date", "time", "name")  # certain even alone; "seven" may be anything
DICTATED = ("digits", "phone")
FEWEST_DICTATED = 4  # digits: fewer may be an amount, too
MOST_STEPS = 20  # that are looked at


def take_several(turn: FlowTurn, found: Sequence[Picked]) -> Move | None:
    """The move for answers to later questions beside the answer to this one; None if there are none."""
    slot, step = turn.slot, turn.now
    if slot is None or step is None or slot.type == "text" or turn.base.begun is not None:
        return None
    refuses = not turn.phrases.repairs.negations.isdisjoint(tokens(turn.text))
    if turn.text.rstrip().endswith("?") or refuses or any(pick.negated or pick.undecided for pick in found):
        return None
    wanted = [slot, *_ahead(turn, step)]
    names = [one.name for one in wanted]
    if any(pick.slot not in names for pick in found):
        return None
    values = {pick.slot: pick.choice for pick in found} | _values(turn, wanted)
    later = [name for name in names[1:] if name in values]
    if slot.name not in values and not any(turn.flow.slots[name].type in PLAIN for name in later):
        return None
    if not later and not (slot.type == "name" and says_name(turn.text, turn.phrases)):
        return None
    state = turn.base
    for name in (name for name in names if name in values):
        state = state.fill(name, values[name])
    unsaid = [name for name in later if turn.flow.says_back(name) is None]
    lead = tuple(_said(turn, state, name) for name in unsaid)
    if slot.name in values:
        return turn.to(state.at(step.name), GoOn(step.name, leave=True), lead)
    return turn.to(state, GoOn(step.name, only_ask=True), lead or turn.say("okay"))


def _ahead(turn: FlowTurn, step: Step) -> list[Slot]:
    """The empty slots that the next steps ask for, as far as nothing else happens between them."""
    flow = turn.flow
    found: list[Slot] = []
    for _ in range(MOST_STEPS):
        place = following(flow, step, turn.base, turn.look(turn.base, turn.text))
        after = flow.steps.get(place)
        if after is None or not _only_asks(flow, after):
            break
        step = after
        if step.slot and step.slot not in turn.base.values and flow.slots[step.slot] not in (turn.slot, *found):
            found.append(flow.slots[step.slot])
    return found


def _only_asks(flow: Flow, step: Step) -> bool:
    acts = step.webhook or step.callback or step.call or step.end or step.confirm or step.set
    return not acts and not (step.slot and (flow.slots[step.slot].menu or flow.slots[step.slot].secret))


def _values(turn: FlowTurn, wanted: Sequence[Slot]) -> dict[str, str]:
    """The values that are certain. The first slot is the one that is asked for. No word counts twice."""
    kinds = [slot.type for slot in wanted]
    alone = {slot.type: slot for slot in wanted if not slot.choices and kinds.count(slot.type) == 1}
    phrases, text = turn.phrases, turn.text
    found: dict[str, str] = {}
    if (slot := alone.get("name")) is not None:
        name, clause = _name(turn, slot, wanted)
        found[slot.name] = name
        text = text.replace(clause, " ", 1)
    told = when_and_rest(text, phrases)
    clock = {part: is_clock_time(part, phrases.times, phrases.numbers, phrases.dates.at) for part in told.when}
    for kind in ("date", "time") if told.when and not told.doubtful else ():
        if (slot := alone.get(kind)) is not None and (kind == "date" or any(clock.values())):
            parts = [part for part, is_time in clock.items() if is_time is (kind == "time")]
            found[slot.name] = _one(turn, slot, [" ".join(told.when)]) or _one(turn, slot, parts)
    dictated = [slot for slot in wanted if slot.type in DICTATED]
    if (slot := alone.get("number")) is not None and all((s.minimum or 0) >= FEWEST_DICTATED for s in dictated):
        rests = [told for part in clauses(text, phrases) if not (told := when_and_rest(part, phrases)).doubtful]
        count = _one(turn, slot, [told.rest for told in rests])
        found[slot.name] = "" if count == "1" and slot is not wanted[0] else count  # "the blue one"
    if (slot := wanted[0]).type in DICTATED and told.when:
        found[slot.name] = _one(turn, slot, [told.rest])
    return {name: value for name, value in found.items() if value}


def _name(turn: FlowTurn, slot: Slot, wanted: Sequence[Slot]) -> tuple[str, str]:
    """The name that one of the clauses says, and that clause; "", "" if it is not certain."""
    phrases, asked = turn.phrases, slot is wanted[0] and not turn.interrupted
    chooses = [choice for other in wanted for choice in other.phrases.values()]
    parts = [part for part in clauses(turn.text, phrases) if may_be_name(part, phrases)]
    parts = [part for part in parts if not any(chosen_in(part, phrases, forms) for forms in chooses)]
    said = [part for part in clauses(turn.text, phrases) if says_name(part, phrases)]
    if asked and not said:
        said = [part for part in parts if phrases.mentions("name_lead", part)] or parts
    found = [(name, part) for part in said if (name := _one(turn, slot, [part]))]
    others = [name for part in parts if part not in said and (name := _one(turn, slot, [part]))] if asked else []
    return found[0] if len(found) == 1 and not others else ("", "\0")


def _one(turn: FlowTurn, slot: Slot, texts: Sequence[str]) -> str:
    """The value of a slot that just one of the texts holds; "" if none does, or several, or it is in doubt."""
    values = []
    for text in texts:
        try:
            value = value_in(text, slot, turn.phrases, turn.today)
        except (Unclear, Invalid, Incomplete):
            return ""
        values += [value] if value else []
    return values[0] if len(values) == 1 else ""


def _said(turn: FlowTurn, state: FlowState, name: str) -> str:
    """A value that no step says back."""
    slot, spoken = turn.flow.slots[name], turn.look(state, turn.text)
    if slot.say_back:
        return render(slot.say_back, spoken)
    return turn.say("changed")[0].replace("{value}", spoken(name))
