"""The planner protocols that a session is coded against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..core.language.intent import Phrases
from ..core.language.kinds import Kind
from ..core.turns.records import Situation
from ..core.turns.reply import Piece


class Reply(Protocol):
    """An answer on its way. Its pieces come in order, the last is Listen or Finish.

    `commit` is called once, when the first audio of the reply is sent (or at once if it has none): from then on what
    the planner decided in it holds. A reply that is dropped before that never happened. `cancel` stops it at any time.
    """

    @property
    def kind(self) -> Kind | None:
        """What the interruption is about, where the planner knows better than the words alone."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    def commit(self) -> None: ...

    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a caller has come: the step, and the slots that may be written down (no secrets)."""

    step: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


class Planner(Protocol):
    """One a call. Plans the opening (empty situation) and every answer."""

    language: str
    phrases: Phrases  # how callers speak, in that language
    voice: str  # of the voice engine; "" for the configured one

    @property
    def progress(self) -> Progress:
        """How far the caller has come; what counts is what was heard."""

    def plan(self, situation: Situation) -> Reply:
        """Start to plan the next agent turn; never blocks."""
