"""Decides what to do about the caller's turn. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from ...core.language.agreement import polarity
from ...core.language.intent import classify, is_backchannel, is_complete, proposes
from ...core.language.kinds import Kind
from ...core.language.only_values import only_values
from ...core.language.phrases import Phrases
from ...core.language.values import Unclear
from ...core.language.words import joined, tokens
from ...core.turns.records import Situation
from ..expression import render
from .additions import COMMANDS, take_addition, weigh_yes
from .filling import change, fill, said_back, take
from .model import Answer, Flow, is_said
from .moves import GoOn, Move, Wait
from .state import LEAD, FlowState
from .turn import FlowTurn, Look
from .values import Incomplete, Invalid, Picked, is_place, last_named, picked, value_in

_CLAUSE_END = re.compile(r"[,.;:!]")
UNFINISHED_MS = 2500  # how long to wait for the rest of an unfinished sentence
TYPED = ("number", "digits", "phone", "date", "time")


def react(flow: Flow, phrases: Phrases, state: FlowState, situation: Situation, look: Look, today: date) -> Move:
    """The move that answers a situation. Its state counts only when the reply is heard."""
    if not state.step:
        return Move(state, GoOn(flow.start))
    return _move(FlowTurn(flow, phrases, state, situation, look, today))


def _move(turn: FlowTurn) -> Move:
    """A failed engine, then digits, then silence, then words."""
    if turn.situation.failed:
        return turn.give_up()
    if turn.situation.digits and not turn.text:
        turn.kind = Kind.DTMF
        return turn.override("dtmf") or _digits(turn, turn.situation.digits)
    if not turn.text:
        return turn.resume("sorry") if turn.interrupted else turn.silence()
    said_back = turn.now.confirm if turn.now is not None and len(turn.now.confirm) == 1 else ()
    by_place = said_back[0] if said_back and is_place(turn.text, turn.phrases) else ""
    current = turn.slot.name if turn.slot is not None else by_place
    found = picked(turn.text, turn.flow, turn.phrases, current, turn.base.values)
    main = next((p for p in found if p.slot == current), found[0] if found else None)
    turn.kind = _classify(turn, main)
    if turn.kind is Kind.QUESTION and (agrees := _answer_like_a_question(turn)) is not None:
        turn.kind = Kind.CONFIRM if agrees else Kind.CORRECT
    if turn.kind is Kind.QUESTION and _introduces(turn):
        turn.kind = Kind.OTHER
    if turn.kind is Kind.STOP and _points_at_choice(turn):
        turn.kind = Kind.CONFIRM
    if turn.kind is Kind.STOP and (said := _value_besides_wait(turn)):
        turn.text, turn.kind = said, Kind.OTHER
    if (own := turn.intent(turn.text)) is not None:
        return own
    if not found:
        take_addition(turn)
    if (own := weigh_yes(turn)) is not None:
        return own
    if (following := _next_choice(turn)) is not None:
        return following
    if (own := turn.override(turn.kind.value)) is not None:
        return own
    if turn.changing and (changed := change(turn, found)) is not None:
        return changed
    if (turn.kind not in COMMANDS or _asks_with_value(turn)) and (filled := fill(turn, found)) is not None:
        return filled
    return _by_kind(turn, main)


def _asks_with_value(turn: FlowTurn) -> bool:
    """Whether the caller's question answers ours: "May I come on Friday?" when the day is asked for."""
    if turn.kind is not Kind.QUESTION or _answer_to(turn) is not None:
        return False
    if (proposed := turn.phrases.behind("suggest", turn.text)) is not None:
        said = " ".join(proposed)  # "what about next Friday", but not "what about Friday opening hours"
        return only_values(said, turn.phrases) and _has_value(turn, said, False)
    if turn.phrases.matches("wh_question", turn.text):
        return False
    parts = turn.slot is not None and turn.slot.type in ("date", "time")  # "at five?", but not "the 8 digit number?"
    return _has_value(turn, turn.text, parts)


def _points_at_choice(turn: FlowTurn) -> bool:
    """ "Stop, that one", in the middle of a list."""
    last = _CLAUSE_END.split(turn.text.rstrip(" .,;:!"))[-1]
    listed = turn.interrupted and turn.slot is not None and bool(turn.slot.choices)
    return listed and turn.phrases.matches("that_one", last) and not turn.phrases.matches("stop", last)


def _next_choice(turn: FlowTurn) -> Move | None:
    """ "Not this one, the next one", in the middle of a list."""
    if not turn.interrupted or turn.slot is None or not turn.phrases.matches("next_one", turn.text):
        return None
    keys = list(turn.slot.choices)
    named = last_named(turn.heard_text(), turn.slot, turn.phrases)
    if named not in keys[:-1]:
        return None
    return take(turn, [Picked(turn.slot.name, keys[keys.index(named) + 1])])


def _introduces(turn: FlowTurn) -> bool:
    """Whether a name that is asked for is given in words that may begin a question: "c'est Anne", "sono Anna"."""
    if turn.slot is None or turn.slot.type != "name" or turn.text.endswith("?") or not turn.asked:
        return False
    phrases = turn.phrases
    if phrases.matches("wh_question", turn.text) or not phrases.mentions("name_lead", turn.text):
        return False
    try:
        return bool(value_in(turn.text, turn.slot, phrases, turn.today))
    except Unclear:
        return False


def _answer_like_a_question(turn: FlowTurn) -> bool | None:
    """Yes or no in the shape of a question, where that is asked for: "why not?", "está bien"."""
    if turn.now is None or turn.now is not turn.here or not turn.asked:
        return None
    if not (turn.now.confirm or (turn.slot is not None and turn.slot.type == "yes_no")):
        return None
    if turn.phrases.matches("agreed", turn.text):
        return True
    real = turn.text.endswith("?") or turn.phrases.matches("wh_question", turn.text)
    return None if real else polarity(turn.text, turn.phrases)


def _value_besides_wait(turn: FlowTurn) -> str:
    """The words that answer the question in "wait, it's Monday"; "" if the caller only asks to wait."""
    if turn.slot is not None and turn.slot.type == "yes_no":
        last = _CLAUSE_END.split(turn.text.rstrip(" .,;:!"))[-1]  # "no, wait" is no answer, "wait, no" is one
        plain = any(turn.phrases.mentions(name, last) for name in ("plain_yes", "plain_no")) and "?" not in last
        return last if plain and not turn.phrases.matches("stop", last) else ""
    dictated = turn.slot is not None and turn.slot.type in ("digits", "phone")
    said = turn.phrases.besides_wait(turn.text, dictated)
    return said if _has_value(turn, said, True) else ""


def _has_value(turn: FlowTurn, text: str, parts: bool) -> bool:
    """Whether the text holds a whole value of the slot that is asked for, or, with `parts`, a part of it."""
    if turn.slot is None or turn.slot.type not in TYPED:
        return False
    try:
        return bool(value_in(text, turn.slot, turn.phrases, turn.today))
    except Incomplete:
        return parts
    except (Invalid, Unclear):
        return False


def _answer_to(turn: FlowTurn) -> Answer | None:
    """The first of the flow's answers that the caller's words match."""
    words = joined(turn.phrases.cleaned(turn.text))
    return next((a for a in turn.flow.answers if any(pattern.search(words) for pattern in a.match)), None)


def _classify(turn: FlowTurn, main: Picked | None) -> Kind:
    slot = turn.flow.slots[main.slot] if main else None
    choices = slot.phrases if slot else {}
    if (
        slot is not None
        and main is not None
        and not any(phrase in joined(tokens(turn.text)) for phrase in slot.choices[main.choice].phrases)
    ):
        choices = {**choices, main.choice: (*choices[main.choice], *_ordinal_phrases(turn))}
    kind = classify(
        turn.text,
        turn.phrases,
        interrupted=turn.heard.text if turn.interrupted and turn.heard is not None else "",
        question=turn.asked,
        choices=choices,
        chosen=turn.base.values.get(main.slot, "") if main else "",
    )
    if kind in (Kind.OTHER, Kind.CONFIRM) and not main and _extra_backchannel(turn):
        return Kind.BACKCHANNEL
    if kind is Kind.BACKCHANNEL and _tells(turn):
        return Kind.OTHER
    return kind


def _ordinal_phrases(turn: FlowTurn) -> tuple[str, ...]:
    return (*(name for names in turn.phrases.ordinals for name in names), *turn.phrases.last)


def _tells(turn: FlowTurn) -> bool:
    """Whether an excuse answers a question that any words answer: "I dropped my phone"."""
    asked = turn.slot is not None and turn.slot.type == "text" and not turn.interrupted
    return asked and not _extra_backchannel(turn)


def _extra_backchannel(turn: FlowTurn) -> bool:
    return is_backchannel(turn.text, turn.phrases, turn.asked, (*turn.flow.backchannels, *turn.here.backchannels))


def _by_kind(turn: FlowTurn, main: Picked | None) -> Move:
    if turn.waiting and turn.kind in (Kind.CONFIRM, Kind.REDIRECT):
        back = turn.phrases.matches("next", turn.text) and not turn.phrases.matches("redirect", turn.text)
        ready = is_backchannel(turn.text, turn.phrases, False) and not turn.phrases.mentions("plain_yes", turn.text)
        if back or (turn.kind is Kind.CONFIRM and (ready or not turn.asked)):
            return turn.resume()  # "okay", "okay, go on" end the wait and agree to nothing
    match turn.kind:
        case Kind.AGENT:
            return turn.person("person")
        case Kind.REPEAT:
            return _repeat(turn)
        case Kind.STOP:
            return _wait(turn)
        case Kind.QUESTION:
            return _question(turn, main)
        case Kind.REDIRECT:
            return _skip(turn)
        case Kind.CONFIRM:
            return _yes(turn)
        case Kind.CORRECT:
            return _no(turn, main)
        case Kind.BACKCHANNEL | Kind.NOISE:
            return _listening_noise(turn)
    if turn.phrases.matches("hello", turn.text):
        return turn.resume("here")
    if turn.waiting:
        return turn.resume()
    if is_complete(turn.text, turn.phrases) is False:
        return turn.to(turn.base, Wait(UNFINISHED_MS))
    return turn.not_understood("sorry")


def _yes(turn: FlowTurn) -> Move:
    """The caller agrees to a question, or says "I know, go on" to an explanation."""
    if turn.waiting and turn.kind is Kind.BACKCHANNEL and not turn.asked:
        return turn.resume()
    if turn.now is None or turn.now is not turn.here:
        return turn.to(turn.base, GoOn(turn.here.name, leave=True))
    if turn.now.confirm:
        state = turn.base.confirm(*turn.now.confirm)
        return turn.to(state, GoOn(turn.now.name, leave=True))
    if turn.slot is not None and turn.slot.choices:
        named = last_named(turn.heard_text(), turn.slot, turn.phrases, alone=not turn.interrupted)
        points = turn.phrases.matches("that_one", turn.text)
        if points and named:
            return take(turn, [Picked(turn.slot.name, named)])
        if len(turn.slot.choices) == 1:
            return take(turn, [Picked(turn.slot.name, next(iter(turn.slot.choices)))])
    if turn.interrupted and not turn.asked:
        return turn.to(turn.base, GoOn(turn.here.name, only_ask=True))
    return turn.not_understood("")


def _no(turn: FlowTurn, main: Picked | None) -> Move:
    """The caller disagrees, or says that something is wrong, without saying what is right."""
    if (own := turn.override("no")) is not None:
        return own
    if main is not None and turn.base.values.get(main.slot) == main.choice:
        return said_back(turn, turn.base, main.slot, ())
    if turn.now is not None and turn.now.confirm and turn.now is turn.here:
        steps = [turn.flow.asks_for(slot) for slot in turn.now.confirm]
        if len(steps) == 1 and steps[0] is not None:
            state = turn.base.clear(*turn.now.confirm)
            return turn.to(state, GoOn(steps[0].name, only_ask=True), turn.say("okay"))
        return turn.what_to_change(turn.base)
    if turn.slot is not None and turn.now is turn.here:
        if turn.interrupted and not turn.asked:
            return turn.to(turn.base, GoOn(turn.here.name, only_ask=True), turn.say("okay"))
        return turn.not_understood("sorry")
    if turn.base.values:
        return turn.what_to_change(turn.base)
    return turn.resume("sorry")


def _skip(turn: FlowTurn) -> Move:
    """Stop explaining. A slot that is needed is still asked for."""
    if turn.now is not turn.here or turn.now is None:
        return turn.to(turn.base, GoOn(turn.here.name, leave=True))
    if turn.now.confirm and not _refuses(turn):
        return turn.to(turn.base.confirm(*turn.now.confirm), GoOn(turn.now.name, leave=True))
    if turn.now.confirm and turn.asked:
        goes_on = turn.phrases.matches("next", turn.text) or turn.phrases.mentions("plain_yes", turn.text)
        return turn.not_understood("sorry") if goes_on else _no(turn, None)
    if turn.now.optional:
        return turn.to(turn.base, GoOn(turn.now.name, leave=True))
    if turn.asked and turn.base.misses >= turn.now.retries:
        return turn.give_up()
    state = turn.base.missed() if turn.asked else turn.base
    return turn.to(state, GoOn(turn.now.name, only_ask=True, again=turn.asked), turn.say("okay"))


def _refuses(turn: FlowTurn) -> bool:
    """Whether the words skip by refusing: "no thanks", "never mind", and not "move on"."""
    phrases = turn.phrases
    words = phrases.cleaned(turn.text)
    polite = phrases.agrees(words) or polarity(turn.text, phrases)  # "no problem, go on"
    return phrases.matches_words("withdraw", words) or (phrases.denies(words) and not polite)


def _repeat(turn: FlowTurn) -> Move:
    if turn.rest:
        return turn.resume()
    own = next((said for said in turn.said if said.index != LEAD), None)
    if own is None:
        return turn.to(turn.base, GoOn(turn.here.name, repeated=True))
    return turn.to(own.state, GoOn(own.state.step, own.index, repeated=True))


def _wait(turn: FlowTurn) -> Move:
    pending = turn.rest
    if not pending:
        pending = tuple(said for said in turn.said if said.say.question)[-1:] or turn.said[-1:]
    move = turn.to(turn.base, Wait(turn.flow.wait_s * 1000), turn.say("wait"))
    return replace(move, state=replace(turn.base, pending=tuple(replace(s) for s in pending)))


def _question(turn: FlowTurn, main: Picked | None) -> Move:
    for answer in turn.flow.answers:
        if any(pattern.search(joined(turn.phrases.cleaned(turn.text))) for pattern in answer.match):
            state = turn.base
            if answer.about:
                named = next((p for p in [main] if p and p.slot == answer.about), None)
                if named is not None:
                    state = state.fill(answer.about, named.choice)
                elif answer.about not in state.values:
                    continue
            return turn.on(turn.base, _rendered(turn, answer, state))
    suggests = main is not None and not main.negated and turn.phrases.matches("request", turn.text)
    ours = suggests and main is not None and turn.slot is not None and main.slot == turn.slot.name
    if main and turn.slot and ours and proposes(turn.text, turn.phrases, turn.slot.phrases) is not False:
        return take(turn, [main])
    if turn.phrases.matches("may_ask", turn.text):
        return turn.listen_here(turn.base, "go_ahead")
    return turn.on(turn.base, turn.say("unknown"))


def _rendered(turn: FlowTurn, answer: Answer, state: FlowState) -> tuple[str, ...]:
    spoken = turn.look(state, turn.text)
    return tuple(render(line.text, spoken) for line in answer.say if is_said(line, spoken))


def _listening_noise(turn: FlowTurn) -> Move:
    """ "Uh-huh": continue; after a question it is a yes."""
    if turn.kind is Kind.NOISE and not turn.interrupted:
        return turn.to(turn.base, Wait(turn.here.silence_ms)) if not turn.waiting else turn.still_waiting()
    if turn.waiting:
        ready = turn.phrases.answer.search(joined(tokens(turn.text))) is not None
        return turn.resume() if ready else turn.still_waiting()
    if turn.interrupted:
        return turn.resume()
    return _yes(turn) if polarity(turn.text, turn.phrases) else turn.to(turn.base, Wait(turn.here.silence_ms))


def _digits(turn: FlowTurn, digits: str) -> Move:
    digits = digits.rstrip("#") or digits
    if turn.slot is not None and turn.slot.choices:
        key = next((c.key for c in turn.slot.choices.values() if c.digit == digits[-1]), "")
        if key:
            return take(turn, [Picked(turn.slot.name, key)])
    elif turn.slot is not None and turn.now is not None:
        try:
            value = {"1": "yes", "2": "no"}.get(digits, "") if turn.slot.type == "yes_no" else digits
            if turn.slot.type in ("digits", "number", "phone"):
                value = value_in(digits, turn.slot, turn.phrases, turn.today)
            elif turn.slot.type != "yes_no":
                value = ""
        except (Invalid, Incomplete, Unclear):
            return turn.not_understood("invalid")
        if value:
            return turn.to(turn.base.fill(turn.slot.name, value), GoOn(turn.now.name, leave=True))
    elif turn.now is not None and digits in ("1", "2"):
        return _yes(turn) if digits == "1" else _no(turn, None)
    return turn.person("person") if digits == "0" else turn.not_understood("invalid")
