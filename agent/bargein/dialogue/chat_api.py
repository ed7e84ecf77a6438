"""The OpenAI-compatible chat endpoint: one streamed completion as text and tool calls.

An endpoint is a URL and a model. What it refuses is learned once (`chat_dialect`); what it sends is read by
`event_stream` and `chat_events`. Failures carry the server's reason, without the callers' words.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from ..errors import EngineError
from . import http_client
from .chat_dialect import Dialect, Message
from .chat_events import Completion, Ended, ModelError, Text, ToolCall, error_reason
from .chat_shapes import WITHHELD
from .event_stream import DONE, EventStream

log = logging.getLogger(__name__)

MAX_STREAM_BYTES = 4_000_000  # read of one answer, reasoning included
MAX_TEXT_CHARS = 12_000  # of what is said: more than ten minutes of speech
MAX_ERROR_BYTES = 16_000
MAX_REASON_CHARS = 300
EVENTS_A_TURN = 10  # then other calls get the event loop
AFTER_FINISH_S = 0.3  # for "[DONE]" to come after the finish reason; some servers never send it
CHANGES = 6  # how often a request may be sent again, each time without one refused part
RETRY_AT_MOST_S = 1.5  # a longer Retry-After is a failure: the caller waits
UNMENDED = (401, 402, 407)  # a key, an account: no other form of the request helps
UNNAMED = (400, 422)  # what is wrong with the request may not be said
TEMPLATE = re.compile(r"template|jinja|\broles?\b", re.I)  # what llama.cpp and others fail in, with status 500
BUSY = (429, 502, 503, 504, 529)


class LlmSettings(Protocol):
    """The settings of an endpoint: section `[llm]` of the configuration."""

    @property
    def url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...
    @property
    def api_key_header(self) -> str: ...
    @property
    def temperature(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def extra(self) -> str: ...
    @property
    def first_token_ms(self) -> int: ...
    @property
    def timeout_ms(self) -> int: ...
    @property
    def preemptive(self) -> bool: ...


_dialects: dict[tuple[str, str], Dialect] = {}


class _RequestRefused(EngineError):
    """The server answers with an error status or an error body. `reason` may quote the request."""

    def __init__(self, status: int, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s


async def complete(
    settings: LlmSettings,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]] = (),
    *,
    private: str = "",
    http: httpx.AsyncClient | None = None,
) -> AsyncGenerator[Text | ToolCall | Ended]:
    """Stream one completion. Tool calls come at the end, whole. Closing the iterator closes the request.

    `private`: words that no error may repeat, besides those of the messages. Raises EngineError, one line, when the
    server cannot be reached, refuses, stalls, breaks off or sends no chat completion.
    """
    place = (settings.url, settings.model)
    hidden = " ".join(
        [private, *(str(message.get("content") or "") for message in messages if message["role"] != "system")]
    )
    retried = False
    plainest: Dialect | None = None  # tried after a refusal that names nothing, kept if it is accepted
    for _ in range(CHANGES + 2):
        dialect = plainest or _dialects.get(place, Dialect())
        body = dialect.body(_members(settings, tools), messages, settings.context_tokens)
        started = False
        try:
            async with aclosing(_attempt(settings, body, http or http_client.client())) as answer:
                async for event in answer:
                    started = True
                    yield event
            if plainest is not None:
                _dialects[place] = plainest
            return
        except _RequestRefused as refusal:
            reason = f"{refusal.status}: {clean_reason(refusal.reason, hidden, _key(settings))}"
            mended = not started and plainest is None and 400 <= refusal.status not in (*UNMENDED, *BUSY)
            changed = dialect.after(refusal.reason, body) if mended else None
            if changed is not None and changed != dialect:
                log.warning("the language model's server refuses a part of the request, it is left out (%s)", reason)
                _dialects[place] = changed
                continue
            formal = refusal.status in UNNAMED or (refusal.status == 500 and TEMPLATE.search(refusal.reason))
            if mended and formal and dialect != dialect.plainest():
                log.warning("the language model's server refuses the request, it is sent in plainer form (%s)", reason)
                plainest = dialect.plainest()
                continue
            wait_s = refusal.retry_after_s if refusal.retry_after_s is not None else 0.3
            if refusal.status in BUSY and not retried and not started and wait_s <= RETRY_AT_MOST_S:
                retried = True
                await asyncio.sleep(wait_s)
                continue
            raise EngineError(f"the language model's server answers {reason}") from None
        except ModelError as error:
            reason = clean_reason(error.reason, hidden, _key(settings))
            raise EngineError(f"the language model reports an error: {reason}") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            if isinstance(error, httpx.TimeoutException):
                raise EngineError("the language model takes too long") from None
            if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) and not retried and not started:
                retried = True  # an idle connection that the server closed just now
                continue
            if started:
                raise EngineError(f"the language model broke off: {type(error).__name__}") from None
            raise EngineError(f"the language model cannot be reached: {type(error).__name__}") from None
    raise EngineError("the language model's server refuses every form of the request")


async def _attempt(
    settings: LlmSettings, body: Mapping[str, Any], http: httpx.AsyncClient
) -> AsyncGenerator[Text | ToolCall | Ended]:
    """One request. Raises _RequestRefused, ModelError, EngineError, httpx errors."""
    pause_s = settings.first_token_ms / 1000
    completion = Completion()
    request = http.stream(
        "POST", address(settings.url), json=body, headers=_headers(settings), timeout=httpx.Timeout(pause_s)
    )
    async with request as response:
        if response.status_code >= 300:
            raise await _refusal(response)
        finished = False
        async with aclosing(_events(response, completion)) as events:
            async for event in events:
                if event is DONE:
                    finished = True
                    break
                if isinstance(event, Mapping) and not completion.chars and (reason := error_reason(event)):
                    raise _RequestRefused(_status(event), reason)
                for text in completion.feed(event):
                    yield text
                if completion.chars > MAX_TEXT_CHARS:
                    log.warning("the language model says more than %d characters; the rest is not read", MAX_TEXT_CHARS)
                    yield Ended("length")
                    return
    calls = completion.calls()
    if completion.finish in WITHHELD and not completion.chars and not calls:
        raise EngineError("the language model's answer was withheld by a content filter")
    if not (finished or completion.finish or completion.ended or completion.is_whole):
        raise EngineError("the language model broke off")
    for call in calls:
        yield call
    yield Ended(completion.finish)


async def _events(response: httpx.Response, completion: Completion) -> AsyncGenerator[Any]:
    """JSON values of the answer. Gives the event loop to other calls now and then, however fast they come."""
    chunks = response.aiter_bytes()
    stream, read, count = EventStream(), 0, 0
    if response.headers.get("content-type", "").split(";")[0].strip() == "application/json":
        data = await _read(chunks, MAX_STREAM_BYTES)
        values = _whole(data) or [*stream.feed(data), *stream.end()]  # a server that does not stream, or says so
        for value in values:
            yield value
        if not values:
            raise _no_completion(response, data)
        return
    first = b""
    while True:
        try:
            async with asyncio.timeout(AFTER_FINISH_S if completion.finish else None):
                chunk = await anext(chunks, None)
        except TimeoutError:
            return
        read += len(chunk or b"")
        first += chunk or b"" if not count else b""
        if read > MAX_STREAM_BYTES:
            raise EngineError(f"the language model sends more than {MAX_STREAM_BYTES} bytes")
        for value in stream.feed(chunk) if chunk is not None else stream.end():
            if value is DONE and not count:
                raise _no_completion(response, first)
            yield value
            count += 1
            if count % EVENTS_A_TURN == 0:
                await asyncio.sleep(0)
        if chunk is None:
            whole = [] if count else _whole(first)
            for value in whole:
                yield value
            if not (count or whole):
                raise _no_completion(response, first)
            return


def _no_completion(response: httpx.Response, data: bytes) -> _RequestRefused:
    """An answer in which nothing is JSON: the page of a proxy, a message, nothing."""
    text = data[:MAX_ERROR_BYTES].decode("utf-8", "replace")
    words = _plain(re.sub(r"(?m)^data:|\[DONE\]", "", text))
    kind = response.headers.get("content-type", "").partition(";")[0] or "no type"
    return _RequestRefused(response.status_code, f"no chat completion but {kind}: {words or 'empty'}; check [llm] url")


def _whole(data: bytes) -> list[Any]:
    """The one JSON value that the bytes are, in a list, or the values of a JSON array; [] if they are none."""
    try:
        value = json.loads(data)
        return value if isinstance(value, list) else [value]
    except (ValueError, RecursionError):
        return []


async def _read(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) >= limit:
            break
    return bytes(data[:limit])


async def _refusal(response: httpx.Response) -> _RequestRefused:
    status = response.status_code
    if status < 400:
        host = urlsplit(response.headers.get("location", "")).netloc
        return _RequestRefused(
            status, f"the server redirects{f' to {host}' if host else ''}; set [llm] url to where it redirects"
        )
    text = (await _read(response.aiter_bytes(), MAX_ERROR_BYTES)).decode("utf-8", "replace")
    try:
        value = json.loads(text)
        value = value[0] if isinstance(value, list) and value else value
        reason = error_reason(value) if isinstance(value, Mapping) else text
        reason = reason or text
    except ValueError:
        reason = _plain(text)
    try:
        wait_s: float | None = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        wait_s = None
    return _RequestRefused(status, reason, wait_s)


def _plain(text: str) -> str:
    """The words of an HTML page, or of any other text."""
    return " ".join(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S | re.I).split())


def _status(event: Mapping[str, Any]) -> int:
    """The status of an error that came with status 200."""
    error = event.get("error")
    code = error.get("code") if isinstance(error, Mapping) else event.get("code")
    return int(str(code)) if str(code).isdecimal() and 400 <= int(str(code)) < 600 else 400


# ------------------------------------------------------------------------ the request


def address(url: str) -> str:
    """The address to post to: /chat/completions added to the path, the query (Azure's api-version) kept."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/chat/completions") else f"{path}/chat/completions"
    return parts._replace(path=path, fragment="").geturl()


def _members(settings: LlmSettings, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {
        "model": settings.model,
        "stream": True,
        "temperature": settings.temperature if settings.temperature >= 0 else None,
        "max_tokens": settings.max_tokens or None,
        "tools": list(tools),
    }
    return {**members, **(json.loads(settings.extra) if settings.extra else {})}


def _key(settings: LlmSettings) -> str:
    return os.environ.get(settings.api_key_env, "").strip() if settings.api_key_env else ""


def _headers(settings: LlmSettings) -> dict[str, str]:
    key = _key(settings)
    if not key:
        return {}
    return {settings.api_key_header: f"Bearer {key}" if settings.api_key_header.lower() == "authorization" else key}


# ------------------------------------------------------------------------- the reason

_COMMON = frozenset(
    """
    the and are for not you your use this that with does was but can must has have from only one see into please there
    here when which what will its all any may should than then they model models message messages content role roles
    user assistant system tool tools call calls function parameter parameters value values invalid unsupported supported
    support error request response token tokens type
    """.split()  # noqa: SIM905
)


def clean_reason(reason: str, hidden: str, key: str = "") -> str:
    """A server's reason, fit for a log: one short line, without the key and without words of `hidden`.

    Servers quote the request in their errors. Replaced is every word of three letters or more and every number that
    occurs in `hidden`, unless such reasons are made of it; and any three words in a row that occur there.
    """
    if key:
        reason = reason.replace(key, "***")
    reason = re.sub(r"\b(?:sk|key|gsk|pk)-[\w*.-]{4,}", "***", reason)
    known = {word.lower() for word in re.findall(r"\w+", hidden)}
    words = {word for word in known if len(word) > 2 or word.isdigit()} - _COMMON
    parts = re.split(r"(\w+)", reason)  # words at the odd places
    quoted = [word.lower() in known for word in parts[1::2]]
    runs = {at + i for at in range(len(quoted) - 2) if all(quoted[at : at + 3]) for i in range(3)}
    for number, word in enumerate(parts[1::2]):
        if number in runs or word.lower() in words:
            parts[2 * number + 1] = "..."
    cleaned = "".join(parts)
    cleaned = " ".join(re.sub(r"(?:\.\.\.[\W_]*){2,}", "... ", cleaned).split())
    return cleaned if len(cleaned) <= MAX_REASON_CHARS else cleaned[: MAX_REASON_CHARS - 3] + "..."
