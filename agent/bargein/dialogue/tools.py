"""What a language model may do besides talk: only what the flow file allows, with arguments that fit.

A request to the web (a tool of the flow) belongs to the call. Once started it is finished and counts, also if the reply
that started it is dropped before its first sound; its outcome is in the context of every later request. The same tool
with the same arguments is not run again in one call: the model gets the first outcome.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.turns.records import CallInfo
from ..core.turns.reply import CallResult, Finish
from .chat_events import ToolCall
from .expression import fields, render
from .flow.model import Flow
from .tool_text import ARGUMENTS, letters, read_arguments
from .webhook import WebhookRequest, Webhooks

Json = dict[str, Any]

OF_THE_CALL = ("caller", "caller_name", "called", "queue", "dialogue")
RUNNING = "it is still running"


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool call led to: `answer` goes back to the model, unless `finish` ends the dialogue."""

    answer: str = ""
    finish: Finish | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ToolRun:
    """A tool call that the model made in answer to the caller turn `seq`, and what became of it."""

    seq: int
    call: ToolCall
    arguments: str  # JSON text
    answer: str = RUNNING
    said: str = ""  # before it, in the same message; not for later requests: what was heard is in the turns

    def messages(self) -> list[Json]:
        """The call and its result, as the model is shown them."""
        function = {"name": self.call.name, "arguments": self.arguments}
        called = {"id": self.call.id, "type": "function", "function": function, **self.call.extra}
        return [
            {"role": "assistant", "content": self.said, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": self.call.id, "content": self.answer},
        ]


class Tools:
    """The tools of one call."""

    def __init__(self, flow: Flow, call: CallInfo, webhooks: Webhooks) -> None:
        self.specifications = specifications(flow)
        self.tool_runs: list[ToolRun] = []  # requests to the web, whatever became of the reply that made them
        self.saved: dict[str, str] = {}  # variables from their answers
        self._flow, self._call, self._webhooks = flow, call, webhooks
        self._schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in self.specifications}
        self._running: dict[str, asyncio.Task[ToolOutcome]] = {}

    @property
    def busy(self) -> bool:
        """Whether a request to the web is under way."""
        return any(not task.done() for task in self._running.values())

    async def settle(self) -> None:
        """Wait for what is under way; each request has its own time limit."""
        if running := [task for task in self._running.values() if not task.done()]:
            await asyncio.wait(running)

    def known(self, name: str) -> bool:
        """Whether a model that writes this name means one of the tools."""
        return self._meant(name) in self._schemas

    def called(self, name: str) -> bool:
        """Whether this is the name of a tool to the letter, perhaps with that of a module: "default_api.hangup"."""
        return name.rpartition(".")[2] in self._schemas

    async def perform(self, tool_run: ToolRun, known: Mapping[str, str]) -> ToolOutcome:
        """Do what the model asks. `known`: its variables so far.

        What the flow does not allow is answered with an error that the model can read; it never raises.
        """
        name = self._meant(tool_run.call.name)
        schema = self._schemas.get(name)
        if schema is None:
            return ToolOutcome(f"error: there is no tool {name!r}; there are {', '.join(self._schemas)}")
        given = read_arguments(tool_run.call.arguments, tuple(schema["properties"]))
        if given is None:
            return ToolOutcome("error: the arguments are not a JSON object")
        tool_run.arguments = json.dumps(given, ensure_ascii=False)
        given = self._fitting(name, given, schema["properties"])
        if wrong := misfit(given, schema):
            return ToolOutcome(f"error: {wrong}")
        arguments = {key: _text(value) for key, value in given.items()}
        match name:
            case "transfer_to_queue":
                return ToolOutcome(finish=Finish(CallResult.QUEUE, queue=arguments.get("queue", self._flow.queue)))
            case "transfer":
                return ToolOutcome(finish=Finish(CallResult.TRANSFER, exten=arguments["extension"]))
            case "hangup":
                return ToolOutcome(finish=Finish(CallResult.HANGUP))
            case "set_variable":
                return ToolOutcome("done", variables={arguments["name"]: arguments["value"]})
        return await self._once(name, tool_run, arguments, {**known, **arguments})

    def _meant(self, name: str) -> str:
        """The tool of this name, however the model writes it: "transferToQueue", "functions.hangup:0<|channel|>"."""
        plain = re.sub(r":\d+$", "", name.split("<|")[0].strip())
        wanted = {letters(plain), letters(re.split(r"[.:/]", plain)[-1])}
        return next((own for own in self._schemas if letters(own) in wanted), name)

    def _fitting(self, name: str, given: Json, properties: Json) -> Json:
        """The arguments without those that are no loss: facts of the call, null, or a remark if none is missing.

        A request to the web takes no remark. A value that has to be one of several is written as the flow writes it.
        """
        inner = next((given[key] for key in (*ARGUMENTS, *given) if isinstance(given.get(key), dict)), None)
        if inner is not None and not given.keys() & properties.keys() - {"name"}:
            given = {str(key): value for key, value in inner.items()}  # {"name": ..., "parameters": {"queue": "sales"}}
        own_keys = {letters(key): key for key in properties}
        given = {key if key in properties else own_keys.get(letters(key), key): item for key, item in given.items()}
        kept = {key: value for key, value in given.items() if key in properties or not self._of_call(key)}
        whole = name not in self._flow.tools and properties.keys() <= kept.keys()
        kept = {key: value for key, value in kept.items() if key in properties or (value is not None and not whole)}
        for key in kept.keys() & properties.keys():
            said = _text(kept[key]).strip().lower()
            kept[key] = next((own for own in properties[key].get("enum", ()) if own.lower() == said), kept[key])
        return kept

    async def _once(
        self, name: str, tool_run: ToolRun, arguments: Mapping[str, str], known: Mapping[str, str]
    ) -> ToolOutcome:
        digest = hashlib.sha256(json.dumps([name, arguments], sort_keys=True).encode()).hexdigest()[:16]
        key = f"{self._call.id}/{name}/{digest}"
        if key not in self._running:
            self.tool_runs.append(tool_run)
            self._running[key] = asyncio.create_task(self._ask(name, tool_run, key, known))
        outcome = await asyncio.shield(self._running[key])
        tool_run.answer = outcome.answer
        return outcome

    async def _ask(self, name: str, tool_run: ToolRun, key: str, known: Mapping[str, str]) -> ToolOutcome:
        hook = self._flow.tools[name]
        look = self._lookup(known)
        saved = await self._webhooks.ask(
            WebhookRequest(
                url=hook.url,
                key=key,
                method=hook.method,
                body={member: render(template, look) for member, template in hook.body.items()},
                headers={header: render(template, look) for header, template in hook.headers.items()},
                save=hook.save,
                timeout_ms=hook.timeout_ms,
                fill=look,
            )
        )
        if saved is None:
            tool_run.answer = "error: it failed; do not try again, tell the caller"
            return ToolOutcome(tool_run.answer)
        self.saved.update(saved)
        tool_run.answer = json.dumps(saved, ensure_ascii=False) if saved else "done"
        return ToolOutcome(tool_run.answer, variables=saved)

    def _lookup(self, known: Mapping[str, str]) -> Callable[[str], str]:
        """What a template may name: facts of the call, which the model cannot change, then its own variables."""
        call = self._call
        facts = {name: str(getattr(call, name)) for name in OF_THE_CALL}
        facts |= {f"var.{name}": value for name, value in call.variables.items()}

        def look(path: str) -> str:
            if self._of_call(path):
                return facts.get(path, "")
            return known.get(path) or self._flow.variables.get(path) or call.variables.get(path, "")

        return look

    def _of_call(self, name: str) -> bool:
        return name in OF_THE_CALL or name.startswith("var.")


def specifications(flow: Flow) -> list[Json]:
    """The tools of a flow, as the chat endpoint wants them."""
    tools = [
        _tool("transfer_to_queue", "Hand the caller to a person in a queue.", {"queue": _one_of(queues(flow))}, ()),
        _tool("hangup", "End the call, after you have said goodbye.", {}),
    ]
    if flow.transfers:
        tools.append(_tool("transfer", "Transfer the caller to an extension.", {"extension": _one_of(flow.transfers)}))
    if flow.variables:
        text = {"type": "string"}
        parameters = {"name": _one_of(tuple(flow.variables)), "value": text}
        tools.append(_tool("set_variable", "Note something for those who come after you.", parameters))
    for name, hook in flow.tools.items():
        templates = (hook.url, *hook.body.values(), *hook.headers.values())
        wanted = [path for template in templates for path in fields(template)]
        own = [path for path in dict.fromkeys(wanted) if path in flow.variables and path not in OF_THE_CALL]
        given = {path: {"type": "string"} for path in own}
        tools.append(_tool(name, hook.about or f"Ask {name.replace('_', ' ')}.", given))
    return tools


def queues(flow: Flow) -> tuple[str, ...]:
    """Queues that the model may send a caller to."""
    return tuple(dict.fromkeys((flow.queue, *flow.queues)))


def _one_of(values: tuple[str, ...]) -> Json:
    return {"type": "string", "enum": list(values)}


def _tool(name: str, description: str, properties: Json, required: Iterable[str] | None = None) -> Json:
    needed = list(properties if required is None else required)
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def misfit(given: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Why arguments do not fit a schema of `specifications`, "" if they do. Numbers are accepted as strings."""
    properties = schema["properties"]
    for name in schema["required"]:
        if given.get(name) is None:
            return f"the argument {name!r} is missing"
    for name, value in given.items():
        if name not in properties:
            return f"there is no argument {name!r}; there are {', '.join(properties) or 'none'}"
        if isinstance(value, dict | list) or value is None:
            return f"the argument {name!r} must be a string"
        allowed = properties[name].get("enum")
        if allowed is not None and _text(value) not in allowed:
            return f"{name!r} must be one of {', '.join(allowed)}"
    return ""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
