"""An answer, and a day and a time that the next steps ask for, in one utterance, if every word is accounted for."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.language.only_values import only_values, without_leads
from ...core.language.several import AnswerAndWhen, answer_and_when, says_only_name
from ...core.language.values import Unclear
from ...core.language.words import tokens
from ..expression import render
from .model import Flow, Slot, Step
from .moves import GoOn, Move
from .route import following
from .state import FlowState
from .turn import FlowTurn
from .values import Incomplete, Invalid, Picked, value_in

WHEN = ("date", "time")  # what may be said besides the answer
FIGURES = ("number", "digits", "phone")
MOST_STEPS = 20  # that are looked at


def take_several(turn: FlowTurn, found: Sequence[Picked]) -> Move | None:
    """The move for an answer with a day or a time that later steps ask for, or for a new day or time alone.

    None if that is not certain: then the words are read as an answer to the one question.
    """
    slot, step = turn.slot, turn.now
    if slot is None or step is None or turn.interrupted or turn.base.begun is not None:
        return None
    if slot.menu or slot.secret or slot.type == "text":
        return None
    behind = without_leads(turn.text, turn.phrases)
    alone = answer_and_when(behind, turn.phrases)
    if alone is not None and not alone.answer and slot.type not in WHEN and not found:
        led = behind != turn.text  # by a "no", which may answer a question
        number = slot.type in FIGURES and not alone.day and not led  # "at 12" may be the house number
        return None if number or (led and slot.type == "yes_no") else _corrected(turn, alone)
    said = answer_and_when(turn.text, turn.phrases)
    value = _answer(turn, slot, said, found) if said is not None else ""
    if said is None or not value or slot.own or slot.type == "yes_no":
        return None
    state = turn.base.fill(slot.name, value)
    wanted = _ahead(turn, step, state)
    told = [kind for kind in WHEN if kind != slot.type and _words(said, kind)]
    later = _each(turn, told, said, wanted)
    for name, one in later.items():
        state = state.fill(name, one)
    unsaid = [name for name in later if turn.flow.says_back(name) is None]
    return turn.to(state.at(step.name), GoOn(step.name, leave=True), _said(turn, state, unsaid)) if later else None


def _corrected(turn: FlowTurn, said: AnswerAndWhen) -> Move | None:
    """ "On Saturday at seven pm", where something else is asked for: the day and the time that were said before."""
    filled = [turn.flow.slots[name] for name in turn.base.values if not turn.flow.slots[name].secret]
    new = _each(turn, [kind for kind in WHEN if _words(said, kind)], said, filled)
    state = turn.base
    for name, value in new.items():
        state = state.fill(name, value)
    return turn.on(state, _said(turn, state, list(new))) if new else None


def _each(turn: FlowTurn, kinds: Sequence[str], said: AnswerAndWhen, slots: Sequence[Slot]) -> dict[str, str]:
    """What was said of each of these kinds, by slots; empty if one of them is wanted by none or several slots."""
    found: dict[str, str] = {}
    for kind in kinds:
        own = [slot for slot in slots if slot.type == kind]
        value = _value(turn, own[0], _words(said, kind)) if len(own) == 1 else ""
        if not value:
            return {}
        found[own[0].name] = value
    return found


def _words(said: AnswerAndWhen, kind: str) -> str:
    return {"date": said.day, "time": said.time}.get(kind, "")


def _answer(turn: FlowTurn, slot: Slot, said: AnswerAndWhen, found: Sequence[Picked]) -> str:
    """The value of the slot that is asked for, "" if it is not all that the answer says, or the whole text says
    another one."""
    phrases = turn.phrases
    if slot.choices or found:
        only = len(found) == 1 and found[0].slot == slot.name and not (found[0].negated or found[0].undecided)
        words = [word for word in phrases.cleaned(said.answer) if word not in phrases.numbers.articles]
        return found[0].choice if only and words in [tokens(form) for form in slot.phrases[found[0].choice]] else ""
    part = said.answer or _words(said, slot.type)
    value = _value(turn, slot, part)
    if slot.type == "name":
        return value if says_only_name(part, value, phrases) else ""
    return value if only_values(part, phrases) and value == _value(turn, slot, turn.text) else ""


def _value(turn: FlowTurn, slot: Slot, text: str) -> str:
    """The value of a slot that the text says; "" if it says none, or it is in doubt."""
    try:
        return value_in(text, slot, turn.phrases, turn.today)
    except (Unclear, Invalid, Incomplete):
        return ""


def _ahead(turn: FlowTurn, step: Step, state: FlowState) -> list[Slot]:
    """The empty slots that the next steps ask for: up to a step that does anything else, or a way that is not sure."""
    flow = turn.flow
    found: list[Slot] = []
    for _ in range(MOST_STEPS):
        if any(go.when is not None for go in step.next):
            break
        after = flow.steps.get(following(flow, step, state, turn.look(state, turn.text)))
        if after is None or not _only_asks(flow, after):
            break
        step = after
        if step.slot not in state.values and flow.slots[step.slot] not in found:
            found.append(flow.slots[step.slot])
    return found


def _only_asks(flow: Flow, step: Step) -> bool:
    acts = step.lines or step.webhook or step.callback or step.call or step.end or step.set or step.confirm
    return bool(step.slot) and not (acts or flow.slots[step.slot].menu or flow.slots[step.slot].secret)


def _said(turn: FlowTurn, state: FlowState, names: Sequence[str]) -> tuple[str, ...]:
    """Values that are said back at once."""
    spoken = turn.look(state, turn.text)
    own = [(turn.flow.slots[name].say_back, name) for name in names]
    return tuple(
        render(template, spoken) if template else turn.say("changed")[0].replace("{value}", spoken(name))
        for template, name in own
    )
