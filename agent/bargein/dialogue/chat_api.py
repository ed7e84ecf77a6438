"""The OpenAI-compatible chat endpoint: one streamed completion as text and tool calls.

Server-sent events as in https://platform.openai.com/docs/api-reference/chat-streaming: lines `data: {json}`, the last
`data: [DONE]`; tool calls come in fragments that are told apart by their index.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ..errors import EngineError

MAX_LINE = 1_000_000  # characters of one event


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls; `arguments` is JSON text as it wrote it."""

    id: str
    name: str
    arguments: str


_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = weakref.WeakKeyDictionary()


def client() -> httpx.AsyncClient:
    """The client of this event loop, shared by all calls so that connections stay open between turns."""
    loop = asyncio.get_running_loop()
    found = _clients.get(loop)
    if found is None or found.is_closed:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=60)
        found = _clients[loop] = httpx.AsyncClient(timeout=None, limits=limits)
    return found


async def close() -> None:
    """Close the connections of this event loop."""
    found = _clients.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()


async def complete(
    url: str,
    key: str,
    body: Mapping[str, Any],
    *,
    pause_s: float,
    http: httpx.AsyncClient | None = None,
) -> AsyncGenerator[Text | ToolCall]:
    """Stream one completion. `pause_s`: the longest time without anything new.

    Tool calls come at the end, whole. Closing the iterator closes the request. Raises EngineError when the server
    cannot be reached, refuses, stalls, breaks off or sends what is no completion.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    calls: dict[int, dict[str, str]] = {}
    done = False
    try:
        async with asyncio.timeout(pause_s) as limit:
            address = f"{url.rstrip('/')}/chat/completions"
            request = (http or client()).stream("POST", address, json={**body, "stream": True}, headers=headers)
            async with request as response:
                if response.status_code >= 400:
                    raise EngineError(f"the language model's server answers {response.status_code}")
                async for line in response.aiter_lines():
                    data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                    if not data or len(data) > MAX_LINE:
                        continue
                    if data == "[DONE]":
                        done = True
                        break
                    delta, ended = _delta(data)
                    done = done or ended
                    _gather(calls, delta.get("tool_calls") or ())
                    text = delta.get("content")
                    if isinstance(text, str) and text:
                        limit.reschedule(None)  # how long the consumer takes is no fault of the server
                        yield Text(text)
                    limit.reschedule(asyncio.get_running_loop().time() + pause_s)
    except TimeoutError:
        raise EngineError("the language model takes too long") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise EngineError(f"the language model cannot be reached: {type(error).__name__}") from None
    if not done:
        raise EngineError("the language model broke off")
    for index in sorted(calls):
        call = calls[index]
        yield ToolCall(call["id"] or f"call_{index}", call["name"], call["arguments"])


def _delta(data: str) -> tuple[Mapping[str, Any], bool]:
    """What one event adds, and whether the completion is finished with it."""
    try:
        event = json.loads(data)
        if "error" in event:
            raise EngineError("the language model reports an error")
        choices = event.get("choices") or [{}]
        choice = choices[0]
        return choice.get("delta") or {}, choice.get("finish_reason") is not None
    except (ValueError, TypeError, AttributeError, LookupError):
        raise EngineError("the language model sends what is no chat completion") from None


def _gather(calls: dict[int, dict[str, str]], parts: Sequence[Any]) -> None:
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        call = calls.setdefault(int(part.get("index") or 0), {"id": "", "name": "", "arguments": ""})
        function = part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""
