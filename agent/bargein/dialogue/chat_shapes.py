"""What other protocols stream, as the choice of a chat completion: {"delta": {...}, "finish_reason": ...}. Pure.

Gateways hand on what a vendor's own endpoint sends: Google (streamGenerateContent), Anthropic (messages), OpenAI
(responses), llama.cpp (completion), Ollama (chat, generate).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
ENVELOPES = ("response", "data", "result")  # members that hold the whole event
SHAPES = ("choices", "candidates", "message")
CUT = ("length", "max_tokens", "MAX_TOKENS", "max_output_tokens")  # finish reasons: the answer was too long
WITHHELD = (  # finish reasons: the server says nothing, or no more
    "content_filter", "refusal", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER", "LANGUAGE",
    "IMAGE_SAFETY", "MALFORMED_FUNCTION_CALL", "guardrail_intervened", "content_filtered",
)  # fmt: skip


def as_choice(event: Json) -> Json:
    """The first choice of an event; {} if it has none."""
    inner = next((event[key] for key in ENVELOPES if _is_event(event.get(key))), event)
    kind = inner.get("type")
    if isinstance(choices := inner.get("choices"), list | Mapping):
        return _first(choices if isinstance(choices, list) else [choices])
    if isinstance(inner.get("candidates"), list):
        return _google(_first(inner["candidates"]))
    if isinstance(blocked := inner.get("promptFeedback"), Mapping) and blocked.get("blockReason"):
        return {"delta": {}, "finish_reason": "SAFETY"}
    if isinstance(kind, str) and (kind.startswith(("content_block", "message_delta")) or kind == "message"):
        return _anthropic(inner, kind)
    if isinstance(kind, str) and kind.startswith("response."):
        return _responses(inner, kind)
    if inner.get("object") == "response" and isinstance(inner.get("output"), list):
        return _response(inner)
    text, message = inner.get("response", inner.get("content")), inner.get("message")
    if "done" in inner or "stop" in inner:
        ended = inner.get("done") is True or inner.get("stop") is True
        delta = message if isinstance(message, Mapping) else {"content": text}
        reason = inner.get("done_reason") or ("length" if inner.get("stop_type") == "limit" else "stop")
        return {"delta": delta, "finish_reason": reason if ended else None}
    return {}


def _is_event(value: Any) -> bool:
    return isinstance(value, Mapping) and any(value.get(key) for key in SHAPES)


def _first(choices: list[Any]) -> Json:
    """The one with the lowest index. A gateway may number what is the only one by the block of its text."""
    found = [choice for choice in choices if isinstance(choice, Mapping)]
    return min(found, key=lambda choice: str(choice.get("index") or 0), default={})


def _google(candidate: Json) -> Json:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return {"delta": {"content": parts}, "finish_reason": candidate.get("finishReason")}


def _anthropic(event: Json, kind: str) -> Json:
    delta = event.get("delta")
    delta = delta if isinstance(delta, Mapping) else {}
    if kind == "message":
        return {"delta": {"content": event.get("content")}, "finish_reason": event.get("stop_reason")}
    if kind == "message_delta":
        return {"delta": {}, "finish_reason": delta.get("stop_reason")}
    if delta.get("type") == "input_json_delta":
        return {"delta": _call(event, {"arguments": delta.get("partial_json")})}
    block = event.get("content_block")
    if isinstance(block, Mapping) and block.get("type") == "tool_use":
        call = {"name": block.get("name"), "arguments": block.get("input") or ""}
        return {"delta": _call(event, call, block.get("id"))}
    return {"delta": {"content": delta or block}}


def _responses(event: Json, kind: str) -> Json:
    item = event.get("item")
    if kind in ("response.output_text.delta", "response.refusal.delta"):
        return {"delta": {"content": event.get("delta")}}
    if kind == "response.output_item.done" and isinstance(item, Mapping) and item.get("type") == "function_call":
        call = {"name": item.get("name"), "arguments": item.get("arguments")}
        return {"delta": _call({"index": event.get("output_index")}, call, item.get("call_id"))}
    ended = kind in ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
    response = event.get("response")
    return {"delta": {}, "finish_reason": _ending(response if isinstance(response, Mapping) else {}) if ended else None}


def _response(response: Json) -> Json:
    """A whole answer, which was not streamed."""
    items = [item for item in response["output"] if isinstance(item, Mapping)]
    calls = [
        {"id": item.get("call_id"), "function": {"name": item.get("name"), "arguments": item.get("arguments")}}
        for item in items
        if item.get("type") == "function_call"
    ]
    contents = [item.get("content") for item in items if item.get("type") == "message"]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return {"delta": {"content": parts, "tool_calls": calls}, "finish_reason": _ending(response)}


def _ending(response: Json) -> str:
    """The finish reason of a response that is over."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    return str(reason or ("length" if response.get("status") == "incomplete" else "stop"))


def _call(event: Json, function: Json, identity: Any = None) -> Json:
    return {"tool_calls": [{"index": event.get("index"), "id": identity, "function": function}]}
