"""What the events of a streamed chat completion mean. Pure; accepts the variations of the vendors.

The common form is that of https://platform.openai.com/docs/api-reference/chat-streaming. Known variations: content as a
list of parts (Mistral, Anthropic), reasoning in fields of its own (DeepSeek, vLLM, OpenRouter), tool calls without an
index (Ollama, Gemini) or all with index 0 (vLLM, SGLang), arguments as an object (llama.cpp, TGI), or each time all so
far, `function_call` (the form before tools), tool calls as parts of the content, a whole `message` in place of a
`delta`, usage events without choices, errors inside the stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.language.sentences import QUOTED_ENDS
from ..errors import EngineError
from .chat_shapes import as_choice
from .tool_text import given_to

TEXTS = ("text", "output_text", "input_text", "text_delta", "refusal")  # types of parts
THOUGHTS = ("reasoning", "thinking", "thought", "analysis")  # roles
DEEPEST = 16  # lists of parts in one another
MAX_CALLS = 16  # tool calls in one completion; more are dropped
MAX_ARGUMENTS_CHARS = 32_000


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls. `arguments` is JSON text as the model wrote it.

    `extra` holds members that the vendor wants back unchanged (Gemini: `extra_content` with a thought signature).
    """

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a completion. `reason` in the words of the vendor: stop, length, tool_calls, content_filter, ..."""

    reason: str


class ModelError(EngineError):
    """The server reports an error in place of an answer. `reason` is the server's text; it may quote the request."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the language model reports an error: {reason}")
        self.reason = reason


@dataclass(slots=True)
class _Call:
    index: object
    id: str
    name: str = ""
    arguments: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Completion:
    """Gathers one completion from its events."""

    def __init__(self) -> None:
        self.finish = ""  # the reason that the server gave, "" while it has given none
        self.chars = 0  # of text so far
        self.ended = False  # the last event had an empty reason: some servers send "" for "stop"
        self._calls: list[_Call] = []
        self._half = ""  # the first half of a character of two halves, whose second half comes with the next event
        self._last = ""  # the last character that is no space

    @property
    def is_whole(self) -> bool:
        """Whether what came may be all: some servers end the stream without saying so. A sentence, or whole calls."""
        called = bool(self._calls) and all(call.name and _whole(call.arguments) for call in self._calls)
        return called or (not self._calls and self._last in QUOTED_ENDS)

    def feed(self, event: Any) -> Iterator[Text]:
        """The text in one event. Skips what cannot be used. Raises ModelError for an error event."""
        if not isinstance(event, Mapping):
            return
        if reason := error_reason(event) or _failed(event.get("response")) or _failed(event):
            raise ModelError(reason)
        choice = as_choice(event)
        delta = choice.get("delta")
        if not isinstance(delta, Mapping):
            delta = choice.get("message") or event.get("message") or {}
            delta = self._unsaid(delta if isinstance(delta, Mapping) else {})
        delta = {**delta, "content": None} if _is_thought(delta) else delta
        texts = [text_of(delta.get("content")) or text_of(delta.get("refusal")) or text_of(choice.get("text"))]
        self._gather(delta)
        if self.finish and not any(texts):
            return  # usage and other trailers
        self.ended = choice.get("finish_reason") == "" and bool(choice)
        finish = choice.get("finish_reason")
        self.finish = str(finish) if finish not in (None, "", "null") else self.finish
        for text in map(self._characters, texts):
            if text:
                self.chars += len(text)
                self._last = text.rstrip()[-1:] or self._last
                yield Text(text)

    def _characters(self, text: str) -> str:
        """The text with the halves of one character joined, which may come in two events."""
        if text.isascii() and not self._half:
            return text
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return whole_characters(text.removesuffix(self._half))

    def calls(self) -> list[ToolCall]:
        """The tool calls, once the stream has ended. Each has an id that no other call of it has."""
        made: list[ToolCall] = []
        for number, call in enumerate(self._calls):
            called = call.name.strip().removeprefix("functions.")
            if not called:
                continue
            known = {other.id for other in made}
            name = call.id if call.id and call.id not in known else f"call{number:05}"  # 9 letters: Mistral's rule
            made.append(ToolCall(name, called, whole_characters(call.arguments), call.extra))
        return made

    def _unsaid(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """A whole message: only what no delta has brought yet."""
        text = text_of(message.get("content"))
        have = self.chars
        return {**message, "content": text[have:], "tool_calls": None if self._calls else message.get("tool_calls")}

    def _gather(self, delta: Mapping[str, Any]) -> None:
        parts, content = delta.get("tool_calls") or delta.get("toolCalls"), delta.get("content")
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, Mapping):
                self._add(part, part.get("function"))
        for part in content if isinstance(content, list) else []:
            if isinstance(part, Mapping) and part.get("type") in ("tool_use", "tool_call", "function_call"):
                self._add(part, part.get("function"))
            elif isinstance(part, Mapping) and isinstance(part.get("functionCall"), Mapping):  # Google
                self._calls.append(_Call(None, ""))
                self._add({}, part["functionCall"])
        if isinstance(legacy := delta.get("function_call"), Mapping):
            self._add({"index": "function_call"}, legacy)

    def _add(self, part: Mapping[str, Any], function: Any) -> None:
        function = function if isinstance(function, Mapping) else part  # some leave the inner object out
        index, wanted = part.get("index"), part.get("id")
        identity = str(wanted) if wanted not in (None, "") else ""
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        arguments = given_to(function)
        call = self._continued(index, identity, name)
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                return
            call = _Call(index, identity)
            self._calls.append(call)
        call.id = call.id or identity
        if name != call.name:
            call.name += name
        if isinstance(arguments, Mapping | list):
            call.arguments = json.dumps(arguments, ensure_ascii=False)
        elif isinstance(arguments, str) and len(call.arguments) <= MAX_ARGUMENTS_CHARS:
            placeholder = call.arguments in ("{}", "null") and arguments.lstrip()[:1] == "{"
            grown = call.arguments and arguments.startswith(call.arguments)  # some send all so far again
            call.arguments = arguments if placeholder or grown else call.arguments + arguments
        call.extra.update({key: value for key, value in part.items() if key == "extra_content"})

    def _continued(self, index: object, identity: str, name: str) -> _Call | None:
        """The call that a fragment continues; None if it begins a new one: at a new id, a new index, or a new name."""
        if self._calls and not (identity or name) and all(call.index != index for call in self._calls):
            return self._calls[-1]  # arguments under an index that nothing began
        same_id = [call for call in self._calls if identity and call.id == identity]
        if same_id:
            return same_id[-1] if index is None or same_id[-1].index == index else None
        at = [call for call in self._calls if index is not None and call.index == index]
        recent = self._calls[-1] if self._calls and index is None else None
        last = at[-1] if at else recent
        if last is None or (identity and last.id):
            return None
        again = name and last.name and ((name != last.name and last.arguments) or _whole(last.arguments))
        return None if again and not identity else last


def whole_characters(text: str) -> str:
    """The text with two halves of a character (surrogates) joined, and a half that stands alone replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def error_reason(event: Mapping[str, Any]) -> str:
    """The reason of an error event or body, "" if it is none. Vendors: {"error": {"message"}}, {"error": "text"},
    {"object": "error", "message"} (vLLM), {"detail": ...} (FastAPI), {"type": "error"} (Anthropic)."""
    error = event.get("error")
    if isinstance(error, Mapping) and not any(error.values()):
        error = None  # {"code": 0, "message": ""}
    named = event.get("object") == "error" or event.get("type") == "error"
    if not error and not named and ("choices" in event or not event.get("detail")):
        return ""
    found = error or event.get("message") or event.get("detail") or "no reason given"
    if isinstance(found, Mapping):
        message = found.get("message") or found.get("detail") or found
        more = " ".join(str(found[key]) for key in ("code", "type", "param") if found.get(key))
        found = f"{message if isinstance(message, str) else json.dumps(message)} {f'({more})' if more else ''}"
    return " ".join((found if isinstance(found, str) else json.dumps(found)).split()) or "no reason given"


def _is_thought(delta: Mapping[str, Any]) -> bool:
    """Whether all of a delta is reasoning: by its role, or by Gemini's mark."""
    extra = delta.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return delta.get("role") in THOUGHTS or (isinstance(google, Mapping) and google.get("thought") is True)


def _failed(response: Any) -> str:
    """Why a response of OpenAI's failed; "" if it did not."""
    if not isinstance(response, Mapping) or response.get("status") not in ("failed", "cancelled"):
        return ""
    return error_reason(response) or f"the response {response['status']}"


def text_of(content: Any, depth: int = 0) -> str:
    """Text of a content: a string, or a list of parts of which those of reasoning are left out."""
    if isinstance(content, str):
        return content
    if depth > DEEPEST:
        return ""
    if isinstance(content, list):
        return "".join(text_of(part, depth + 1) for part in content)
    if isinstance(content, Mapping) and isinstance(content.get("parts"), list):
        return text_of(content["parts"], depth + 1)
    if isinstance(content, Mapping) and content.get("type", "text") in TEXTS and content.get("thought") is not True:
        found = content.get("text", content.get("refusal"))
        return text_of(found.get("value") if isinstance(found, Mapping) else found, depth + 1)
    return ""


def _whole(arguments: str) -> bool:
    """Whether the arguments are a whole JSON object already."""
    try:
        return isinstance(json.loads(arguments, strict=False), dict)
    except ValueError:
        return False
