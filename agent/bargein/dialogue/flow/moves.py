"""What to do next. `react` decides it, the planner does it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...core.language.kinds import Kind
from .model import End
from .state import FlowState


@dataclass(frozen=True, slots=True)
class GoOn:
    """Go on from a step: its lines from sentence `start`, or only its question; first the sentences of `lead`."""

    step: str
    start: int = 0
    only_ask: bool = False
    again: bool = False  # the second asking: the short form
    repeated: bool = False
    leave: bool = False  # the step is done with: on to the next


@dataclass(frozen=True, slots=True)
class Wait:
    """Say the lead, then be silent until the caller speaks."""

    silence_ms: int


@dataclass(frozen=True, slots=True)
class EndDialogue:
    """Say the lead, then end."""

    end: End


@dataclass(frozen=True, slots=True)
class Move:
    """A decision: the next state, the sentences to say first, and what to do then."""

    state: FlowState
    then: GoOn | Wait | EndDialogue
    lead: tuple[str, ...] = field(default_factory=tuple)
    kind: Kind | None = None
