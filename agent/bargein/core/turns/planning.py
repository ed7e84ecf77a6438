"""The agent's replies are ordered here: once the caller's turn is over, and before that in advance."""

from __future__ import annotations

from dataclasses import replace

from ..audio.pcm import ms
from ..language.phrases import Phrases
from .actions import Action
from .agent import Agent
from .caller import Caller
from .endpoint import CallerTurn
from .ledger import Ledger
from .overlap_judge import REQUEST_TURN_MS
from .situation import foreseen, understood
from .table import Event, State


class Planning:
    """`now` is in samples of the call."""

    def __init__(self, caller: Caller, agent: Agent, ledger: Ledger, phrases: Phrases) -> None:
        self._caller = caller
        self._agent = agent
        self._ledger = ledger
        self._phrases = phrases

    def plan(self, event: Event, now: int) -> list[Action]:
        """Order a reply to all that the caller has given. `event`: what has ended the turn."""
        agent, given, listen = self._agent, self._caller.input, self._agent.listen
        situation, actions = understood(self._ledger, given, listen, self._phrases, agent.interrupted_question)
        silence_ms = ms(now - self._caller.floor_since) if event is Event.SILENCE else 0
        unclear, failed = self._caller.unclear, self._caller.unanswered
        situation = replace(situation, silence_ms=silence_ms, unclear=unclear, failed=failed)
        return [*actions, *agent.plan(situation, given, now)]

    def discard_outdated(self, turn: CallerTurn) -> list[Action]:
        """The caller has gone on since a reply was prepared: it is not wanted."""
        until = self._agent.prepared_until
        outdated = until is not None and turn.spoken_until > until and not turn.undecided
        return self._agent.discard() if outdated else []

    def prepare(self, turn: CallerTurn, state: State, now: int) -> list[Action]:
        """Order a reply in advance once all words so far are known, and the caller is silent.

        Not over a notice: its end is waited for.
        """
        agent, given = self._agent, self._caller.input
        if not turn.complete or not turn.text or given.digits or state is State.SPEAKING:
            return []
        if agent.prepared_until is not None or turn.wordless_ms(now) < REQUEST_TURN_MS:
            return []
        situation = foreseen(turn, self._ledger, given, agent.listen, self._phrases, agent.interrupted_question)
        return agent.prepare(situation, turn.spoken_until)
