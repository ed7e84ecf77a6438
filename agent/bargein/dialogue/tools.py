"""What a language model may do besides talk: only what the flow file allows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.turns.reply import CallResult, Finish
from .chat_api import ToolCall
from .expression import fields, render
from .flow.model import Flow
from .webhook import WebhookRequest, Webhooks

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool call led to: `answer` goes back to the model, unless `finish` ends the dialogue."""

    answer: str = ""
    finish: Finish | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def specifications(flow: Flow) -> list[Json]:
    """The tools of a flow, as the chat endpoint wants them."""
    tools = [
        _tool("transfer_to_queue", "Hand the caller to a person in a queue.", {"queue": _one_of(queues(flow))}),
        _tool("hangup", "End the call, after you have said goodbye.", {}),
    ]
    if flow.transfers:
        tools.append(_tool("transfer", "Transfer the caller to an extension.", {"extension": _one_of(flow.transfers)}))
    if flow.variables:
        text = {"type": "string"}
        parameters = {"name": _one_of(tuple(flow.variables)), "value": text}
        tools.append(_tool("set_variable", "Note something for those who come after you.", parameters))
    for name, hook in flow.tools.items():
        wanted = [path for template in (hook.url, *hook.body.values()) for path in fields(template)]
        given = {path: {"type": "string"} for path in dict.fromkeys(wanted) if path in flow.variables}
        tools.append(_tool(name, hook.about or f"Ask {name.replace('_', ' ')}.", given))
    return tools


def queues(flow: Flow) -> tuple[str, ...]:
    """Queues that the model may send a caller to."""
    return tuple(dict.fromkeys((flow.queue, *flow.queues)))


def _one_of(values: tuple[str, ...]) -> Json:
    return {"type": "string", "enum": list(values)}


def _tool(name: str, description: str, properties: Json) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


async def perform(call: ToolCall, flow: Flow, webhooks: Webhooks, place: str, known: Mapping[str, str]) -> ToolOutcome:
    """Do what the model asks. `place` names the turn, so that the same deed in it is done once.

    What the flow does not allow is answered with an error that the model can read; it never raises.
    """
    try:
        given = json.loads(call.arguments or "{}")
        arguments = {str(name): str(value) for name, value in given.items()}
    except (ValueError, AttributeError):
        return ToolOutcome("error: the arguments are not a JSON object")
    match call.name:
        case "transfer_to_queue":
            queue = arguments.get("queue", flow.queue)
            if queue not in queues(flow):
                return ToolOutcome(f"error: there is no such queue; there are {', '.join(queues(flow))}")
            return ToolOutcome(finish=Finish(CallResult.QUEUE, queue=queue))
        case "transfer":
            exten = arguments.get("extension", "")
            if exten not in flow.transfers:
                return ToolOutcome("error: no transfer to that extension is allowed")
            return ToolOutcome(finish=Finish(CallResult.TRANSFER, exten=exten))
        case "hangup":
            return ToolOutcome(finish=Finish(CallResult.HANGUP))
        case "set_variable":
            name = arguments.get("name", "")
            if name not in flow.variables:
                return ToolOutcome("error: there is no such variable")
            return ToolOutcome("done", variables={name: arguments.get("value", "")})
    if call.name not in flow.tools:
        return ToolOutcome("error: there is no such tool")
    return await _webhook(call.name, flow, webhooks, place, {**known, **arguments})


async def _webhook(name: str, flow: Flow, webhooks: Webhooks, place: str, known: Mapping[str, str]) -> ToolOutcome:
    hook = flow.tools[name]

    def look(path: str) -> str:
        return known.get(path, "")

    body = {key: render(template, look) for key, template in hook.body.items()}
    digest = hashlib.sha256(json.dumps([body, render(hook.url, look)], sort_keys=True).encode()).hexdigest()[:16]
    saved = await webhooks.ask(
        WebhookRequest(
            url=hook.url,
            key=f"{place}/{name}/{digest}",
            method=hook.method,
            body=body,
            headers={key: render(template, look) for key, template in hook.headers.items()},
            save=hook.save,
            timeout_ms=hook.timeout_ms,
            fill=look,
        )
    )
    if saved is None:
        return ToolOutcome("error: it failed; do not try again, tell the caller")
    return ToolOutcome(json.dumps(saved) if saved else "done", variables=saved)
