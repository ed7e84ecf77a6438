"""One turn of the caller in a flow: where it interrupted, and the simple moves from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from ...core.language.digits import read_back
from ...core.language.kinds import Kind
from ...core.language.phrases import Phrases
from ...core.language.words import joined
from ...core.turns.records import Situation, Turn
from ...core.turns.reply import CallResult
from ..expression import Lookup
from .model import AGAIN, BACK, HANGUP, PERSON, End, Flow
from .moves import EndDialogue, GoOn, Move, Wait
from .route import listening
from .state import LEAD, Begun, FlowState, cut_at

MOST_KEYS = 5  # of a keypad menu that is heard once
Look = Callable[[FlowState, str], Lookup]  # names as they are spoken in a state; the caller's words


class FlowTurn:
    """One turn of the caller, and the moves that answer it.

    base: the state at the interrupted sentence. rest: that sentence and those after it. here: its step. now: the step
    that listens, which is `here` or a step that it leads to. slot: what `now` asks for.
    """

    def __init__(
        self, flow: Flow, phrases: Phrases, state: FlowState, situation: Situation, look: Look, today: date
    ) -> None:
        self.flow, self.phrases, self.situation, self.look, self.today = flow, phrases, situation, look, today
        self.text = situation.caller_text.strip()
        self.heard = _heard(situation)
        cut = cut_at(state.said, self.heard) if situation.interruption and self.heard else None
        self.waiting = bool(state.pending)
        self.rest = state.pending if self.waiting else () if cut is None else state.said[cut:]
        self.said = state.said
        before = self.rest[0].state if self.rest else state.bare()
        self.changing = state.changing
        self.base = replace(before, misses=state.misses, begun=state.begun, changing=False)
        self.interrupted = bool(self.rest) and not self.waiting
        self.asked = not self.rest or self.rest[0].say.question
        self.here = flow.steps[self.base.step]
        self.now = listening(flow, self.here, self.base, look(self.base, self.text))
        self.slot = flow.slots[self.now.slot] if self.now is not None and self.now.slot else None
        self.kind: Kind | None = None

    def to(self, state: FlowState, then: GoOn | Wait | EndDialogue, lead: tuple[str, ...] = ()) -> Move:
        return Move(state, then, lead, self.kind)

    def say(self, *names: str) -> tuple[str, ...]:
        sayings = self.phrases.sayings
        return tuple(text for name in names if name and (text := sayings.get(name, "")))

    def heard_text(self) -> str:
        return self.heard.heard_text if self.heard is not None else ""

    def on(self, state: FlowState, lead: tuple[str, ...]) -> Move:
        """Say the lead, then ask again. If there is no question, repeat what was interrupted."""
        if self.now is not None and self.now is self.here:
            return self.to(state, GoOn(self.now.name, only_ask=True, again=True), lead)
        if self.rest:
            own = next((said for said in self.rest if said.index != LEAD), None)
            return self.to(state, GoOn(state.step, own.index if own else 0), lead)
        return self.to(state, GoOn(self.here.name, leave=self.now is None), lead)

    def resume(self, *sayings: str) -> Move:
        """Go on from the beginning of the interrupted sentence."""
        if not self.rest:
            return self.on(self.base, self.say(*sayings))
        lead, own = [], None
        for said in self.rest:
            if said.index != LEAD:
                own = said
                break
            lead.append(said.say.text)
        state = replace(own.state if own else self.base, misses=self.base.misses)
        if own is None and not self.now:
            return self.to(state, GoOn(state.step, leave=True, repeated=True), (*self.say(*sayings), *lead))
        then = GoOn(state.step, own.index if own else 0, only_ask=own is None, repeated=not sayings)
        return self.to(state, then, (*self.say(*sayings), *lead))

    def listen_here(self, state: FlowState, *sayings: str) -> Move:
        return self.to(state, Wait(self.here.silence_ms), self.say(*sayings))

    def still_waiting(self) -> Move:
        move = self.to(self.base, Wait(self.flow.wait_s * 1000))
        return replace(move, state=replace(self.base, pending=self.rest))

    def silence(self) -> Move:
        if (own := self.override("silence")) is not None:
            return own
        if self.waiting:
            return self.resume("still_there")
        if self.base.misses >= self.here.retries:
            return self.give_up()
        if self.changing:
            return self.what_to_change(self.base.missed(), "still_there")
        if self.situation.unclear:
            return self.not_understood("sorry", self.keys() if self.base.misses else ())
        lead = self.say("still_there") if self.base.misses else ()
        return self.ask_again(lead)

    def keys(self) -> tuple[str, ...]:
        """What to press for each choice: the line, or the recognizer, is too bad for words."""
        choices = [choice for choice in self.slot.choices.values() if choice.digit] if self.slot is not None else []
        if len(choices) > MOST_KEYS:
            return ()
        return tuple(
            saying.replace("{choice}", choice.say).replace("{key}", choice.digit)
            for choice in choices
            for saying in self.say("key")
        )

    def not_understood(self, saying: str, keys: tuple[str, ...] = ()) -> Move:
        if self.interrupted and self.now is not self.here:
            return self.resume(saying or "sorry")
        if self.base.misses >= self.here.retries:
            return self.give_up()
        if self.changing:
            return self.what_to_change(self.base.missed(), saying)
        return self.ask_again((*self.say(saying), *keys))

    def incomplete(self, begun: Begun) -> Move:
        """Keep the beginning of a value and ask for the rest: "I have four seven one, and then?"."""
        before = self.base.begun
        if before is not None and before.text == begun.text:
            if self.base.misses >= self.here.retries:
                return self.give_up()
            return self.ask_rest(self.base.missed(), begun)
        return self.ask_rest(self.base, begun)

    def ask_rest(self, state: FlowState, begun: Begun, *sayings: str) -> Move:
        """Keep the beginning of a value and ask for the rest of it."""
        value = read_back(begun.text) if begun.text.lstrip("+").isdigit() else begun.text
        saying = "rest" if self.flow.slots[begun.slot].secret else begun.saying
        question = self.say(saying)[0].replace("{value}", value)
        state = replace(state, begun=begun)
        return self.to(state, Wait(self.here.silence_ms), (*self.say(*sayings), question))

    def what_to_change(self, state: FlowState, *sayings: str) -> Move:
        """Ask which of the confirmed values is wrong."""
        return self.listen_here(replace(state, changing=True), *sayings, "what_to_change")

    def ask_again(self, lead: tuple[str, ...]) -> Move:
        step = self.now or self.here
        begun = self.base.begun
        if begun is not None and self.slot is not None and begun.slot == self.slot.name:
            return self.ask_rest(self.base.missed(), begun)
        return self.to(self.base.missed(), GoOn(step.name, only_ask=step.listens, again=True), lead)

    def give_up(self) -> Move:
        return self.target(self.here.failed or self.flow.failed, "trouble")

    def person(self, *sayings: str) -> Move:
        return self.to(self.base, EndDialogue(End(CallResult.QUEUE, queue=self.flow.queue)), self.say(*sayings))

    def override(self, kind: str) -> Move | None:
        for step in (self.here, self.now):
            if step is not None and kind in step.on:
                return self.target(step.on[kind])
        return None

    def intent(self, text: str) -> Move | None:
        """The move to the flow's own intent that these words of the caller match."""
        words = joined(self.phrases.cleaned(text))
        for intent in self.flow.intents:
            if any(pattern.search(words) for pattern in intent.match):
                home = (self.now or self.here).name
                state = replace(self.base, stack=(*self.base.stack, (home, True)))
                return self.target(intent.go, state=state)
        return None

    def target(self, place: str, *sayings: str, state: FlowState | None = None) -> Move:
        state = state or self.base
        if place == PERSON:
            return self.person(*sayings, "person")
        if place == HANGUP:
            return self.to(state, EndDialogue(End(CallResult.HANGUP)), self.say(*sayings, "goodbye"))
        if place == AGAIN:
            return self.ask_again(())
        if place == BACK:
            return self.to(state, GoOn(self.here.name, leave=True))
        return self.to(state, GoOn(place), ())


def _heard(situation: Situation) -> Turn | None:
    """The turn of the agent that the caller answers: the interrupted one, else the last. A filler may follow it."""
    row = situation.interruption
    agents = [turn for turn in situation.turns if turn.speaker == "agent"]
    last = agents[-1] if agents else None
    return last if row is None else next((turn for turn in agents if turn.seq == row.turn_seq), last)
