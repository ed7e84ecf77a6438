"""Rows of calls that still go on, put in order: each turn once, and below it each of its interruptions once.

The log grows and changes while a call lasts. A caller's turn can become longer until the agent answers; what an
interruption was about is known only when the caller has finished. So every row waits here until it is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.turns.records import Interruption, Resolution, Turn

OPEN = ("", Resolution.IGNORED)  # the resolution of an interruption about which nothing has been done yet


@dataclass(slots=True)
class LiveCall:
    """One call. Give it every row as it comes; `take` returns the rows that are final, in the order of the call."""

    ended: bool = False
    _turns: dict[int, Turn] = field(default_factory=dict)
    _cuts: dict[str, Interruption] = field(default_factory=dict)
    _next: int = 0  # the turn that is shown next
    _shown: set[str] = field(default_factory=set)  # interruptions

    def turn(self, turn: Turn) -> None:
        self._turns[turn.seq] = turn

    def interruption(self, row: Interruption) -> None:
        self._cuts[row.id] = row

    def end(self) -> None:
        """The call is over: every row is final."""
        self.ended = True

    def take(self) -> list[Turn | Interruption]:
        """Rows that have become final since the last time."""
        out: list[Turn | Interruption] = []
        while True:
            if not self._take_interruptions(out):
                return out
            turn = self._turns.get(self._next)
            if turn is None:
                if not (self.ended and any(seq > self._next for seq in self._turns)):
                    break
            elif turn.speaker == "agent" or self.ended or any(seq > self._next for seq in self._turns):
                out.append(turn)
            else:
                return out
            self._next += 1
        if self.ended:
            rest = [cut for cut in self._cuts.values() if cut.id not in self._shown]
            rest.sort(key=lambda cut: cut.onset_ms)
            out += rest
            self._shown |= {cut.id for cut in rest}
        return out

    def _take_interruptions(self, out: list[Turn | Interruption]) -> bool:
        """Move the final interruptions of the turns shown so far to `out`; False if one is not final yet."""
        due = [cut for cut in self._cuts.values() if cut.turn_seq < self._next and cut.id not in self._shown]
        for cut in sorted(due, key=lambda cut: (cut.turn_seq, cut.onset_ms)):
            if cut.resolution in OPEN and not self.ended and not self._answered(cut):
                return False
            out.append(cut)
            self._shown.add(cut.id)
        return True

    def _answered(self, cut: Interruption) -> bool:
        """Whether the agent has spoken again since, so that nothing more will happen to the row."""
        return any(turn.speaker == "agent" and seq > cut.turn_seq for seq, turn in self._turns.items())
