"""What a flow must have beyond the right words: every step is there, leads somewhere and can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .model import AGAIN, BACK, SPECIAL, Flow, Step
from .source import Value

BUILT_IN = ("caller", "caller_name", "called", "queue", "dialogue", "open", "said", "today", "webhook", "misses", "var")


def check(flow: Flow, at: Mapping[str, Value], names: Sequence[tuple[str, Value]], root: Value) -> None:
    """Raise UserError (exit 2) for the first thing that is wrong; `at` says where each step stands."""
    places = [*flow.steps, *SPECIAL]
    if flow.start not in flow.steps:
        root.unknown("start: step", flow.start, list(flow.steps))
    for name, step in flow.steps.items():
        _step(flow, step, at[name], places)
    for intent in flow.intents:
        if intent.go not in places:
            root.unknown("intents: step", intent.go, places)
    if flow.failed not in places:
        root.unknown("failed: step", flow.failed, places)
    for answer in flow.answers:
        if answer.about and answer.about not in flow.slots:
            root.unknown("answers: slot", answer.about, list(flow.slots))
    _names(flow, names)
    if lost := [name for name in flow.steps if name not in reached(flow)]:
        at[lost[0]].fail(f"step {lost[0]!r} is reached from nowhere; lead to it or delete it")


def _step(flow: Flow, step: Step, where: Value, places: Sequence[str]) -> None:
    for target in targets(flow, step):
        if target not in places:
            where.unknown(f"step {step.name!r} goes to a step that is not there:", target, places)
    slots = (*([step.slot] if step.slot else []), *step.confirm)
    for slot in slots:
        if slot not in flow.slots:
            where.unknown(f"step {step.name!r}: slot", slot, list(flow.slots))
    if step.listens and not step.ask and not step.lines:
        where.fail(f"step {step.name!r} listens but says nothing; give it ask:")
    slot_goes = step.slot and all(choice.go for choice in flow.slots[step.slot].choices.values())
    slot_goes = slot_goes and bool(flow.slots[step.slot].choices)
    if not (step.next or step.end or slot_goes):
        where.fail(f"step {step.name!r} leads nowhere; give it next:, queue:, transfer:, hangup: or continue:")
    if step.end and step.listens:
        where.fail(f"step {step.name!r} cannot both listen and end; end in the next step")
    if step.end and step.next:
        where.fail(f"step {step.name!r} ends the dialogue, so next: is never used")
    if AGAIN in (go.step for go in step.next) and not step.listens:
        where.fail(f"step {step.name!r} would say itself again for ever")
    if _runs_away(flow, step):
        where.fail(f"step {step.name!r} comes back to itself without ever listening to the caller")


def _runs_away(flow: Flow, first: Step) -> bool:
    """Whether a way without conditions leads from this step to itself and asks nothing."""
    seen: set[str] = set()
    step: Step | None = first
    while step is not None and not step.listens and step.end is None:
        if step.name in seen:
            return step.name == first.name
        seen.add(step.name)
        only = step.call or (step.next[0].step if len(step.next) == 1 else "")
        step = flow.steps.get(only)
    return False


def _names(flow: Flow, names: Iterable[tuple[str, Value]]) -> None:
    variables = set(flow.variables)
    for step in flow.steps.values():
        variables |= set(step.set)
        variables |= set(step.webhook.save) if step.webhook else set()
    for tool in flow.tools.values():
        variables |= set(tool.save)
    known = sorted({*BUILT_IN, *flow.slots, *variables})
    for name, value in names:
        head, _, rest = name.partition(".")
        if head not in known:
            value.unknown("the name", head, known)
        slot = flow.slots.get(head)
        if not rest or slot is None or not slot.choices or rest in ("key", "say"):
            continue
        if lacking := [c.key for c in slot.choices.values() if rest not in c.data]:
            value.fail(f"{{{name}}}: the choice {lacking[0]!r} has no {rest!r}")


def targets(flow: Flow, step: Step) -> list[str]:
    """All places that this step may lead to."""
    found = [go.step for go in step.next] + list(step.on.values())
    found += [step.call] * bool(step.call) + [step.failed] * bool(step.failed)
    if step.webhook and step.webhook.failed:
        found.append(step.webhook.failed)
    if step.slot in flow.slots:
        found += [choice.go for choice in flow.slots[step.slot].choices.values() if choice.go]
    return found


def reached(flow: Flow) -> set[str]:
    """Steps that some way leads to."""
    todo, found = [flow.start, flow.failed, *(intent.go for intent in flow.intents)], set()
    while todo:
        name = todo.pop()
        if name in flow.steps and name not in found:
            found.add(name)
            todo += [target for target in targets(flow, flow.steps[name]) if target != BACK]
    return found
