"""The sentences of a flow that are known in advance. Their audio is made before the first call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from ..expression import fields, render
from .model import Flow, Prompt

MOST = 12  # choices of a slot; sentences with more are made when they are needed


def known_sentences(flow: Flow, sayings: Mapping[str, str]) -> list[str]:
    """Every sentence without fields, and sentences with fields of one slot, once for each of its choices.

    `sayings` are those of the flow's language; the flow's own replace them.
    """
    lines = chain(
        *(chain(step.lines, step.ask, step.again) for step in flow.steps.values()), *(a.say for a in flow.answers)
    )
    found = dict.fromkeys(chain.from_iterable(_filled(flow, line) for line in lines))
    said = {**sayings, **flow.sayings}
    found.update(dict.fromkeys(text for text in said.values() if "{" not in text))
    return list(found)


def _filled(flow: Flow, line: Prompt) -> Iterator[str]:
    if line.wav:
        return
    slots = {path.partition(".")[0] for path in fields(line.text)}
    if not slots:
        yield render(line.text, lambda path: "")
    elif len(slots) == 1 and (slot := flow.slots.get(next(iter(slots)))) and len(slot.choices) <= MOST:
        for choice in slot.choices.values():
            table = {"say": choice.say, "": choice.say, "key": choice.key, **choice.data}
            yield render(line.text, lambda path, table=table: table.get(path.partition(".")[2], ""))  # type: ignore[misc]
