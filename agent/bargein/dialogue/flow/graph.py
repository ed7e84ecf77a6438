"""A flow drawn as text: Mermaid or DOT."""

from __future__ import annotations

from collections.abc import Iterator

from .model import BACK, Flow, Step

LONGEST = 44  # characters of a label


def edges(flow: Flow, step: Step) -> Iterator[tuple[str, str]]:
    """Where a step leads, and on what."""
    if step.slot:
        for choice in flow.slots[step.slot].choices.values():
            if choice.go:
                yield choice.go, choice.key
    for go in step.next:
        yield go.step, go.when.text if go.when else "yes" if step.confirm else ""
    for slot in step.confirm:
        asking = flow.asks_for(slot)
        if asking is not None and "no" not in step.on:
            yield asking.name, "no"
    if step.call:
        yield step.call, "call"
    for kind, target in step.on.items():
        yield target, kind
    if step.failed:
        yield step.failed, "not understood"
    if step.webhook and step.webhook.failed:
        yield step.webhook.failed, "webhook failed"
    if step.end:
        place = step.end.queue or step.end.exten
        yield f"({step.end.result}{' ' + place if place else ''})", ""


def _label(step: Step) -> str:
    text = next((line.text or line.wav for line in (*step.lines, *step.ask)), "")
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _links(flow: Flow) -> list[tuple[str, str, str]]:
    found = [(step.name, target, label) for step in flow.steps.values() for target, label in edges(flow, step)]
    found += [("(any time)", intent.go, "intent") for intent in flow.intents]
    return [link for link in dict.fromkeys(found) if link[1] != BACK]


def mermaid(flow: Flow) -> str:
    """A Mermaid flowchart; it shows on GitHub and in many editors."""
    ids: dict[str, str] = {}

    def node(name: str) -> str:
        return ids.setdefault(name, f"s{len(ids)}")

    def quoted(text: str) -> str:
        return text.replace('"', "#quot;").replace("|", "#124;")

    lines = ["flowchart TD"]
    for step in flow.steps.values():
        body = f"{step.name}<br>{quoted(_label(step))}"
        shape = f'{{{{"{body}"}}}}' if step.listens else f'["{body}"]'
        lines.append(f"  {node(step.name)}{shape}")
    links = _links(flow)
    for name in dict.fromkeys(target for _, target, _ in links) | {source: None for source, _, _ in links}:
        if name not in flow.steps:
            lines.append(f'  {node(name)}(["{quoted(name.strip("()"))}"])')
    for source, target, label in links:
        arrow = f'-->|"{quoted(label)}"|' if label else "-->"
        lines.append(f"  {node(source)} {arrow} {node(target)}")
    return "\n".join(lines)


def dot(flow: Flow) -> str:
    """A Graphviz digraph: `bargein check FLOW --graph dot | dot -Tsvg`."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"digraph {quoted(flow.name)} {{", "  node [shape=box, fontname=sans];"]
    for step in flow.steps.values():
        shape = ", shape=hexagon" if step.listens else ""
        label = quoted(f"{step.name}\n{_label(step)}").replace("\n", "\\n")
        lines.append(f"  {quoted(step.name)} [label={label}{shape}];")
    for source, target, label in _links(flow):
        lines.append(f"  {quoted(source)} -> {quoted(target)}{f' [label={quoted(label)}]' if label else ''};")
    return "\n".join([*lines, "}"])
