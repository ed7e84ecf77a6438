"""FastAGI as a pure codec: bytes in, request and replies out; commands out as bytes.

Asterisk connects, writes its request (`agi_name: value` lines up to an empty one), then answers each command line
with one reply. See res/res_agi.c and https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

MAX_LINE_BYTES = 4096
MAX_REQUEST_LINES = 160  # about 25 of Asterisk's own and 128 arguments
MAX_REQUEST_BYTES = 65_536
MAX_USAGE_LINES = 100  # of a 520 reply
MAX_COMMAND_BYTES = 2047  # AGI_BUF_LEN of res_agi.c, less its NUL

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:/-]+")
_REPLY = re.compile(r"(\d{3})(?: (.*))?", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(?: (.*))?", re.DOTALL)
_END_OF_USAGE = "520 End of proper usage."


class AgiError(ValueError):
    """The peer does not speak AGI, or too much of it. The message holds nothing that the peer sent."""


@dataclass(frozen=True, slots=True)
class AgiRequest:
    """What Asterisk says of a call. `fields` has no prefix: `callerid`, `extension`, `arg_1`, `network_script`."""

    fields: Mapping[str, str]

    @property
    def script(self) -> str:
        """The path of `agi://host/PATH?query`."""
        return self.fields.get("network_script", "").partition("?")[0]

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query of the URL, percent-decoded, in order."""
        text = self.fields.get("network_script", "").partition("?")[2]
        return tuple(parse_qsl(text, keep_blank_values=True))

    def known(self, name: str) -> str:
        """A field, or "" where Asterisk writes `unknown`."""
        value = self.fields.get(name, "")
        return "" if value == "unknown" else value


@dataclass(frozen=True, slots=True)
class AgiReply:
    """One answer: `200 result=1 (value)` has code 200, result "1" and value "value"; a 5xx has its text as value."""

    code: int
    result: str = ""
    value: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 200 and self.result != "-1"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The channel is gone (a line `HANGUP`); replies may still come."""


class _Lines:
    """Bytes to lines without their end, one at a time, each within MAX_LINE_BYTES."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> None:
        self.rest += data

    def next(self) -> str | None:
        """The next whole line, or None. Raises AgiError when it is too long, whole or not."""
        end = self.rest.find(b"\n")
        if (end if end >= 0 else len(self.rest)) > MAX_LINE_BYTES:
            raise AgiError(f"a line longer than {MAX_LINE_BYTES} bytes")
        if end < 0:
            return None
        line, self.rest = self.rest[:end], self.rest[end + 1 :]
        return line.removesuffix(b"\r").decode("utf-8", "replace")


class RequestParser:
    """Feed it what the connection gives; it returns the Request once that is complete."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._fields: dict[str, str] = {}
        self._count = 0
        self._bytes = 0

    @property
    def rest(self) -> bytes:
        """What came after the request: for the ReplyParser."""
        return self._lines.rest

    def feed(self, data: bytes) -> AgiRequest | None:
        """Append bytes. Raises AgiError when this is no AGI request or one beyond the limits."""
        self._bytes += len(data)
        self._lines.feed(data)
        while (line := self._lines.next()) is not None:
            if not line:
                return self._finished()
            self._count += 1
            name, colon, value = line.partition(":")
            if not colon or not name.startswith("agi_"):
                raise AgiError("not an AGI request")
            if self._count > MAX_REQUEST_LINES:
                raise AgiError(f"more than {MAX_REQUEST_LINES} lines")
            # the first wins: Asterisk writes the URL before anything that a caller chose
            self._fields.setdefault(name.removeprefix("agi_"), value.removeprefix(" "))
        if self._bytes > MAX_REQUEST_BYTES:
            raise AgiError(f"more than {MAX_REQUEST_BYTES} bytes")
        return None

    def _finished(self) -> AgiRequest:
        if "network_script" not in self._fields:
            raise AgiError("an AGI request without agi_network_script")
        return AgiRequest(self._fields)


class ReplyParser:
    """Feed it what the connection gives after the request; it returns what is complete."""

    def __init__(self, rest: bytes = b"") -> None:
        self._lines = _Lines()
        self._lines.feed(rest)
        self._open: list[str] = []  # lines of a reply that has more than one

    def feed(self, data: bytes) -> list[AgiReply | HungUp]:
        """Append bytes. Raises AgiError for what is no reply."""
        self._lines.feed(data)
        out: list[AgiReply | HungUp] = []
        while (line := self._lines.next()) is not None:
            event = self._line(line)
            if event is not None:
                out.append(event)
        return out

    def _line(self, line: str) -> AgiReply | HungUp | None:
        if not self._open and line == "HANGUP":
            return HungUp()
        self._open.append(line)
        if len(self._open) > MAX_USAGE_LINES:
            raise AgiError(f"a reply of more than {MAX_USAGE_LINES} lines")
        first = self._open[0]
        if first.startswith("520-"):
            complete = line.endswith(_END_OF_USAGE)  # a usage text may lack its last newline
        else:  # a variable's value may hold newlines: it goes on up to its bracket
            complete = not re.match(r"200 result=1 \((?!.*\))", first) or line.endswith(")")
        if not complete:
            return None
        whole = "\n".join(self._open)
        self._open = []
        return _reply(whole)


def _reply(text: str) -> AgiReply:
    if text.startswith("520-"):
        return AgiReply(520, value=text[4:])
    match = _REPLY.fullmatch(text)
    if match is None:
        raise AgiError("not an AGI reply")
    code, tail = int(match[1]), match[2] or ""
    result = _RESULT.fullmatch(tail) if code == 200 else None
    if result is None:
        if code == 200:
            raise AgiError("a 200 reply without a result")
        return AgiReply(code, value=tail)
    value = result[2] or ""
    if value.startswith("(") and value.endswith(")"):
        value = value[1:-1]
    return AgiReply(code, result[1], value)


def command(*words: str) -> bytes:
    """One command line; every word is one argument, quoted where it has to be.

    Raises ValueError for a newline or NUL in a word, which no quoting can carry, and for a line that
    res_agi.c would cut.
    """
    if any(c in word for word in words for c in "\r\n\0"):
        raise ValueError("an AGI command cannot carry a line break or NUL")
    line = " ".join(_quoted(word) for word in words).encode() + b"\n"
    if len(line) > MAX_COMMAND_BYTES:
        raise ValueError(f"an AGI command longer than {MAX_COMMAND_BYTES} bytes")
    return line


def _quoted(word: str) -> str:
    if _PLAIN_WORD.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
