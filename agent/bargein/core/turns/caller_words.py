"""What the caller has said: input for the planner, and turns in the log."""

from __future__ import annotations

from ..language.phrases import Phrases
from . import actions as act
from .agent import Agent
from .caller import Caller
from .endpoint import CallerTurn
from .ledger import Ledger
from .overlaps import Overlaps
from .table import Event, State
from .turn_end import Pace


class CallerWords:
    """Methods return the actions for what they do. `state` and `now` are those of the conversation."""

    def __init__(
        self, caller: Caller, agent: Agent, overlaps: Overlaps, ledger: Ledger, phrases: Phrases, pace: Pace
    ) -> None:
        self._caller = caller
        self._agent = agent
        self._overlaps = overlaps
        self._ledger = ledger
        self._phrases = phrases
        self._pace = pace

    def add(self, turn: CallerTurn, state: State) -> list[act.Action]:
        """What this sound said is a part of what the caller says. A backchannel over a notice does not count."""
        nothing = turn.is_backchannel(self._phrases, self._agent.listen.backchannels or ())
        self._caller.give(turn, counts=not nothing or state is not State.SPEAKING)
        return [act.CloseStream(turn.id)]

    def settle(self, turn: CallerTurn, event: Event, state: State, now: int) -> list[act.Action]:
        """A sound before the caller's turn is decided when the overlap is over: the agent is done, or was stopped."""
        if event is Event.FALSE_INTERRUPTION:
            return self._overlaps.rejected(turn, state, now)
        return self.add(turn, state)

    def close(self, state: State, now: int) -> list[act.Action]:
        """The caller's sound is over: its words are input."""
        actions = self._agent.commit(self._caller.input)
        for earlier in self._caller.waiting[:]:
            actions += self.settle(earlier, Event.FALSE_INTERRUPTION, state, now)
        turn = self._caller.end_turn(now, own=state is not State.SPEAKING)
        if turn is not None:
            self._pace.turn_ended(turn.paused_ms)
            actions += self.add(turn, state)
        return actions

    def log(self, digits: bool = False) -> list[act.Action]:
        """Log what the caller said, after the agent's turn that it was said over. `digits`: they are complete."""
        actions: list[act.Action] = []
        for entry in self._caller.input.take_unlogged(digits):
            text = self._agent.listen.writable(entry.text)
            actions += self._ledger.caller_turn(text, entry.confidence, entry.started, entry.ended)
        return actions
