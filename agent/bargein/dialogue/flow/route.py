"""The way through a flow."""

from __future__ import annotations

from ..expression import Lookup
from .model import BACK, Flow, Step
from .state import FlowState


def following(flow: Flow, step: Step, state: FlowState, look: Lookup) -> str:
    """Where a step leads in this state: a step, or a special target."""
    if step.slot:
        choice = flow.slots[step.slot].choices.get(state.values.get(step.slot, ""))
        if choice is not None and choice.go:
            return choice.go
    for go in step.next:
        if go.when is None or go.when.holds(look):
            return go.step
    return BACK


def listening(flow: Flow, step: Step, state: FlowState, look: Lookup) -> Step | None:
    """The step that listens next: this one, or one that it leads to without a webhook or an end in between."""
    seen: set[str] = set()
    while step.name not in seen:
        seen.add(step.name)
        if step.listens:
            return step
        after = flow.steps.get(step.call or following(flow, step, state, look))
        if step.end is not None or step.webhook is not None or after is None:
            return None
        step = after
    return None


def settled(step: Step, state: FlowState) -> bool:
    """Whether the answer to this step is known already."""
    if step.slot:
        return step.slot in state.values
    return bool(step.confirm) and all(slot in state.confirmed for slot in step.confirm)
