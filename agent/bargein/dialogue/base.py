"""The protocols between a session and its planner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ..core.language.kinds import Kind
from ..core.language.phrases import Phrases
from ..core.turns.records import Callback, Situation
from ..core.turns.reply import Piece


class Reply(Protocol):
    """A reply in progress. Its pieces come in order. The last piece is a Listen or a Finish.

    The session calls `commit` once, when it sends the first audio of the reply, or at once if the reply has no audio.
    The decisions of the planner in this reply count from then on. A reply that is dropped earlier never happened.
    `cancel` stops the reply at any time.
    """

    @property
    def kind(self) -> Kind | None:
        """The kind of the interruption, if the planner knows more than the words tell; else None."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    def commit(self) -> None: ...

    def cancel(self) -> None: ...


@runtime_checkable
class PreparedReply(Reply, Protocol):
    """A reply that is made before it is certain that it is wanted."""

    def confirm(self) -> None:
        """It is wanted. What cannot be undone, as a webhook or a tool, waits for this."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a caller has come: the step, the slots that the log may hold (no secrets), and a promise to call back."""

    step: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    callback: Callback | None = None  # that was promised


class Planner(Protocol):
    """Plans the opening (empty situation) and every answer of one call."""

    language: str
    phrases: Phrases  # the words and rules of that language
    voice: str  # of the voice engine; "" for the configured one

    @property
    def progress(self) -> Progress:
        """How far the caller has come. Only replies that were heard count."""

    def plan(self, situation: Situation) -> Reply:
        """Start to plan the next turn of the agent. Never blocks."""


@runtime_checkable
class Preparing(Planner, Protocol):
    """A planner that can begin a reply while the caller may still go on."""

    def prepare(self, situation: Situation) -> PreparedReply:
        """Like `plan`. Until the reply is confirmed it does nothing that cannot be undone."""
