"""What one chat endpoint accepts: learned from its refusals, kept for the life of the process.

Vendors refuse members that others require. A request that is refused is sent again without the refused part; the next
request to the same model leaves it out from the start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .tool_text import read_arguments

Message = dict[str, Any]

CALL_BEGINS = "[the call begins]"
UNHEARD = "[you were about to speak, but the caller cut in before a word was heard]"
LEFT_OUT = "[the beginning of the call is left out here]"
NO_CONTENT = "-"
CHARS_A_TOKEN = 3  # on the safe side: English has 4, other languages fewer
SHORTEST_CONTEXT = 500  # tokens


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is written for one endpoint and model."""

    limit_name: str = "max_tokens"  # the member that limits the answer; "": none
    without: frozenset[str] = frozenset()  # members of the request that are refused
    system_role: str = "system"  # "": instructions go into the first message of the user
    plain_schemas: bool = False  # tool schemas without additionalProperties
    bare_tools: bool = False  # tools without arguments have no parameters at all
    call_content: str | None = ""  # beside tool calls; NO_CONTENT: no member of that name
    object_arguments: bool = False  # of tool calls: an object, not JSON text
    short_ids: bool = False  # of tool calls: nine letters and figures
    named_results: bool = False  # the result of a tool says its name
    told_tools: bool = False  # calls of tools and their results are told in words
    context_tokens: int = 0  # 0: the configured limit

    def body(self, wanted: Mapping[str, Any], messages: Sequence[Message], context_tokens: int) -> dict[str, Any]:
        """The request. `wanted`: its members but `messages`; `max_tokens` is renamed. None leaves a member out."""
        made = {key: value for key, value in wanted.items() if key not in self.without and value is not None}
        if (limit := made.pop("max_tokens", None)) and self.limit_name:
            made.setdefault(self.limit_name, limit)
        if "tools" in made:
            made["tools"] = [self._tool(tool) for tool in made["tools"]]
            if not made["tools"]:
                del made["tools"]
        made["messages"] = self._messages(shortened(messages, self.context_tokens or context_tokens))
        return made

    def _tool(self, tool: Mapping[str, Any]) -> dict[str, Any]:
        function = dict(tool["function"])
        schema = dict(function.get("parameters") or {})
        if self.plain_schemas:
            schema = {key: value for key, value in schema.items() if key != "additionalProperties" and value != []}
            function.pop("strict", None)
        function["parameters"] = schema
        if self.bare_tools and not schema.get("properties"):
            del function["parameters"]
        return {**tool, "function": function}

    def _messages(self, messages: Sequence[Message]) -> list[Message]:
        found = alternating(_told(messages) if self.told_tools else messages)
        if found and found[0]["role"] == "system":
            if self.system_role:
                found[0] = {**found[0], "role": self.system_role}
            else:
                found[:2] = [{"role": "user", "content": "\n\n".join(str(m["content"]) for m in found[:2])}]
        return self._tool_messages(found)

    def _tool_messages(self, messages: Sequence[Message]) -> list[Message]:
        found: list[Message] = []
        names: dict[str, str] = {}
        for message in messages:
            message = dict(message)
            if calls := message.get("tool_calls"):
                message["tool_calls"] = [self._call(call) for call in calls]
                names |= {self._id(call["id"]): call.get("function", {}).get("name", "") for call in calls}
                message["content"] = message["content"] or self.call_content
                if self.call_content == NO_CONTENT:
                    del message["content"]
            elif message["role"] == "tool":
                message["tool_call_id"] = self._id(message["tool_call_id"])
                if self.named_results:
                    message["name"] = names.get(message["tool_call_id"], "")
            found.append(message)
        return found

    def _call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        made = {**call, "id": self._id(call["id"])}
        if self.object_arguments:
            made["function"] = {**call["function"], "arguments": read_arguments(call["function"]["arguments"]) or {}}
        return made

    def _id(self, name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()[:9] if self.short_ids else name

    def after(self, reason: str, body: Mapping[str, Any]) -> Dialect | None:
        """The dialect to try after a refusal of `body` for this reason; None if nothing in it can be changed."""
        text = reason.lower()
        if _says(text, "context", "length|window|size|limit|long|exceed") or _says(
            text, "prompt|input|messages", "too long"
        ):
            used = sum(_tokens(message) for message in body["messages"])
            return replace(self, context_tokens=max(SHORTEST_CONTEXT, used // 2)) if used > SHORTEST_CONTEXT else None
        if self.limit_name and re.search(rf"\bmax_tokens\b|\bmax_completion_tokens\b|\b{self.limit_name}\b", text):
            other = "max_completion_tokens" if self.limit_name == "max_tokens" else ""
            return replace(self, limit_name="" if "too large" in text else other)
        if "additionalproperties" in text or (re.search(r"\bstrict\b", text) and not self.plain_schemas):
            return None if self.plain_schemas else replace(self, plain_schemas=True)
        if "properties" in text and not self.bare_tools and "tools" in body:
            return replace(self, bare_tools=True)
        if (changed := self._tools_after(text)) is not None:
            return changed
        roles = r"system|developer|['\"`]user['\"`] or ['\"`]assistant"
        if self.system_role and re.search(roles, text):
            developer = self.system_role == "system" and re.search(r"use ['\"`]?developer", text)
            return replace(self, system_role="developer" if developer else "")
        for name in sorted(set(body) - {"messages", "model"}, key=len, reverse=True):
            if _names(text, name):
                return replace(self, without=self.without | {name})
        called = any(message.get("tool_calls") for message in body["messages"])  # so tools are accepted
        if "tools" in body and not called and re.search(r"\btools?\b|function.?call", text):
            return replace(self, without=self.without | {"tools", "tool_choice"})
        if "stream" in body and re.search(r"\bstream", text):
            return replace(self, without=self.without | {"stream"})
        return None

    def plainest(self) -> Dialect:
        """The dialect to try after a refusal that names nothing: it says the same with text of two roles only."""
        return replace(self, system_role="", plain_schemas=True, bare_tools=True, told_tools=True)

    def _tools_after(self, text: str) -> Dialect | None:
        """The dialect after a refusal of how tool calls and their results are written."""
        empty = "content" in text and re.search(r"empty|blank|non-empty|at least 1", text)
        if self.call_content != NO_CONTENT and (re.search(r"content or tool_calls.*not both", text) or empty):
            return replace(self, call_content=None if empty and self.call_content == "" else NO_CONTENT)
        if not self.object_arguments and _says(text, "arguments", "object|map|dict|unmarshal string"):
            return replace(self, object_arguments=True)
        if not self.short_ids and _says(text, "tool.?call.?id", "length|letters|alphanumeric|a-z"):
            return replace(self, short_ids=True)
        unnamed = r"\bname\b.{0,30}(?:empty|required|missing)|(?:required|missing).{0,30}\bname\b"
        if not self.named_results and _says(text, "function|tool", unnamed):
            return replace(self, named_results=True)
        return None


def _told(messages: Sequence[Message]) -> list[Message]:
    """Calls of tools and their results in words."""
    found: list[Message] = []
    for message in messages:
        if calls := message.get("tool_calls"):
            made = ", ".join(f"{call['function']['name']} {call['function']['arguments']}" for call in calls)
            message = {"role": "assistant", "content": f"{message.get('content') or ''}\n[called: {made}]".strip()}
        elif message["role"] == "tool":
            message = {"role": "user", "content": f"[the result: {message['content']}]"}
        found.append(message)
    return found


def alternating(messages: Sequence[Message]) -> list[Message]:
    """The same messages so that user and assistant alternate, the user first, and none has null content.

    After the result of a tool comes the assistant: Mistral refuses a user there.
    """
    found: list[Message] = []
    for message in messages:
        message = {**message, "content": message.get("content") or ""}
        role, last = message["role"], found[-1] if found else None
        before = last["role"] if last else "system"
        if role == "assistant" and before == "system":
            found.append({"role": "user", "content": CALL_BEGINS})
        elif role == "user" and before == "tool":
            found.append({"role": "assistant", "content": UNHEARD})
        elif last is not None and role == before and role != "tool" and not last.get("tool_calls"):
            both = f"{last['content']}\n{message['content']}".strip()
            found[-1] = {**last, **message, "content": both}
            continue
        found.append(message)
    return found


def shortened(messages: Sequence[Message], limit_tokens: int) -> list[Message]:
    """The instructions and the newest messages that fit; a tool's result stays with its call."""
    if limit_tokens <= 0 or sum(map(_tokens, messages)) <= limit_tokens:
        return list(messages)
    head = [message for message in messages[:1] if message["role"] == "system"]
    left = limit_tokens - sum(map(_tokens, head))
    rest = list(messages[len(head) :])
    first = len(rest)
    while first > 0 and (left := left - _tokens(rest[first - 1])) >= 0:
        first -= 1
    first = min(first, len(rest) - 1)
    while first < len(rest) - 1 and rest[first]["role"] == "tool":
        first += 1
    if rest[first]["role"] == "tool":  # the newest message: it needs its call
        while first > 0 and rest[first]["role"] == "tool":
            first -= 1
    return [*head, {"role": "user", "content": LEFT_OUT}, *rest[first:]]


def _tokens(message: Mapping[str, Any]) -> int:
    return len(str(message.get("content") or "") + str(message.get("tool_calls") or "")) // CHARS_A_TOKEN + 4


def _says(text: str, one: str, other: str) -> bool:
    return bool(re.search(rf"(?:{one}).{{0,80}}?(?:{other})|(?:{other}).{{0,80}}?(?:{one})", text))


def _names(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<![a-z_]){re.escape(name)}(?![a-z_])", text))
