"""What the server remembers about a call in progress."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.turns.records import Callback, CallInfo, Interruption
from .recorder import WavRecorder
from .session import Session


@dataclass(slots=True)
class LoggedCall:
    """`started` is in s of the clock."""

    info: CallInfo
    session: Session
    started: float
    recording: WavRecorder | None
    last_words: str = ""  # of the caller
    callback: Callback | None = None  # that was promised, as last logged
    rows: dict[str, Interruption] = field(default_factory=dict)  # as last logged

    def new_promise(self) -> Callback | None:
        """A promise to call back, once the caller has heard it."""
        before, self.callback = self.callback, self.session.progress.callback
        return self.callback if self.callback != before else None

    @property
    def interruptions(self) -> int:
        """How often the caller has interrupted the agent."""
        return sum(row.by_caller for row in self.rows.values())
