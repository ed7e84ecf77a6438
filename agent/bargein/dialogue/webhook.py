"""HTTP requests of a dialogue: each with a time limit, and once for each key however often a turn is planned again."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from . import http_client
from .expression import render

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One request. `url` may have fields, which are filled in and escaped; `key` names the action, not the attempt."""

    url: str
    key: str
    method: str = "POST"
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)  # variable -> path in the JSON answer, "order.id"
    timeout_ms: int = 3000
    fill: Callable[[str], str] = lambda path: ""


class _Failed(Exception):
    """Why a request failed, without anything of the caller."""


class Webhooks:
    """The requests of one call. A request goes on when the reply that made it is dropped: it cannot be undone, and the
    same key gets the same answer."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._own = http_client.new_client(transport) if transport is not None else None
        self._started: dict[str, asyncio.Task[dict[str, str] | None]] = {}

    async def ask(self, request: WebhookRequest) -> dict[str, str] | None:
        """What the request saves from the answer; None if it failed: too slow, unreachable, or no 2xx."""
        request_task = self._started.get(request.key)
        if request_task is None:
            request_task = self._started[request.key] = asyncio.create_task(self._perform(request))
        return await asyncio.shield(request_task)

    async def _perform(self, request: WebhookRequest) -> dict[str, str] | None:
        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                data = await self._send(request)
            return {name: _text(data, path) for name, path in request.save.items()}
        except TimeoutError:
            reason = f"no answer within {request.timeout_ms} ms"
        except _Failed as error:
            reason = str(error)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            reason = f"it cannot be reached ({type(error).__name__})"
        log.warning("webhook %s failed: %s", request.url, reason)
        return None

    async def _send(self, request: WebhookRequest) -> Any:
        url = httpx.URL(filled(request.url, request.fill))
        more: dict[str, Any] = {}
        if request.method == "GET":
            url = url.copy_merge_params(dict(request.body)) if request.body else url
        else:
            more["json"] = request.body
        headers = {**request.headers, "Idempotency-Key": quote(request.key)}
        encoded = [(name.encode(), _header(value)) for name, value in headers.items()]
        client = self._own or http_client.client()
        async with client.stream(request.method, url, headers=encoded, **more) as answer:
            if answer.is_redirect:
                raise _Failed(
                    f"it redirects ({answer.status_code}); write the address that it redirects to in the flow"
                )
            if not answer.is_success:
                raise _Failed(f"it answers {answer.status_code}")
            if not request.save:
                return {}
            return _json(await _read(answer), request.url)


def filled(template: str, fill: Callable[[str], str]) -> str:
    """The URL with its fields escaped. Raises _Failed if a field would change its host or fold its path."""
    url = render(template, lambda path: quote(fill(path), safe=""))
    fixed, made = urlsplit(render(template, lambda path: "x")), urlsplit(url)
    if made.netloc != fixed.netloc:
        raise _Failed("a field may not be a part of the host")
    segments = zip(fixed.path.split("/"), made.path.split("/"), strict=False)
    if any(unquote(now) in (".", "..") and now != before for before, now in segments):
        raise _Failed("a field of the path is '.' or '..'")
    return url


def _header(value: str) -> bytes:
    """A header's value as UTF-8, without line ends: a value from the caller cannot add headers."""
    return re.sub(r"[\x00-\x08\x0a-\x1f\x7f]+", " ", value).strip().encode()


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise _Failed(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _json(body: bytes, url: str) -> Any:
    if not body.strip():
        log.warning("webhook %s: the answer has no content, so what it saves is empty", url)
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _Failed("the answer is not JSON, which save: needs") from None


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
