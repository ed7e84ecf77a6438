"""What a flow must have beyond the right words: every step is there, leads somewhere and can be reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..expression import QUEUE, fields, needed
from .model import AGAIN, BACK, SPECIAL, Flow, Step
from .slots import BUILT_IN
from .source import Faults, Value

QUEUE_FACTS = ("ready", "waiting", "wait")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a flow stand in its files. Parts that are wrong by themselves are among them, too."""

    root: Value
    top: Mapping[str, Value]
    steps: Mapping[str, Value]
    sound: Collection[str]  # the steps without a fault of their own
    slots: Sequence[str]
    intents: Mapping[str, Value]
    answers: Sequence[Value]


def check(flow: Flow, at: Places, names: Sequence[tuple[str, Value]], faults: Faults) -> None:
    """Add what is wrong to `faults`. Of parts that could not be read only the name counts."""
    _Check(flow, at, faults).run(names)


class _Check:
    def __init__(self, flow: Flow, at: Places, faults: Faults) -> None:
        self.flow, self.at, self.faults = flow, at, faults
        self.steps = [*at.steps, *SPECIAL]
        self.circles: set[str] = set()  # steps of circles that were reported
        self.slots = list(dict.fromkeys([*at.slots, *flow.slots]))

    def run(self, names: Sequence[tuple[str, Value]]) -> None:
        flow, at = self.flow, self.at
        if at.steps and flow.start not in at.steps:
            where, complaint = at.top.get("start", at.root), f"start: there is no step {flow.start!r}"
            self._unknown(where, complaint, flow.start, list(at.steps))
        if flow.failed not in self.steps:
            where, complaint = at.top.get("failed", at.root), f"failed: there is no step {flow.failed!r}"
            self._unknown(where, complaint, flow.failed, self.steps)
        for name in SPECIAL:
            if name in at.steps:
                at.steps[name].report(f"step {name!r} can never be reached: {name!r} means something else; rename it")
        for name, step in flow.steps.items():
            self._targets(step, at.steps[name])
            if name in at.sound:
                self._step(step, at.steps[name])
        for where in at.intents.values():
            self._table_entry(where, "go", "intents: there is no step", self.steps)
        for where in at.answers:
            self._table_entry(where, "about", "answers: there is no slot", self.slots)
        self._names(names)
        self._secrets()
        if len(at.sound) == len(at.steps):  # else a step may be reached from one that could not be read
            found = reached(flow)
            for name in flow.steps:
                if name not in found and name not in SPECIAL:
                    at.steps[name].report(f"step {name!r} is reached from nowhere; lead to it or delete it")

    def _unknown(self, where: Value, complaint: str, name: str, known: Sequence[str]) -> None:
        self.faults.attempt(lambda: where.unknown(complaint, name, known), None)

    def _table_entry(self, where: Value, key: str, complaint: str, known: Sequence[str]) -> None:
        value = dict(where.pairs()).get(key) if where.is_map else None
        if value is not None and (name := self.faults.attempt(value.text, "")) and name not in known:
            self._unknown(value, f"{complaint} {name!r}", name, known)

    def _targets(self, step: Step, where: Value) -> None:
        for target in dict.fromkeys(targets(self.flow, step)):
            if target not in self.steps:
                complaint = f"step {step.name!r} leads to {target!r}, and there is no such step"
                self._unknown(where, complaint, target, self.steps)

    def _step(self, step: Step, where: Value) -> None:
        for slot in (*([step.slot] if step.slot else []), *step.confirm):
            if slot not in self.slots:
                self._unknown(where, f"step {step.name!r}: there is no slot {slot!r}", slot, self.slots)
        conditions = [*(line.when for line in (*step.lines, *step.ask)), *(go.when for go in step.next)]
        for condition in filter(None, conditions):
            for name, wanted in condition.compared:
                choices = self.flow.slots[name].choices if name in self.flow.slots else {}
                if choices and wanted and wanted not in choices:
                    complaint = f"step {step.name!r}: {condition.text}: slot {name!r} has no choice {wanted!r}"
                    self._unknown(where, complaint, wanted, list(choices))
        if step.listens and not step.ask and not step.lines:
            where.report(f"step {step.name!r} listens but says nothing; give it ask:")
        if not (step.next or step.end or self._slot_leads(step)):
            where.report(f"step {step.name!r} leads nowhere; give it next:, queue:, transfer:, hangup:, "
                         "voicemail: or continue:")  # fmt: skip
        if step.end and step.listens:
            where.report(f"step {step.name!r} cannot both listen and end; end in the next step")
        if step.end and step.next:
            where.report(f"step {step.name!r} ends the dialogue, so next: is never used")
        if step.ask and any(path.startswith(QUEUE) for path in needed(step.ask[-1].text)):
            where.report(f"step {step.name!r} would not ask while nothing is known of the queue; "
                         "write {queue.wait|a few}, or tell it in a sentence before")  # fmt: skip
        if AGAIN in (go.step for go in step.next) and not step.listens:
            where.report(f"step {step.name!r} would say itself again for ever")
        circle = self._circle(step)
        if circle and not circle & self.circles:
            self.circles |= circle
            where.report(f"step {step.name!r} comes back to itself without ever listening to the caller")

    def _slot_leads(self, step: Step) -> bool:
        """Whether every choice of the step's slot leads somewhere, or the slot could not be read."""
        if not step.slot or step.slot not in self.flow.slots:
            return bool(step.slot)
        choices = self.flow.slots[step.slot].choices
        return bool(choices) and all(choice.go for choice in choices.values())

    def _circle(self, first: Step) -> set[str]:
        """The steps of a way without conditions that leads from this step to itself and asks nothing."""
        seen: set[str] = set()
        step: Step | None = first
        while step is not None and not step.listens and step.end is None:
            if step.name in seen:
                return seen if step.name == first.name else set()
            seen.add(step.name)
            only = step.call or (step.next[0].step if len(step.next) == 1 else "")
            step = self.flow.steps.get(only)
        return set()

    def _names(self, names: Iterable[tuple[str, Value]]) -> None:
        known = sorted({*BUILT_IN, *self.slots, *_variables(self.flow)})
        for name, value in names:
            head, _, rest = name.partition(".")
            if head not in known:
                self._unknown(value, f"the name {head!r} is not known", head, known)
                continue
            if head == "queue" and rest not in ("", *QUEUE_FACTS):
                self._unknown(value, f"{{{name}}}: there is no such fact of the queue", rest, QUEUE_FACTS)
            slot = self.flow.slots.get(head)
            if not rest or slot is None or not slot.choices or rest in ("key", "say"):
                continue
            if lacking := [c.key for c in slot.choices.values() if rest not in c.data]:
                value.report(f"{{{name}}}: the choice {lacking[0]!r} has no {rest!r}")

    def _secrets(self) -> None:
        """A secret is never spoken: what is spoken is written to the log of the call."""
        secret = {slot.name for slot in self.flow.slots.values() if slot.secret}
        for name, step in self.flow.steps.items():
            if name not in self.at.sound:
                continue
            lines = (*step.lines, *step.ask, *step.again)
            for said in {path.partition(".")[0] for line in lines for path in fields(line.text)} & secret:
                self.at.steps[name].report(f"step {name!r} speaks {{{said}}}, which is secret; leave it out")
            kept = {path.partition(".")[0] for text in step.callback.values() for path in fields(text)} & secret
            for slot in kept:
                self.at.steps[name].report(f"step {name!r}: callback: would log {{{slot}}}, which is secret")


def _variables(flow: Flow) -> set[str]:
    found = set(flow.variables)
    for step in flow.steps.values():
        found |= set(step.set)
        found |= set(step.webhook.save) if step.webhook else set()
    for tool in flow.tools.values():
        found |= set(tool.save)
    return found


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
