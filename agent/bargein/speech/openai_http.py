"""Requests to speech servers that speak OpenAI's protocol (/v1/audio/...): blocking, for the engines' threads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..errors import EngineError
from .live import Abort

MAX_ANSWER_BYTES = 20_000_000  # of speech: 3 minutes at 48 kHz
MAX_REASON_CHARS = 200


class SpeechServer:
    """One server. `url` is its base, as for chat: http://127.0.0.1:8000/v1; a query (Azure's api-version) is kept."""

    def __init__(self, setting: str, url: str, key_env: str, timeout_s: float) -> None:
        self._setting, self._url, self._key_env = setting, url, key_env
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(2.0, timeout_s)), headers={"Accept-Encoding": "identity"}
        )

    def check(self) -> None:
        """Raises EngineError if the address is malformed. This does not connect: a server may start later."""
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineError(f"{self._setting} '{self._url}' is not an address: set it to http://HOST:PORT/v1")

    def post(self, path: str, **of: Any) -> httpx.Response:
        """The answer, read whole. Raises Refused for an error status, EngineError if there is no answer."""
        with self.opened(path, Abort(), **of) as answer:
            return httpx.Response(
                answer.status_code,
                headers={"content-type": answer.headers.get("content-type", "")},
                content=b"".join(self.parts(answer)),
            )

    @contextmanager
    def opened(self, path: str, abort: Abort, **of: Any) -> Iterator[httpx.Response]:
        """The answer, to be read with `parts`. Raises Refused for an error status, EngineError if there is none."""
        parts = urlsplit(self._url)
        address = parts._replace(path=parts.path.rstrip("/") + path, fragment="").geturl()
        key = os.environ.get(self._key_env, "").strip() if self._key_env else ""
        headers = {"Authorization": f"Bearer {key}", "api-key": key} if key else {}
        if key and not (parts.hostname or "").endswith("azure.com"):
            del headers["api-key"]
        try:
            with self._client.stream("POST", address, headers=headers, **of) as answer:
                stream = answer.extensions.get("network_stream")
                abort.of(stream.get_extra_info("socket") if stream is not None else None)
                if answer.status_code >= 300:
                    reason = _reason(b"".join(self.parts(answer)))
                    sent = str(of.get("json", {}).get("input", "")).split()
                    quotes = any(word in reason for word in sent if len(word) > 2)  # a name or number, perhaps
                    told = "no reason given here, since it quotes the text; its log says why" if quotes else reason
                    raise Refused(f"the speech server at {parts.hostname} answers {answer.status_code}: {told}", reason)
                try:
                    yield answer
                finally:
                    abort.of(None)
        except httpx.TimeoutException:
            raise EngineError(f"the speech server at {parts.hostname} takes too long") from None
        except httpx.RemoteProtocolError:
            raise BrokenOff(f"the speech server at {parts.hostname} breaks off its answer; its log says why") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            mend = f"see that it runs, and that {self._setting} is right"
            raise EngineError(
                f"the speech server at {parts.hostname} cannot be reached ({type(error).__name__}); {mend}"
            ) from None

    def parts(self, answer: httpx.Response) -> Iterator[bytes]:
        """The body as it comes. Raises EngineError if it is too large."""
        count = 0
        for part in answer.iter_bytes():
            count += len(part)
            if count > MAX_ANSWER_BYTES:
                host = urlsplit(self._url).hostname
                raise EngineError(f"{host}: the answer is larger than {MAX_ANSWER_BYTES} bytes")
            yield part


class BrokenOff(EngineError):
    """The answer ends before its end."""


class Refused(EngineError):
    """The server answers with an error status. The message has its `reason`, unless that quotes what we sent."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def _reason(body: bytes) -> str:
    """The server's reason."""
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text)
        error = value.get("error", value.get("detail", value))
        text = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError):
        pass
    return " ".join(text.split())[:MAX_REASON_CHARS] or "no reason given"
