"""The protocols between a session and its planner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..core.language.intent import Phrases
from ..core.language.kinds import Kind
from ..core.turns.records import Situation
from ..core.turns.reply import Piece


class Reply(Protocol):
    """An answer that is being made. Its pieces come in order; the last is Listen or Finish.

    `commit` is called once, when the first audio of the reply is sent (or at once if it has none): from then on what
    the planner decided in it holds. A reply that is dropped before that never happened. `cancel` stops it at any time.
    """

    @property
    def kind(self) -> Kind | None:
        """The kind of the interruption, if the planner knows it better than the words alone tell."""

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
    """Plans the opening (empty situation) and every answer of one call."""

    language: str
    phrases: Phrases  # how callers speak, in that language
    voice: str  # of the voice engine; "" for the configured one

    @property
    def progress(self) -> Progress:
        """How far the caller has come. Only replies that were heard count."""

    def plan(self, situation: Situation) -> Reply:
        """Start to plan the next agent turn. Never blocks."""
