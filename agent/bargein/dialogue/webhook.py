"""HTTP requests of a dialogue: with a time limit, and once for each key however often a turn is replayed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from .expression import render

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One request. `url` may have fields, which are filled in and escaped; `key` names the deed, not the attempt."""

    url: str
    key: str
    method: str = "POST"
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)  # variable -> path in the JSON answer, "order.id"
    timeout_ms: int = 3000
    fill: Callable[[str], str] = lambda path: ""


class Webhooks:
    """The requests of one call. A request goes on when the reply that made it is dropped: what is asked is not undone,
    and the same deed asked again gets the same answer."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._deeds: dict[str, asyncio.Task[dict[str, str] | None]] = {}

    async def ask(self, request: WebhookRequest) -> dict[str, str] | None:
        """What the request saves from the answer; None if it failed: too slow, unreachable, or no 2xx."""
        deed = self._deeds.get(request.key)
        if deed is None:
            deed = self._deeds[request.key] = asyncio.create_task(self._perform(request))
        return await asyncio.shield(deed)

    async def _perform(self, request: WebhookRequest) -> dict[str, str] | None:
        url = render(request.url, lambda path: quote(request.fill(path), safe=""))
        headers = {**request.headers, "Idempotency-Key": request.key}
        send = {"params": request.body} if request.method == "GET" else {"json": request.body}
        try:
            async with (
                asyncio.timeout(request.timeout_ms / 1000),
                httpx.AsyncClient(transport=self._transport, timeout=None) as client,
                client.stream(request.method, url, headers=headers, **send) as answer,  # type: ignore[arg-type]
            ):
                answer.raise_for_status()
                data = await _json(answer) if request.save else {}
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            log.warning("webhook %s failed: %s", request.url, type(error).__name__)
            return None
        return {name: _text(data, path) for name, path in request.save.items()}


async def _json(answer: httpx.Response) -> Any:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too large")
    return json.loads(body)


def _text(data: Any, path: str) -> str:
    for name in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(name)
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return ""
    if data is None or isinstance(data, dict | list):
        return ""
    return str(data).lower() if isinstance(data, bool) else str(data)
