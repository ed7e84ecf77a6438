"""The sounds over the agent's speech: the last one, and those before it whose words have not come yet."""

from __future__ import annotations

from . import actions as act
from .agent import Agent
from .caller import Caller
from .endpoint import CallerTurn
from .overlap import ENDED_MS
from .overlap_judge import OverlapJudge
from .table import LISTENS, Event, State
from .transcript import RECOGNIZER_LATE_MS

MURMURS = 2  # so many sounds of an overlap were nothing: the next one probably is, too


class Overlaps:
    """Each sound is judged by itself. `now` is in samples of the call.

    The overlap lasts until all of its sounds are decided. The agent does what the last of them asks for. But a sound
    that stops the agent, or would stop it if it talked, keeps it silent until that sound is decided. Its words may be
    too late for that: see `_may_wait`.
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
        waits = turn.waits or self._agent.done or self._may_wait(turn, now)
        stops = not waits and self._judge.follow(turn, now, None, segment) is Event.SPEECH
        turn.stops = turn.stops or stops
        if state is not State.PAUSED:
            return Event.SPEECH if stops and not log.just_unpaused(now) else None
        paused_ms, silencing = log.paused_ms(now), self._silencing(turn, now)
        goes_on = all(self._judge.follow(sound, now, paused_ms, segment) is Event.NO_SPEECH for sound in silencing)
        return Event.NO_SPEECH if goes_on else None

    def goes_on(self, turn: CallerTurn, now: int) -> bool:
        """Whether a silent agent goes on over its last sound `turn` though nothing is decided, on a dead line, too."""
        return not self._silencing(turn, now)

    def _silencing(self, turn: CallerTurn, now: int) -> list[CallerTurn]:
        """The sounds that keep the agent silent."""
        stopping = (turn, *(other for other in self._caller.waiting if other.stops))
        return [sound for sound in stopping if not self._may_wait(sound, now)]

    def _may_wait(self, turn: CallerTurn, now: int) -> bool:
        """Whether the agent talks on while the words of a sound that is over are awaited. They may still stop it.

        They are late, or the sounds before it were nothing: somebody says "okay" again and again.
        """
        murmurs = self._agent.overlap.nothing >= MURMURS and turn.silent_ms(now) >= ENDED_MS
        return murmurs or self._judge.is_late(turn, now)

    def judge(self, turn: CallerTurn, state: State, now: int) -> Event | None:
        """Whether one of the sounds was an interruption, as `OverlapJudge.judge`; the agent may be silent by now.

        An earlier sound waits for its words for as long as a caller's turn would.
        """
        waits = turn is not self._caller.turn and turn.silent_ms(now) < RECOGNIZER_LATE_MS
        if waits and turn.transcript is None:
            return None
        playout = self._agent.overlapped if state in LISTENS else self._agent.playback.playout
        state = State.PAUSED if state in (*LISTENS, State.SPEAKING) else state
        return self._judge.judge(turn, now, state, playout, self._agent.listen)

    def begun_before(self, at: int) -> bool:
        """Whether a sound that is not decided began before sample `at`."""
        return any(sound.onset < at for sound in self._caller.sounds)

    def others_silence(self, turn: CallerTurn) -> bool:
        """Whether a sound other than this one keeps the agent silent."""
        return any(other.stops for other in self._caller.sounds if other is not turn)

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
