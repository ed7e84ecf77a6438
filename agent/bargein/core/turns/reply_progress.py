"""How far a reply is: planned, heard, committed, ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..audio.pcm import ms, samples
from ..audio.playout import Segment
from ..language.kinds import Kind
from .endpoint import CallerTurn
from .records import Waits
from .reply import Finish, Listen

CUT_OFF = samples(300)  # a caller who speaks so soon after an answer began was not done
NOTICED = samples(200)  # after its onset a sound is noticed, if it is a word


@dataclass(slots=True)
class ReplyTiming:
    """When the stages of a reply were reached, in samples of the call. None: not yet, or not known."""

    said: int | None = None  # the last sound or digit that it answers
    recognition: int | None = None  # how long the last words took
    over: int | None = None  # the caller's turn was judged to be over
    planned: int | None = None  # the first sentence is there
    ready: int | None = None  # its speech is there, or it has none

    @property
    def due(self) -> int | None:
        """Since when the reply could have begun; None: it cannot yet."""
        return None if self.ready is None else max(self.over or 0, self.ready)

    def waits(self, began: int) -> Waits:
        """Of a reply that began at sample `began`."""
        return Waits(
            endpoint_ms=_between(self.said, self.over),
            recognition_ms=None if self.recognition is None else ms(self.recognition),
            planning_ms=_between(self.over, self.planned),
            synthesis_ms=_between(max(self.over or 0, self.planned or 0), self.ready),
            wait_ms=_between(self.said, began),
        )


def _between(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None else ms(max(0, last - first))


@dataclass(slots=True)
class ReplyProgress:
    """The reply that is being planned or played. `ended`: its last segment has arrived.

    A reply to words of the caller is committed half a second after its first audio. Until then it can be retracted,
    because the caller may go on with what was only a pause. Any other reply is committed with its first audio.
    """

    id: int = 0  # 0: none is planned
    ended: bool = False
    finish: Finish | None = None  # the call is over once the reply is played
    listen: Listen | None = None  # what it listens for, until the reply is committed
    answers: bool = False  # words of the caller
    may_bridge: bool = False  # a filler may be said while it is waited for
    heard: bool = False  # its first audio is due
    repeated: bool = False  # it says again what was cut
    committed: bool = False
    logged: bool = False  # a part of it is in the ledger
    kind: Kind | None = None  # what the planner takes the interruption for
    segments: list[Segment] = field(default_factory=list)  # of a reply that is only prepared
    timing: ReplyTiming = field(default_factory=ReplyTiming)

    def retractable(self, began: int, turn: CallerTurn | None, overlapped: bool, now: int) -> bool:
        """Whether the reply may still be retracted. `began`: when its first audio was sent.

        `overlapped`: the caller makes a sound over it, and it is not known yet what it is.
        """
        if not self.heard or self.committed or not self.answers:
            return False
        if overlapped and turn is not None:
            return turn.onset - began <= CUT_OFF
        return now - began < CUT_OFF + NOTICED
