"""Requests to speech servers of the Wyoming protocol: blocking, for the engines' threads.

The protocol (github.com/OHF-Voice/wyoming, MIT): events go both ways over a TCP connection. An event is a line of JSON
{"type", "data", "data_length", "payload_length"}, then `data_length` bytes of JSON that are added to "data", then
`payload_length` bytes of audio. One request is one connection: a server keeps nothing of the request before.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..clock import Clock, SystemClock
from ..errors import EngineError
from .listing import base
from .live import Abort

PORT = 10200  # of wyoming-piper; wyoming-faster-whisper has 10300
CONNECT_S = 2.0
INFO_S = 2.0  # for what a server says of itself
MAX_LINE_BYTES = 1 << 20  # the voices of a server, in one line
MAX_ANSWER_BYTES = 20_000_000  # of speech: 3 minutes at 48 kHz
MAX_CODE_CHARS = 40


@dataclass(frozen=True, slots=True)
class WyomingEvent:
    """One event; `payload` is 16-bit audio, little-endian, or empty."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    def encoded(self) -> bytes:
        """The event as it goes over the connection."""
        data = json.dumps(self.data).encode() if self.data else b""
        head = {"type": self.type, "version": "1.0.0", "data_length": len(data), "payload_length": len(self.payload)}
        return json.dumps(head).encode() + b"\n" + data + self.payload


class WyomingServer:
    """One server. `setting` is the name of the setting that holds `url`: tcp://HOST:PORT."""

    def __init__(self, setting: str, url: str, timeout_s: float, clock: Clock | None = None) -> None:
        self._setting, self._url, self._timeout_s = setting, url, timeout_s
        self._clock = clock or SystemClock()

    def check(self) -> None:
        """Raises EngineError if the address is malformed. This does not connect: a server may start later."""
        self._address()

    def languages(self, kind: str) -> tuple[str, ...] | None:
        """ISO 639-1 codes of what the server offers, `kind` "asr" or "tts"; () if it does not say; None: no answer."""
        try:
            told = self.ask([WyomingEvent("describe")], INFO_S)
            info = next((event for event in told if event.type == "info"), WyomingEvent("info"))
            programs = [program for program in info.data.get(kind) or [] if program.get("installed", True)]
            offers = [offer for program in programs for offer in program.get("voices") or program.get("models") or []]
            return tuple(sorted({base(code) for offer in offers for code in offer.get("languages") or []}))
        except EngineError:
            return None
        except (AttributeError, TypeError):
            return ()

    def ask(
        self, events: Iterable[WyomingEvent], limit_s: float | None = None, abort: Abort | None = None
    ) -> Iterator[WyomingEvent]:
        """Send `events`, then yield the answer until it is read or the server closes. Raises EngineError, one line.

        The time limit, that of the server or `limit_s`, is for the whole request; with `abort`, for each event.
        """
        limit_s = limit_s or self._timeout_s
        host, port = self._address()
        until = self._clock.monotonic() + limit_s
        try:
            connection = socket.create_connection((host, port), min(CONNECT_S, limit_s))
            with closing(connection):
                connection.settimeout(limit_s)
                if abort is not None:
                    abort.of(connection)
                connection.sendall(b"".join(event.encoded() for event in events))
                answer = _WyomingAnswer(connection, until, self._clock)
                while (event := answer.event()) is not None:
                    if event.type == "error":
                        raise EngineError(f"the speech server at {host}:{port} answers: {_reason(event)}")
                    yield event
                    if abort is not None:
                        answer.until = self._clock.monotonic() + limit_s
        except TimeoutError:
            raise EngineError(f"the speech server at {host}:{port} takes too long") from None
        except OSError as error:
            mend = f"see that it runs, and that {self._setting} is right"
            reason = error.strerror or type(error).__name__
            raise EngineError(f"the speech server at {host}:{port} cannot be reached ({reason}); {mend}") from None
        except (ValueError, AttributeError, TypeError):
            raise EngineError(f"{host}:{port} does not speak the Wyoming protocol; see {self._setting}") from None

    def silent(self) -> EngineError:
        """The error of a server that closed without the answer."""
        host = urlsplit(self._url).netloc
        return EngineError(f"the speech server at {host} closed without an answer; its log says why")

    def _address(self) -> tuple[str, int]:
        try:
            parts = urlsplit(self._url)
            if parts.scheme == "tcp" and parts.hostname and not parts.path.strip("/"):
                return parts.hostname, parts.port or PORT
        except ValueError:  # a port that is no number
            pass
        raise EngineError(f"{self._setting} '{self._url}' is not the address of a Wyoming server: tcp://HOST:PORT")


def _reason(error: WyomingEvent) -> str:
    """What the server calls its error. Its text may quote what a caller said, or what is said to a caller."""
    code = str(error.data.get("code") or "")
    is_code = 0 < len(code) <= MAX_CODE_CHARS and code.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return f"an error{f', {code}' if is_code else ''}; its log says why"


class _WyomingAnswer:
    """Events as they come over a connection, until a moment in time."""

    def __init__(self, connection: socket.socket, until: float, clock: Clock) -> None:
        self._connection, self.until, self._clock = connection, until, clock
        self._held = bytearray()
        self._received = 0

    def event(self) -> WyomingEvent | None:
        """The next event; None at the end. Raises ValueError for what is none, OSError."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > MAX_LINE_BYTES or not self._receive():
                if self._held:
                    raise ValueError
                return None
        head = json.loads(self._take(end + 1))
        data = head.get("data") or {}
        if length := int(head.get("data_length") or 0):
            data = {**data, **json.loads(self._take(length))}
        return WyomingEvent(str(head["type"]), data, self._take(int(head.get("payload_length") or 0)))

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= MAX_ANSWER_BYTES:
            raise ValueError
        while len(self._held) < count:
            if not self._receive():
                raise ValueError
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _receive(self) -> int:
        left = self.until - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        part = self._connection.recv(1 << 16)
        self._held += part
        self._received += len(part)
        if self._received > MAX_ANSWER_BYTES:
            raise EngineError(f"the speech server's answer is larger than {MAX_ANSWER_BYTES} bytes")
        return len(part)
