"""FastAGI as a pure codec: bytes in, request and replies out; commands out as bytes.

Asterisk connects and writes its request: `agi_name: value` lines up to an empty one. It then answers each command
line with one reply. Sources: res/res_agi.c and
https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI.

The parsers accept what real systems send: names in any case, blanks around names and values, lines without a colon,
empty lines before the request and between replies, and values of several lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

MAX_LINE_BYTES = 8192  # a variable's value is at most 4,096 (VAR_BUF_SIZE of res_agi.c)
MAX_REQUEST_LINES = 160  # about 25 of Asterisk's own and 128 arguments
MAX_REQUEST_BYTES = 65_536
MAX_USAGE_LINES = 100  # of a 520 reply
MAX_COMMAND_BYTES = 2047  # AGI_BUF_LEN of res_agi.c, less its NUL

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:/-]+")
_REPLY = re.compile(r"(\d{3})(?:[ -](.*))?", re.DOTALL)
# What Asterisk itself writes: behind a value "123 Main Street" may be its second line.
_NO_VALUE = re.compile(r"200\b|100 (?:result=|Trying)|510 Invalid|511 Command|520[ -]Invalid")
_RESULT = re.compile(r"result=(\S*)(?: (.*))?", re.DOTALL)
_VALUE_END = re.compile(r"\)(?: endpos=\d+)?\s*$")
_UNIQUE_END = re.compile(r"-[0-9a-f]{8,}(;[12])?$")
_END_OF_USAGE = "520 End of proper usage."


class AgiError(ValueError):
    """The peer does not speak AGI, or sends too much. The message holds nothing that the peer sent."""


@dataclass(frozen=True, slots=True)
class AgiRequest:
    """What Asterisk says about a call. `fields` have no prefix: `callerid`, `extension`, `arg_1`, `network_script`."""

    fields: Mapping[str, str]

    @property
    def script(self) -> str:
        """The path of `agi://host/PATH?query`."""
        return self.fields.get("network_script", "").partition("?")[0].strip("/")

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query of the URL, percent-decoded, in order. All that follows `&exten=` is its value, as it is: a caller
        may have dialled it."""
        text = self.fields.get("network_script", "").partition("?")[2]
        text, dialled, exten = text.partition("&exten=")
        return (*parse_qsl(text, keep_blank_values=True), *([("exten", exten)] if dialled else []))

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
    """The channel is gone (a line `HANGUP`). Replies may still come."""


@dataclass(frozen=True, slots=True)
class AgiContinuation:
    """Lines that are no reply: they continue the value of the reply before, whose first part ended with a bracket.

    Asterisk writes `200 result=1 (VALUE)` and does not escape VALUE, so where VALUE holds `)` and a line break only
    the next reply shows where it ends.
    """

    text: str


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
    """Feed it what the connection gives; it returns the request once that is complete."""

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
        """Append bytes. Raises AgiError when this is no AGI request, or one beyond the limits."""
        self._bytes += len(data)
        self._lines.feed(data)
        while (line := self._lines.next()) is not None:
            self._count += 1
            if self._count > MAX_REQUEST_LINES:
                raise AgiError(f"more than {MAX_REQUEST_LINES} lines")
            if line.strip():
                self._add(line)
            elif "network_script" in self._fields:  # an empty line before it ends nothing
                return AgiRequest(self._fields)
        if self._bytes > MAX_REQUEST_BYTES:
            raise AgiError(f"more than {MAX_REQUEST_BYTES} bytes")
        return None

    def _add(self, line: str) -> None:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon and name.startswith("agi_"):
            # the first wins: Asterisk writes the URL before anything that a caller chose
            self._fields.setdefault(name.removeprefix("agi_"), value.strip(" \t\r"))
        elif not self._fields:  # later it is the rest of a value with a line break in it
            raise AgiError("not an AGI request")


class ReplyParser:
    """Feed it what the connection gives after the request; it returns what is complete."""

    def __init__(self, rest: bytes = b"") -> None:
        self._lines = _Lines()
        self._lines.feed(rest)
        self._open: list[str] = []  # lines of a reply that has more than one
        self._size = 0  # of them, in characters
        self._stray = 0
        self._after_value = False  # what comes may be more lines of it

    def feed(self, data: bytes) -> list[AgiReply | HungUp | AgiContinuation]:
        """Append bytes. Raises AgiError for more than any Asterisk sends."""
        self._lines.feed(data)
        out: list[AgiReply | HungUp | AgiContinuation] = []
        while (line := self._lines.next()) is not None:
            event = self._line(line)
            if event is not None:
                out.append(event)
        return out

    def _line(self, line: str) -> AgiReply | HungUp | AgiContinuation | None:
        if not self._open and line.strip() == "HANGUP":
            return HungUp()
        if not self._open and not self._begins_reply(line):
            self._stray += len(line) + 1
            if self._stray > MAX_LINE_BYTES:
                raise AgiError(f"more than {MAX_LINE_BYTES} bytes that are no AGI reply")
            return AgiContinuation(line)
        self._open.append(line)
        first = self._open[0]
        self._size += len(line) + 1
        if self._size > MAX_LINE_BYTES or (first.startswith("520-") and len(self._open) > MAX_USAGE_LINES):
            raise AgiError(f"a reply of more than {MAX_LINE_BYTES} bytes, or of more than {MAX_USAGE_LINES} lines")
        if first.startswith("520-"):
            complete = line.endswith(_END_OF_USAGE)  # a usage text may lack its last newline
        else:  # a value goes on up to a line that ends with its bracket
            complete = not first.startswith("200 result=1 (") or bool(_VALUE_END.search(line))
        if not complete:
            return None
        whole = "\n".join(self._open)
        self._open, self._size, self._stray = [], 0, 0
        reply = _reply(whole)
        self._after_value = reply.code == 200 and "(" in whole
        return reply

    def _begins_reply(self, line: str) -> bool:
        return bool(_REPLY.fullmatch(line)) and (not self._after_value or bool(_NO_VALUE.match(line)))


def _reply(text: str) -> AgiReply:
    if text.startswith("520-"):
        return AgiReply(520, value=text[4:])
    match = _REPLY.fullmatch(text)
    assert match is not None
    code, tail = int(match[1]), (match[2] or "").rstrip()
    result = _RESULT.fullmatch(tail) if code == 200 else None
    if result is None:
        return AgiReply(code, value=tail)
    value = (result[2] or "").strip(" ")
    if value.startswith("(") and value.endswith(")"):
        value = value[1:-1]
    return AgiReply(code, result[1], value)


def joined(value: str, continuation: list[str]) -> str:
    """A value and the lines that came behind its reply: they belong to it up to the last that ends with a bracket."""
    ends = [at for at, line in enumerate(continuation, 1) if line.rstrip().endswith(")")]
    if not ends:
        return value
    return "\n".join([f"{value})", *continuation[: ends[-1]]]).rstrip().removesuffix(")")


def endpoint_of(channel: str) -> str:
    """Whose channel it is: PJSIP/trunk-00000001 is of PJSIP/trunk, Local/7@phones-00000002;1 of Local/7@phones."""
    return _UNIQUE_END.sub("", channel)


def command(*words: str) -> bytes:
    """One command line. Every word is one argument, quoted where necessary.

    Raises ValueError for a line break or NUL in a word, which no quoting can carry, and for a line that res_agi.c
    would cut.
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
