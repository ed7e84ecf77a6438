"""Server-sent events with JSON data: bytes in, values out.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Pure: no I/O. Tolerant where
servers deviate: no empty line between events, no space after "data:", bare JSON lines.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_EVENT_CHARS = 256_000  # a longer event is skipped
_JSON = "{[,"  # begins a line without a name
_AGAIN = " data:"
_LINE_END = re.compile(r"\r\n|\n|\r(?!$)")  # a "\r" at the very end may be half of "\r\n"


class Done:
    """The event `data: [DONE]`."""


DONE = Done()


class EventStream:
    """`feed` bytes as they arrive; it yields the JSON values (or DONE) that are complete. Skips other events.

    Values are parsed one by one as they are taken, so that a large chunk can be read in parts. Take them all.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._text = ""  # an unfinished line
        self._data: list[str] = []  # data lines of an unfinished event
        self._size = 0
        self._name = ""  # the event field

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """Values of the events that this chunk completes."""
        *lines, self._text = _LINE_END.split(self._text + self._decode(chunk))
        if len(self._text) > MAX_EVENT_CHARS:
            self._text = ""
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[Any]:
        """Values that are left when the server closes the stream. Some servers leave out the last line end."""
        lines = [self._text.removesuffix("\r"), ""]
        self._text = ""
        for line in lines:
            yield from self._line(line)

    def _line(self, line: str) -> Iterator[Any]:
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.partition(":")
        while value.startswith(_AGAIN):  # a gateway that wraps lines that are wrapped
            value = value[len(_AGAIN) :]
        if line[0] in _JSON or name not in ("data", "error", "event"):
            if line[0] in _JSON:  # a bare JSON line
                yield from _values(line)
            return
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value.strip()
        elif name == "error":  # older llama.cpp servers
            yield from ({"error": found} for found in _values(value))
        elif not self._data and (found := list(_values(value))):  # whole in one line: no need to wait for an empty line
            yield from self._named(found)
        else:
            self._size += len(value)
            if self._size <= MAX_EVENT_CHARS:
                self._data.append(value)

    def _dispatch(self) -> Iterator[Any]:
        lines, self._data, self._size = self._data, [], 0
        if lines:
            whole = list(_values("\n".join(lines)))
            yield from self._named(whole or [value for line in lines for value in _values(line)])
        self._name = ""

    def _named(self, values: list[Any]) -> Iterator[Any]:
        """Values of an event of the name "error" are errors, whatever their shape."""
        for value in values:
            wrap = self._name == "error" and value is not DONE and not (isinstance(value, dict) and "error" in value)
            yield {"error": value} if wrap else value


def _values(text: str) -> Iterator[Any]:
    """The JSON value, or the values of a JSON array; nothing if it is not JSON."""
    text = text.strip()
    if text == "[DONE]":
        yield DONE
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        item = text.strip("[], ")  # of an array in lines: "[{...}", ",{...}", "{...}]"
        if item != text and item[:1] == "{":
            yield from _values(item)
        return
    yield from value if isinstance(value, list) else [value]
