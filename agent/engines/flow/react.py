"""What to do about what the caller said: from the state and the situation to a Move. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from ...core.dialogue import Kind, Situation
from ...core.intent import Phrases, classify, is_backchannel, is_complete, polarity
from ...core.words import joined, tokens
from .expression import Lookup, render
from .model import AGAIN, BACK, HANGUP, PERSON, Answer, End, Flow, Line, Slot, Step
from .moves import Ends, Move, Wait, Walk
from .route import listening
from .state import LEAD, Said, State, cut_at
from .values import Invalid, Picked, last_named, picked, value_in

UNFINISHED_MS = 2500  # after words that surely go on we wait for the rest
Look = Callable[[State, str], Lookup]  # names as they are spoken in a state; the caller's words
COMMANDS = (Kind.AGENT, Kind.REPEAT, Kind.STOP, Kind.QUESTION)


def react(flow: Flow, phrases: Phrases, state: State, situation: Situation, look: Look, today: date) -> Move:
    """The move that answers a situation; the state that it holds takes effect only when the reply is heard."""
    if not state.step:
        return Move(state, Walk(flow.start))
    return _Turn(flow, phrases, state, situation, look, today).move()


class _Turn:
    """One turn of the caller. `base` is the state of the sentence that was cut, `rest` that sentence and what follows."""

    def __init__(
        self, flow: Flow, phrases: Phrases, state: State, situation: Situation, look: Look, today: date
    ) -> None:
        self.flow, self.phrases, self.situation, self.look, self.today = flow, phrases, situation, look, today
        self.text = situation.caller_text.strip()
        self.heard = next((turn for turn in reversed(situation.turns) if turn.speaker == "agent"), None)
        cut = cut_at(state.said, self.heard) if situation.interruption and self.heard else None
        self.waiting = bool(state.pending)
        self.rest = state.pending if self.waiting else () if cut is None else state.said[cut:]
        self.said = state.said
        self.base = replace(self.rest[0].state if self.rest else state.bare(), misses=state.misses)
        self.interrupted = bool(self.rest) and not self.waiting
        self.asked = not self.rest or self.rest[0].say.question
        self.here = flow.steps[self.base.step]
        self.now = listening(flow, self.here, self.base, look(self.base, self.text))
        self.slot = flow.slots[self.now.slot] if self.now is not None and self.now.slot else None
        self.kind: Kind | None = None

    # ------------------------------------------------------------------- the order

    def move(self) -> Move:
        """Digits, then silence, then words."""
        if self.situation.digits and not self.text:
            self.kind = Kind.DTMF
            return self._override("dtmf") or self._digits(self.situation.digits)
        if not self.text:
            return self._resume("sorry") if self.interrupted else self._silence()
        current = self.slot.name if self.slot is not None else ""
        found = picked(self.text, self.flow, self.phrases, current, self.base.values)
        main = next((p for p in found if p.slot == current), found[0] if found else None)
        self.kind = self._classify(main)
        if (own := self._intent()) is not None:
            return own
        if (own := self._override(self.kind.value)) is not None:
            return own
        if self.kind not in COMMANDS and (filled := self._fill(found)) is not None:
            return filled
        return self._by_kind(main)

    def _classify(self, main: Picked | None) -> Kind:
        slot = self.flow.slots[main.slot] if main else None
        choices = slot.phrases if slot else {}
        if slot is not None and main is not None and not any(
            phrase in joined(tokens(self.text)) for phrase in slot.choices[main.choice].phrases
        ):
            choices = {**choices, main.choice: (*choices[main.choice], *self._ordinal_phrases())}
        kind = classify(
            self.text,
            self.phrases,
            interrupted=self.heard if self.interrupted else None,
            question=self.asked,
            choices=choices,
            chosen=self.base.values.get(main.slot, "") if main else "",
        )
        if kind in (Kind.OTHER, Kind.CONFIRM) and not main and self._extra_backchannel():
            return Kind.BACKCHANNEL
        return kind

    def _ordinal_phrases(self) -> tuple[str, ...]:
        return (*(name for names in self.phrases.ordinals for name in names), *self.phrases.last)

    def _extra_backchannel(self) -> bool:
        return is_backchannel(self.text, self.phrases, self.asked, self.flow.backchannels)

    def _by_kind(self, main: Picked | None) -> Move:
        match self.kind:
            case Kind.AGENT:
                return self._person("person")
            case Kind.REPEAT:
                return self._repeat()
            case Kind.STOP:
                return self._wait()
            case Kind.QUESTION:
                return self._question(main)
            case Kind.REDIRECT:
                return self._skip()
            case Kind.CONFIRM:
                return self._yes()
            case Kind.CORRECT:
                return self._no(main)
            case Kind.BACKCHANNEL | Kind.NOISE:
                return self._listening_noise()
        if self.waiting:
            return self._resume()
        if is_complete(self.text, self.phrases) is False:
            return self._move(self.base, Wait(UNFINISHED_MS))
        return self._not_understood("sorry")

    # --------------------------------------------------------------- filling slots

    def _fill(self, found: list[Picked]) -> Move | None:
        """The move that new values make, None if these words hold none."""
        if self.kind is Kind.REDIRECT and not (self.slot and self.slot.type == "yes_no"):
            return None
        wanted = [p for p in found if not p.negated and self.base.values.get(p.slot) != p.choice]
        if wanted:
            return self._take(wanted)
        if self.slot is not None and not self.slot.choices:
            return self._free(self.slot)
        refused = next((p for p in found if p.negated), None)
        if refused is not None:
            return self._refuse(refused)
        if self.now is not None and self.now.confirm and not found:
            return self._confirmed_value()
        return self._change_named() if self.kind is Kind.CORRECT and not found else None

    def _take(self, wanted: list[Picked]) -> Move:
        state = self.base
        for pick in wanted:
            state = state.fill(pick.slot, pick.choice)
        asked = self.slot.name if self.slot is not None else ""
        changed = [pick.slot for pick in wanted if pick.slot in self.base.values]
        lead = self._say("corrected") if self.kind is Kind.CORRECT and self.interrupted else ()
        if self.now is not None and any(pick.slot == asked for pick in wanted) and not changed:
            return self._move(state.at(self.now.name), Walk(self.now.name, leave=True), lead)
        if self.now is not None and self.now is self.here and self.now.confirm and not changed:
            if self.kind is Kind.CONFIRM or polarity(self.text, self.phrases):
                return self._move(state.confirm(*self.now.confirm), Walk(self.now.name, leave=True))
        return self._said_back(state, changed[0] if changed else wanted[0].slot, lead)

    def _said_back(self, state: State, slot: str, lead: tuple[str, ...]) -> Move:
        """A slot changed out of turn: say it back where the flow does, else in a word, and go on from here."""
        back = self.flow.says_back(slot)
        if back is not None and all(name in state.values for name in back.confirm):
            return self._move(state, Walk(back.name), lead or self._say("corrected"))
        spoken = self.look(state, self.text)
        own = self.flow.slots[slot].say_back
        said = render(own, spoken) if own else self._say("changed")[0].replace("{value}", spoken(slot))
        return self._on(state, (said,))

    def _free(self, slot: Slot) -> Move | None:
        """A value without choices, for the slot that is asked for."""
        if slot.type in ("text", "name") and (self.interrupted or self.kind is Kind.BACKCHANNEL):
            return None
        try:
            value = value_in(self.text, slot, self.phrases, self.today)
        except Invalid:
            return self._not_understood("invalid")
        if not value or self.now is None:
            return None
        return self._move(self.base.fill(slot.name, value).at(self.now.name), Walk(self.now.name, leave=True))

    def _confirmed_value(self) -> Move | None:
        """ "No, it is 4 2 7 8" where a value is said back."""
        assert self.now is not None
        for name in self.now.confirm:
            slot = self.flow.slots[name]
            if slot.type not in ("number", "digits", "date"):
                continue
            try:
                value = value_in(self.text, slot, self.phrases, self.today)
            except Invalid:
                continue
            if value and value != self.base.values.get(name):
                return self._move(self.base.fill(name, value), Walk(self.now.name), self._say("corrected"))
        return None

    def _change_named(self) -> Move | None:
        """ "I want to change the phone number", "no, my name is Smith": a filled slot called by its name."""
        words = joined(tokens(self.text))
        for name in self.base.values:
            slot = self.flow.slots[name]
            if slot.menu or not any(f" {joined(tokens(c))}" in f" {words}" for c in slot.called):
                continue
            try:
                value = "" if slot.choices or slot.type == "text" else value_in(self.text, slot, self.phrases, self.today)
            except Invalid:
                value = ""
            if value and slot.type != "yes_no" and value != self.base.values[name]:
                return self._said_back(self.base.fill(name, value), name, ())
            if (step := self.flow.asks_for(name)) is not None:
                return self._move(self.base.clear(name), Walk(step.name, only_ask=True), self._say("okay"))
        return None

    def _refuse(self, refused: Picked) -> Move | None:
        """ "Not the red one": of two choices it is the other, else it is asked for anew."""
        slot = self.flow.slots[refused.slot]
        others = [key for key in slot.choices if key != refused.choice]
        if len(others) == 1:
            return self._take([Picked(slot.name, others[0])])
        step = self.now if self.slot is slot else self.flow.asks_for(slot.name)
        if step is None:
            return None
        return self._move(self.base.clear(slot.name), Walk(step.name, only_ask=True), self._say("okay"))

    # ------------------------------------------------------------------ every kind

    def _yes(self) -> Move:
        """Yes to what is asked, or "I know, go on" to what is explained."""
        if self.waiting and self.kind is Kind.BACKCHANNEL and not self.asked:
            return self._resume()
        if self.now is None or self.now is not self.here:
            return self._move(self.base, Walk(self.here.name, leave=True))
        if self.now.confirm:
            state = self.base.confirm(*self.now.confirm)
            return self._move(state, Walk(self.now.name, leave=True))
        if self.slot is not None and self.slot.choices:
            named = last_named(self._heard_text(), self.slot, self.phrases)
            points = self.phrases.matches("that_one", self.text)
            if self.interrupted and points and named:
                return self._take([Picked(self.slot.name, named)])
            if len(self.slot.choices) == 1:
                return self._take([Picked(self.slot.name, next(iter(self.slot.choices)))])
        if self.interrupted and not self.asked:
            return self._move(self.base, Walk(self.here.name, only_ask=True))
        return self._not_understood("")

    def _no(self, main: Picked | None) -> Move:
        """No, or something is wrong, without saying what is right."""
        if (own := self._override("no")) is not None:
            return own
        if main is not None and self.base.values.get(main.slot) == main.choice:
            return self._said_back(self.base, main.slot, ())
        if self.now is not None and self.now.confirm and self.now is self.here:
            steps = [self.flow.asks_for(slot) for slot in self.now.confirm]
            if len(steps) == 1 and steps[0] is not None:
                state = self.base.clear(*self.now.confirm)
                return self._move(state, Walk(steps[0].name, only_ask=True), self._say("okay"))
            return self._listen_here(self.base, "what_to_change")
        if self.slot is not None and self.now is self.here:
            if self.interrupted and not self.asked:
                return self._move(self.base, Walk(self.here.name, only_ask=True), self._say("okay"))
            return self._not_understood("sorry")
        if self.base.values:
            return self._listen_here(self.base, "what_to_change")
        return self._resume("sorry")

    def _skip(self) -> Move:
        """Leave what is being explained. What has to be known is asked for all the same."""
        if self.now is not self.here or self.now is None:
            return self._move(self.base, Walk(self.here.name, leave=True))
        if self.now.confirm:
            return self._move(self.base.confirm(*self.now.confirm), Walk(self.now.name, leave=True))
        if self.now.optional:
            return self._move(self.base, Walk(self.now.name, leave=True))
        if self.asked and self.base.misses >= self.now.retries:
            return self._give_up()
        state = self.base.missed() if self.asked else self.base
        return self._move(state, Walk(self.now.name, only_ask=True), self._say("okay"))

    def _repeat(self) -> Move:
        if self.rest:
            return self._resume()
        own = next((said for said in self.said if said.index != LEAD), None)
        if own is None:
            return self._move(self.base, Walk(self.here.name, repeated=True))
        return self._move(own.state, Walk(own.state.step, own.index, repeated=True))

    def _wait(self) -> Move:
        pending = self.rest
        if not pending:
            pending = tuple(said for said in self.said if said.say.question)[-1:] or self.said[-1:]
        move = self._move(self.base, Wait(self.flow.wait_s * 1000), self._say("wait"))
        return replace(move, state=replace(self.base, pending=tuple(replace(s) for s in pending)))

    def _question(self, main: Picked | None) -> Move:
        for answer in self.flow.answers:
            if any(pattern.search(joined(self.phrases.cleaned(self.text))) for pattern in answer.match):
                state = self.base
                if answer.about:
                    named = next((p for p in [main] if p and p.slot == answer.about), None)
                    if named is not None:
                        state = state.fill(answer.about, named.choice)
                    elif answer.about not in state.values:
                        continue
                return self._on(self.base, self._rendered(answer, state))
        if main is not None and not main.negated and self.slot is not None and main.slot == self.slot.name:
            return self._take([main])
        return self._on(self.base, self._say("unknown"))

    def _rendered(self, answer: Answer, state: State) -> tuple[str, ...]:
        spoken = self.look(state, self.text)
        lines = (line for line in answer.say if line.when is None or line.when.holds(spoken))
        return tuple(render(line.text, spoken) for line in lines)

    def _listening_noise(self) -> Move:
        """ "Uh-huh": go on with the rest; where a question was asked it is a yes."""
        if self.kind is Kind.NOISE and not self.interrupted:
            return self._move(self.base, Wait(self.here.silence_ms)) if not self.waiting else self._still_waiting()
        if self.waiting:
            ready = self.phrases.answer.search(joined(tokens(self.text))) is not None
            return self._resume() if ready else self._still_waiting()
        if self.interrupted:
            return self._resume()
        return self._yes() if polarity(self.text, self.phrases) else self._not_understood("sorry")

    def _digits(self, digits: str) -> Move:
        digits = digits.rstrip("#") or digits
        if self.slot is not None and self.slot.choices:
            key = next((c.key for c in self.slot.choices.values() if c.digit == digits[-1]), "")
            if key:
                return self._take([Picked(self.slot.name, key)])
        elif self.slot is not None and self.now is not None:
            try:
                value = {"1": "yes", "2": "no"}.get(digits, "") if self.slot.type == "yes_no" else digits
                if self.slot.type in ("digits", "number"):
                    value = value_in(digits, self.slot, self.phrases, self.today)
                elif self.slot.type != "yes_no":
                    value = ""
            except Invalid:
                return self._not_understood("invalid")
            if value:
                return self._move(self.base.fill(self.slot.name, value), Walk(self.now.name, leave=True))
        elif self.now is not None and digits in ("1", "2"):
            return self._yes() if digits == "1" else self._no(None)
        return self._person("person") if digits == "0" else self._not_understood("invalid")

    # --------------------------------------------------------------------- helpers

    def _move(self, state: State, then: Walk | Wait | Ends, lead: tuple[str, ...] = ()) -> Move:
        return Move(state, then, lead, self.kind)

    def _say(self, *names: str) -> tuple[str, ...]:
        both = {**self.phrases.sayings, **self.flow.sayings}
        return tuple(text for name in names if name and (text := both.get(name, "")))

    def _heard_text(self) -> str:
        return self.heard.heard_text if self.heard is not None else ""

    def _on(self, state: State, lead: tuple[str, ...]) -> Move:
        """Say the lead, then the question again, or what was cut if there is no question."""
        if self.now is not None and self.now is self.here:
            return self._move(state, Walk(self.now.name, only_ask=True, again=True), lead)
        if self.rest:
            own = next((said for said in self.rest if said.index != LEAD), None)
            return self._move(state, Walk(state.step, own.index if own else 0), lead)
        return self._move(state, Walk(self.here.name, leave=self.now is None), lead)

    def _resume(self, *sayings: str) -> Move:
        """Go on from the beginning of the sentence that was cut."""
        if not self.rest:
            return self._on(self.base, self._say(*sayings))
        lead, own = [], None
        for said in self.rest:
            if said.index != LEAD:
                own = said
                break
            lead.append(said.say.text)
        state = replace(own.state if own else self.base, misses=self.base.misses)
        if own is None and not self.now:
            return self._move(state, Walk(state.step, leave=True, repeated=True), (*self._say(*sayings), *lead))
        then = Walk(state.step, own.index if own else 0, only_ask=own is None, repeated=not sayings)
        return self._move(state, then, (*self._say(*sayings), *lead))

    def _listen_here(self, state: State, *sayings: str) -> Move:
        return self._move(state, Wait(self.here.silence_ms), self._say(*sayings))

    def _still_waiting(self) -> Move:
        move = self._move(self.base, Wait(self.flow.wait_s * 1000))
        return replace(move, state=replace(self.base, pending=self.rest))

    def _silence(self) -> Move:
        if (own := self._override("silence")) is not None:
            return own
        if self.waiting:
            return self._resume("still_there")
        if self.base.misses >= self.here.retries:
            return self._give_up()
        lead = self._say("still_there") if self.base.misses else ()
        return self._ask_again(lead)

    def _not_understood(self, saying: str) -> Move:
        if self.interrupted and self.now is not self.here:
            return self._resume(saying or "sorry")
        if self.base.misses >= self.here.retries:
            return self._give_up()
        return self._ask_again(self._say(saying))

    def _ask_again(self, lead: tuple[str, ...]) -> Move:
        step = self.now or self.here
        return self._move(self.base.missed(), Walk(step.name, only_ask=step.listens, again=True), lead)

    def _give_up(self) -> Move:
        return self._target(self.here.failed or self.flow.failed, "trouble")

    def _person(self, *sayings: str) -> Move:
        return self._move(self.base, Ends(End("queue", queue=self.flow.queue)), self._say(*sayings))

    def _override(self, kind: str) -> Move | None:
        for step in (self.here, self.now):
            if step is not None and kind in step.on:
                return self._target(step.on[kind])
        return None

    def _intent(self) -> Move | None:
        words = joined(self.phrases.cleaned(self.text))
        for intent in self.flow.intents:
            if any(pattern.search(words) for pattern in intent.match):
                home = (self.now or self.here).name
                state = replace(self.base, stack=(*self.base.stack, (home, True)))
                return self._target(intent.go, state=state)
        return None

    def _target(self, place: str, *sayings: str, state: State | None = None) -> Move:
        state = state or self.base
        if place == PERSON:
            return self._person(*sayings[:0], "person")
        if place == HANGUP:
            return self._move(state, Ends(End("hangup")), self._say(*sayings, "goodbye"))
        if place == AGAIN:
            return self._ask_again(())
        if place == BACK:
            return self._move(state, Walk(self.here.name, leave=True))
        return self._move(state, Walk(place), ())


__all__ = ["Line", "Said", "Step", "react"]
