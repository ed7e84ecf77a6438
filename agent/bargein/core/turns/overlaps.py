"""The sounds over the agent's speech: the last one, and those before it whose words have not come yet."""

from __future__ import annotations

from . import actions as act
from .agent import Agent
from .caller import Caller
from .endpoint import CallerTurn
from .overlap_judge import OverlapJudge
from .table import LISTENS, Event, State


class Overlaps:
    """Each sound is judged by itself. `now` is in samples of the call.

    The overlap lasts until all of its sounds are decided. The agent does what the last of them asks for, but what has
    silenced it for one of them silences it until that one is decided.
    """

    def __init__(self, judge: OverlapJudge, caller: Caller, agent: Agent) -> None:
        self._judge = judge
        self._caller = caller
        self._agent = agent

    def follow(self, turn: CallerTurn, retracted: bool, state: State, now: int) -> Event | None:
        """What this frame of the last sound does to the agent. `retracted`: the detector takes its onset back."""
        if retracted and not self._judge.insists(turn):
            turn.retracted = True
            return Event.FALSE_INTERRUPTION
        log, segment = self._agent.overlap, self._agent.playback.segment
        paused_ms = log.paused_ms(now) if state is State.PAUSED else None
        event = self._judge.follow(turn, now, paused_ms, segment)
        if event is Event.SPEECH:
            return None if turn.waits or log.just_unpaused(now) else event
        if event is Event.NO_SPEECH:
            others = (other for other in self._caller.waiting if log.silent_for(other))
            return event if all(self._judge.follow(o, now, paused_ms, segment) is event for o in others) else None
        return event

    def judge(self, turn: CallerTurn, state: State, now: int) -> Event | None:
        """Whether one of the sounds was an interruption, as `OverlapJudge.judge`; the agent may be silent by now.

        While a later sound goes on, an earlier one waits for its words, however late they are.
        """
        if turn is not self._caller.turn and turn.transcript is None:
            return None
        state = State.PAUSED if state in (*LISTENS, State.SPEAKING) else state
        return self._judge.judge(turn, now, state, self._agent.playback, self._agent.listen)

    def alone_silences(self, turn: CallerTurn) -> bool:
        """Whether the agent is silent for this sound, and was not before it."""
        log = self._agent.overlap
        return log.silent_for(turn) and not any(log.silent_for(o) for o in self._caller.sounds if o is not turn)

    def rejected(self, turn: CallerTurn, state: State, now: int) -> list[act.Action]:
        """The sound was no interruption. One that the detector took back unnoticed has no row.

        What the caller said while a reply was being planned changes nothing. It is only logged.
        """
        actions: list[act.Action] = []
        self._caller.reject(turn, now)
        if state is State.THINKING:
            if turn.text and self._judge.may_be_words(turn):
                self._caller.input.add(turn.entry(), counts=False)
        elif not turn.retracted or self._agent.overlap.silenced(turn, now):
            actions += self._agent.held(turn, now)
        return [*actions, act.CloseStream(turn.id)]
