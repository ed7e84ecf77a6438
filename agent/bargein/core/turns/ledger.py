"""The ledger of one call: turns in the order in which they happened, and the interruption that is open."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Literal

from ..audio.pcm import ms
from ..audio.playout import Playout
from ..language.kinds import Kind
from .actions import Action, LogInterruption, LogTurn
from .records import AnsweredBy, Interruption, Resolution, Turn, Waits
from .reply import CallResult

NO_WAITS = Waits()
OUTCOMES = {
    CallResult.QUEUE: Resolution.TRANSFERRED,
    CallResult.TRANSFER: Resolution.TRANSFERRED,
    CallResult.VOICEMAIL: Resolution.TRANSFERRED,
    CallResult.HANGUP: Resolution.HUNG_UP,
    CallResult.FAILED: Resolution.IGNORED,
}


class Ledger:
    """Builds the rows. Every method that changes one returns the action that logs it."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._turns: list[Turn] = []
        self._count = 0
        self.open: Interruption | None = None  # the interruption whose outcome is not known yet
        self.answered_by: AnsweredBy | Literal[""] = ""
        self._retracted: Interruption | None = None  # of the caller by the agent; the caller still talks
        self._held: list[Interruption] = []  # false interruptions of the agent's turn in progress

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    def copy(self) -> Ledger:
        """The same rows; what is added to the copy is not added here."""
        found = copy(self)
        found._turns = list(self._turns)
        return found

    def agent_turn(self, heard: Playout, waits: Waits = NO_WAITS) -> list[Action]:
        """The agent's turn has ended; `heard` says how much of it was heard. A turn that never began has no row."""
        if not heard.played_samples:
            return []
        self._retracted, self._held = None, []  # the caller said no more
        turn = Turn(
            seq=len(self._turns),
            speaker="agent",
            started_ms=ms(heard.started),
            ended_ms=ms(heard.ended),
            text=heard.text,
            heard_text=heard.heard_text,
            unheard_text=heard.unheard_text,
            step=heard.step,
            cut_word=heard.cut_word,
            cut_played_ms=ms(heard.cut_played_samples),
            words=heard.words,
            waits=waits,
        )
        self._turns.append(turn)
        return [LogTurn(turn)]

    def caller_turn(self, text: str, confidence: float | None, started: int, ended: int) -> list[Action]:
        """The caller's turn has ended. It continues the caller's turn before it, if nothing was heard between them."""
        last = self._turns[-1] if self._turns else None
        if last and last.speaker == "caller":
            said = " ".join(filter(None, (last.text, text)))
            until = max(last.ended_ms, ms(ended))  # a digit may come before the last word
            turn = replace(last, ended_ms=until, text=said, heard_text=said, confidence=confidence)
            self._turns[-1] = turn
        else:
            turn = Turn(len(self._turns), "caller", ms(started), ms(ended), text, text, confidence=confidence)
            self._turns.append(turn)
        row, self._retracted = self._retracted, None
        return [LogTurn(turn), LogInterruption(replace(row, caller_text=text))] if row else [LogTurn(turn)]

    @property
    def last_of_caller(self) -> Turn | None:
        """The caller's last turn."""
        return next((turn for turn in reversed(self._turns) if turn.speaker == "caller"), None)

    def seq_of(self, heard: Playout) -> int:
        """Of the agent's turn in progress; of the last one, a filler, if nothing was heard of the turn yet."""
        agents = (turn.seq for turn in reversed(self._turns) if turn.speaker == "agent" and not heard.played_samples)
        return next(agents, len(self._turns))

    def interruption(
        self,
        heard: Playout,
        *,
        turn_seq: int,
        onset: int,
        paused: int,
        decided: int,
        silent: int,
        kind: Kind,
        resolution: Resolution,
        evidence: float,
        caller_text: str = "",
    ) -> list[Action]:
        """A decided interruption of the agent's turn `turn_seq`; times in samples of the call.

        With a turn that is retracted, what was held in it moves to the caller's turn that goes on.
        """
        self._count += 1
        row = Interruption(
            id=f"{self._call_id}-{self._count}",
            call_id=self._call_id,
            turn_seq=turn_seq,
            step=heard.step,
            onset_ms=ms(onset),
            paused_ms=ms(paused),
            decided_ms=ms(decided),
            silent_ms=ms(silent),
            detect_latency_ms=ms(max(0, paused - onset)),
            stop_latency_ms=0 if resolution is Resolution.HELD else ms(max(0, silent - onset)),
            agent_text=heard.text,
            heard_text=heard.heard_text,
            unheard_text=heard.unheard_text,
            cut_word=heard.cut_word,
            played_ms=ms(heard.played_samples),
            caller_text=caller_text,
            kind=kind,
            resolution=resolution,
            evidence=round(evidence, 3),
        )
        moved: list[Action] = []
        if resolution is Resolution.RETRACTED:
            moved = [LogInterruption(replace(held, turn_seq=turn_seq)) for held in self._held]
            self._retracted, self._held = row, []
        elif resolution in (Resolution.RESUMED, Resolution.HELD):
            self._held += [row] if turn_seq == len(self._turns) else []  # of a turn that is over, it stays there
        else:
            self.open = row
        return [LogInterruption(row), *moved]

    def understood(self, caller_text: str, kind: Kind) -> list[Action]:
        """What the open interruption was about."""
        if self.open is None:
            return []
        self.open = replace(self.open, caller_text=caller_text, kind=kind)
        return [LogInterruption(self.open)]

    def resolved(self, resolution: Resolution) -> list[Action]:
        """How the open interruption ended."""
        if self.open is None:
            return []
        self.open = replace(self.open, resolution=resolution)
        return [LogInterruption(self.open)]

    def finished(self, result: CallResult) -> list[Action]:
        """The call ends with `result` while the interruption is open."""
        return self.resolved(OUTCOMES.get(result, Resolution.REPLANNED))
