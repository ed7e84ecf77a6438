"""Fills the slots of a flow from the caller's words, and decides where that leads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...core.language.agreement import beside_yes, polarity
from ...core.language.kinds import Kind
from ...core.language.only_values import only_values
from ...core.language.times import is_clock_time
from ...core.language.values import Unclear
from ...core.language.words import mentions_any, tokens
from ..expression import render
from .model import Slot
from .moves import GoOn, Move
from .several import take_several
from .state import Begun, FlowState
from .turn import FlowTurn
from .values import Incomplete, Invalid, Picked, value_in

FREE = ("text", "name")  # slots that take nearly any words
SPECIFIC = ("date", "time", "phone", "digits", "number", "name")  # the order in which a new value is looked for
DICTATED = ("phone", "digits")  # "the number" is rather one of these than an amount
ONE_OCLOCK = ("01:00", "13:00")
FEW = 3  # words: "the blue one"
SHORT_COMMAND = 7  # words: "no, I want to change the name" is a command, a longer text is not


def fill(turn: FlowTurn, found: list[Picked]) -> Move | None:
    """The move for new values; None if the words hold none."""
    slot = turn.slot
    typed = slot is not None and not slot.choices and slot.type not in FREE  # "next Friday" is no "next"
    named = slot is not None and any(
        p.slot == slot.name and not p.negated for p in found
    )  # "skip the rest, the blue one"
    if turn.kind is Kind.REDIRECT and not (typed or named):
        return None
    wanted = [p for p in found if not p.negated and (_is_menu(turn, p) or turn.base.values.get(p.slot) != p.choice)]
    if not wanted and _is_change_command(turn) and (move := _change_named(turn)) is not None:
        return move
    if _undecided(turn, found):
        return turn.not_understood("unclear")
    if (move := take_several(turn, found)) is not None:
        return move
    if found and turn.now is not None and turn.now.confirm and (move := _along(turn, wanted)) is not None:
        return move
    if wanted:
        return take(turn, wanted)
    if slot is not None and slot.type == "name" and turn.kind is Kind.CORRECT and (move := _correct_last(turn)):
        return move
    if slot is not None and not slot.choices and (move := _free(turn, slot)) is not None:
        return move
    refused = next((p for p in found if p.negated), None)
    if refused is not None:
        return _refuse(turn, refused)
    if found:
        return _agreed_again(turn)
    if turn.now is not None and turn.now.confirm:
        return _at_confirm(turn)
    return (_change_named(turn) or _correct_last(turn)) if turn.kind is Kind.CORRECT else None


def _agreed_again(turn: FlowTurn) -> Move | None:
    """ "Blue", to "one blue mug, is that right?": a choice that is said again is right."""
    now, again = turn.now, turn.kind is Kind.OTHER and turn.asked and not turn.text.rstrip().endswith("?")
    if now is None or now is not turn.here or len(now.confirm) != 1 or not again or len(tokens(turn.text)) > FEW:
        return None
    return turn.to(turn.base.confirm(*now.confirm), GoOn(now.name, leave=True))


def _along(turn: FlowTurn, wanted: list[Picked]) -> Move | None:
    """What is said beside a choice where values are said back: "mushroom, six of them". "The red one" is no number."""
    assert turn.now is not None
    changed = False
    for name in turn.now.confirm:
        slot = turn.flow.slots[name]
        if slot.type not in ("number", "date"):
            continue
        try:
            value = value_in(turn.text, slot, turn.phrases, turn.today)
        except Unclear:
            if not wanted and slot.type == "number":
                return turn.not_understood("unclear")
            continue
        except (Invalid, Incomplete):
            continue
        if value and value not in ("1", turn.base.values.get(name)):
            turn.base = turn.base.fill(name, value)
            changed = True
    return turn.to(turn.base, GoOn(turn.now.name), turn.say("corrected")) if changed and not wanted else None


def _correct_last(turn: FlowTurn) -> Move | None:
    """ "No, the 13th", where the time or a number is asked for: the day that was said before, or the time just said."""
    if turn.slot is None or turn.slot.type == "text" or not only_values(turn.text, turn.phrases):
        return None
    filled = [turn.flow.slots[name] for name in turn.base.values]
    days = [slot for slot in filled if slot.type == "date"]
    last = [slot for slot in filled[-1:] if slot.type == "time"]
    for slot in (*(days if len(days) == 1 else []), *last):
        known = turn.base.values[slot.name]
        try:
            value = value_in(turn.text, slot, turn.phrases, turn.today, known=known)
        except (Invalid, Unclear, Incomplete):
            continue
        if value and value != known:
            return said_back(turn, turn.base.fill(slot.name, value), slot.name, ())
    return None


def change(turn: FlowTurn, found: list[Picked]) -> Move | None:
    """The answer to "What should I change?": a slot by its name, a new value, or both."""
    wanted = [p for p in found if not p.negated and turn.base.values.get(p.slot) != p.choice]
    if wanted:
        return take(turn, wanted)
    if (move := _change_named(turn)) is not None:
        return move
    if turn.now is not None and turn.now.confirm:
        if (move := _confirmed_value(turn)) is not None:
            return move
        if turn.phrases.mentions("everything", turn.text):
            return _change_all(turn)
    return None


def _change_all(turn: FlowTurn) -> Move | None:
    assert turn.now is not None
    steps = [step for slot in turn.now.confirm if (step := turn.flow.asks_for(slot)) is not None]
    if not steps:
        return None
    return turn.to(turn.base.clear(*turn.now.confirm), GoOn(steps[0].name, only_ask=True), turn.say("okay"))


def _is_change_command(turn: FlowTurn) -> bool:
    """ "Change the name", "my name is wrong": never a value, whatever is being asked."""
    words = tokens(turn.text)
    return len(words) <= SHORT_COMMAND and turn.phrases.matches("change_slot", turn.text)


def _undecided(turn: FlowTurn, found: list[Picked]) -> bool:
    """Whether two choices of one slot were offered: "red or blue"."""
    return any(pick.undecided for pick in found)


def _is_menu(turn: FlowTurn, pick: Picked) -> bool:
    return turn.flow.slots[pick.slot].menu


def take(turn: FlowTurn, wanted: list[Picked]) -> Move:
    """Fill slots with choices. Go on to the next step, or to the step that confirms a changed slot."""
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
    """A slot was changed out of turn. Go to the step that confirms it; else say the new value and go on from here."""
    back = turn.flow.says_back(slot)
    if back is not None and all(name in state.values for name in back.confirm):
        return turn.to(state, GoOn(back.name), lead or turn.say("corrected"))
    if turn.flow.slots[slot].secret:
        return turn.on(state, turn.say("okay"))
    spoken = turn.look(state, turn.text)
    own = turn.flow.slots[slot].say_back
    said = render(own, spoken) if own else turn.say("changed")[0].replace("{value}", spoken(slot))
    return turn.on(state, (said,))


def _free(turn: FlowTurn, slot: Slot) -> Move | None:
    """Fill the slot that is asked for, if it has no choices."""
    if slot.type in FREE and (turn.interrupted or turn.kind is Kind.BACKCHANNEL):
        return None
    if slot.type == "text" and turn.now is not None and turn.now.optional and _is_nothing(turn):
        return turn.to(turn.base.at(turn.now.name), GoOn(turn.now.name, leave=True))
    begun = turn.base.begun
    try:
        text = begun.text if begun is not None and begun.slot == slot.name else ""
        value = value_in(turn.text, slot, turn.phrases, turn.today, text)
        day = _day_beside(turn, slot) if value else {}
    except Unclear:
        return _anew(turn, "unclear")
    except Invalid:
        return _anew(turn, "invalid")
    except Incomplete as part:
        return turn.incomplete(Begun(slot.name, part.text, part.saying))
    if not value or turn.now is None:
        refuses = slot.own and not turn.base.misses and turn.override("no") is None and _another_number(turn)
        return turn.not_understood("okay") if refuses else None
    state = turn.base
    for name, one in {slot.name: value, **day}.items():
        state = state.fill(name, one)
    return turn.to(state.at(turn.now.name), GoOn(turn.now.name, leave=True))


def _day_beside(turn: FlowTurn, slot: Slot) -> dict[str, str]:
    """A day beside a time ("tomorrow at three"), by its slot: one that is said back with it, and that no step asks for.

    Raises Unclear, Invalid.
    """
    back = turn.flow.says_back(slot.name) if slot.type == "time" else None
    days = [turn.flow.slots[name] for name in (back.confirm if back is not None else ())]
    found = {
        day.name: value_in(turn.text, day, turn.phrases, turn.today)
        for day in days
        if day.type == "date" and turn.flow.asks_for(day.name) is None
    }
    if found and not any(found.values()) and mentions_any(turn.text, turn.phrases.dates.next_week):
        raise Unclear  # on which day of it?
    return {name: value for name, value in found.items() if value}


def _is_nothing(turn: FlowTurn) -> bool:
    """Whether "no" or "nothing" is all that is said."""
    words = turn.phrases.cleaned(turn.text)
    return bool(words) and turn.phrases.no_words.issuperset(words)


def _another_number(turn: FlowTurn) -> bool:
    """Whether the caller refuses to be called back at the number that they call from."""
    return polarity(turn.text, turn.phrases) is False or turn.phrases.matches("change_slot", turn.text)


def _anew(turn: FlowTurn, saying: str) -> Move:
    """Forget half a value that the new words do not fit, and ask for all of it."""
    turn.base = replace(turn.base, begun=None)
    return turn.not_understood(saying)


def _at_confirm(turn: FlowTurn) -> Move | None:
    """Where values are said back: "no, it is 4 2 7 8", "the name is wrong"."""
    if (move := _confirmed_value(turn)) is not None:
        return move
    unsure = turn.kind is Kind.OTHER and polarity(turn.text, turn.phrases)  # "yes, I leave the day after"
    return _change_named(turn) if turn.kind in (Kind.CORRECT, Kind.OTHER, Kind.REDIRECT) and not unsure else None


def _confirmed_value(turn: FlowTurn) -> Move | None:
    """New values for slots that are said back. Where the words may fill several of them, ask which.

    A day, and a time of day in a form that is nothing else, may come together; their figures are no other values.
    """
    assert turn.now is not None
    named = addressed(turn, turn.now.confirm)
    slots = [turn.flow.slots[name] for name in turn.now.confirm]
    phrases = turn.phrases
    clock = is_clock_time(turn.text, phrases.times, phrases.numbers, phrases.dates.at)
    new: dict[str, str] = {}
    faults: list[str] = []
    half: dict[str, Incomplete] = {}
    repeated = False  # a value that was said back
    plain = only_values(turn.text, phrases)
    known = turn.base.values if plain else {}  # "no, the day after"
    dated = False  # a day or a time was said: the figures are part of it
    for slot in sorted(slots, key=lambda slot: SPECIFIC.index(slot.type) if slot.type in SPECIFIC else 0):
        if slot.type not in SPECIFIC or (slot.type == "name" and not _is_name_given(turn, named)):
            continue
        goes_along = slot.type == "date" or (slot.type == "time" and clock)
        if (named and slot.name not in named and not goes_along) or (
            dated and not goes_along and slot.name not in named
        ):
            continue
        try:
            value = value_in(turn.text, slot, phrases, turn.today, known=known.get(slot.name, ""))
        except Unclear:
            faults += ["unclear"] if not named or slot.name in named else []
        except Invalid:
            faults += ["invalid"] if not named or slot.name in named else []
        except Incomplete as part:
            half[slot.name] = part
            faults += ["invalid"] if not named or slot.name in named else []
        else:
            if slot.type == "time" and value in ONE_OCLOCK and not (clock or plain or named):
                continue  # "the other one"
            repeated = repeated or (bool(value) and value == turn.base.values.get(slot.name))
            own = slot.own and value == slot.own and polarity(turn.text, phrases)  # what was said back
            if value and not own and (value != turn.base.values.get(slot.name) or goes_along):
                new[slot.name] = value
                dated = dated or goes_along
    agrees = turn.kind is Kind.CONFIRM and not beside_yes(turn.text, phrases)  # "yes, have a good one"
    if not new and (agrees or (repeated and not named and polarity(turn.text, phrases))):
        return None  # "yes, five"
    if len(half) == 1 and not new and len(faults) == 1:
        return _half(turn, *half.popitem())
    return _confirmed(turn, new, faults if named or len(slots) == 1 or not new else [])


def _half(turn: FlowTurn, name: str, part: Incomplete) -> Move | None:
    """The beginning of a new value for a slot that is said back: keep it and ask for the rest at the slot's step."""
    step = turn.flow.asks_for(name)
    if step is None:
        return turn.not_understood("invalid")
    return turn.ask_rest(turn.base.clear(name).at(step.name), Begun(name, part.text, part.saying))


def _confirmed(turn: FlowTurn, new: dict[str, str], faults: list[str]) -> Move | None:
    assert turn.now is not None
    changed = {name: value for name, value in new.items() if value != turn.base.values.get(name)}
    if faults and not changed:
        return turn.not_understood(faults[0]) if "unclear" in faults or len(turn.now.confirm) == 1 else None
    if not changed:
        return None
    if len(new) > 1 and any(turn.flow.slots[name].type not in ("date", "time") for name in new):
        return turn.what_to_change(turn.base)
    state = turn.base
    for name, value in changed.items():
        state = state.fill(name, value)
    return turn.to(state, GoOn(turn.now.name), turn.say("corrected"))


def _is_name_given(turn: FlowTurn, named: Sequence[str]) -> bool:
    """Whether a name may be looked for: it was called a name, or there is nothing else that it could be."""
    alone = turn.now is not None and len(turn.now.confirm) == 1
    return bool(named) or (alone and turn.kind is Kind.CORRECT) or turn.phrases.mentions("name_lead", turn.text)


def addressed(turn: FlowTurn, names: Iterable[str]) -> list[str]:
    """The slots that the words call by name, by what they are called, or by their kind if that is clear.

    "The phone number" is the slot `phone`, and not `number`: a longer name takes the words of a shorter one.
    """
    slots = [turn.flow.slots[name] for name in dict.fromkeys(names) if not turn.flow.slots[name].menu]
    kinds = [slot.type for slot in slots]
    forms: list[tuple[tuple[str, ...], str]] = []
    for slot in slots:
        by_kind = turn.phrases.slot_words.get(slot.type, ()) if kinds.count(slot.type) == 1 else ()
        own = {tuple(tokens(text)) for text in slot.called}
        forms += [(form, slot.name) for form in own | {tuple(tokens(text)) for text in by_kind}]
    words, found = [word.removesuffix("'s") for word in tokens(turn.text)], []  # "the number's wrong"
    for form, name in sorted(forms, key=lambda item: (-len(item[0]), turn.flow.slots[item[1]].type not in DICTATED)):
        for at in range(len(words) - len(form) + 1):
            if form and tuple(words[at : at + len(form)]) == form:
                words[at : at + len(form)] = [""] * len(form)
                found.append(name)
                break
    return list(dict.fromkeys(found))


def _change_named(turn: FlowTurn) -> Move | None:
    """ "I want to change the phone number", "no, my name is Smith": change a filled slot that the caller names."""
    asked = turn.now.confirm if turn.now is not None else ()  # one of these may be empty, if it is optional
    open_slot = (turn.slot.name,) if turn.slot is not None else ()  # "my number" is the one that is asked for
    for name in addressed(turn, (*open_slot, *turn.base.values, *asked)):
        slot = turn.flow.slots[name]
        if name in open_slot:
            continue
        try:
            free = slot.choices or slot.type in ("text", "yes_no")
            value = "" if free else value_in(turn.text, slot, turn.phrases, turn.today)
        except (Invalid, Unclear, Incomplete):
            value = ""
        if value and value == turn.base.values.get(name):
            return said_back(turn, turn.base, name, ())
        if value:
            return said_back(turn, turn.base.fill(name, value), name, ())
        if (step := turn.flow.asks_for(name)) is not None:
            again = slot.offers_own  # not the caller's own number a second time
            return turn.to(turn.base.clear(name), GoOn(step.name, only_ask=True, again=again), turn.say("okay"))
    return None


def _refuse(turn: FlowTurn, refused: Picked) -> Move | None:
    """ "Not the red one": of two choices take the other one, else ask again."""
    slot = turn.flow.slots[refused.slot]
    others = [key for key in slot.choices if key != refused.choice]
    if len(others) == 1:
        return take(turn, [Picked(slot.name, others[0])])
    step = turn.now if turn.slot is slot else turn.flow.asks_for(slot.name)
    if step is None:
        return None
    return turn.to(turn.base.clear(slot.name), GoOn(step.name, only_ask=True), turn.say("okay"))
