"""Commands to one channel of Asterisk, over FastAGI."""

from __future__ import annotations

import asyncio

from ..core.wire.agi import AgiContinuation, AgiReply, HungUp, ReplyParser, command, joined

MAX_VALUE_BYTES = 900  # a command of Asterisk's AGI ends at 2,047, and quoting may double it


class Gone(Exception):
    """The channel hung up, or the connection ended."""


class WrongRequest(Exception):
    """A request that we do not serve. The message is for the log. It holds nothing that a caller chose."""


class AgiChannel:
    """Commands to Asterisk, one at a time: Asterisk reads ahead and would miss a second one.

    `values` are the variables that were read. One of several lines is whole once the next command is answered.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float, rest: bytes
    ) -> None:
        self.values: dict[str, str] = {}
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s
        self._replies = ReplyParser(rest)
        self._last_read = ""
        self._more_lines: list[str] = []

    def end(self) -> None:
        """The dialplan goes on."""
        self._writer.close()

    async def set(self, name: str, value: str) -> None:
        reply = await self._ask("SET", "VARIABLE", name, _one_line(value))
        if not reply.ok:
            raise WrongRequest(f"Asterisk did not set {name}: {reply.code}")

    async def get(self, name: str) -> str:
        """A channel variable, "" if it is not set."""
        reply = await self._ask("GET", "VARIABLE", name)
        self._last_read = name
        self.values[name] = reply.value if reply.ok else ""
        return self.values[name]

    async def evaluate(self, expression: str, channel: str = "") -> str:
        """An expression of the dialplan on this channel, or on another one; "" if it cannot be evaluated."""
        reply = await self._ask("GET", "FULL", "VARIABLE", expression, *([channel] if channel else []))
        return reply.value if reply.ok else ""

    async def _ask(self, *words: str) -> AgiReply:
        self._writer.write(command(*words))
        async with asyncio.timeout(self._timeout_s):
            await self._writer.drain()
            while True:
                data = await self._reader.read(4096)
                if not data:
                    raise Gone
                if (reply := self._answer(data)) is not None:
                    return reply

    def _answer(self, data: bytes) -> AgiReply | None:
        """The answer to the command that was sent last, once it is there. Raises Gone."""
        answer = None
        for event in self._replies.feed(data):
            if isinstance(event, AgiContinuation):
                self._more_lines.append(event.text)
            elif isinstance(event, HungUp) or event.code == 511:  # 511: the channel is dead
                raise Gone
            elif event.code >= 200 and answer is None:
                answer = event
                self._end_last_value()
        return answer

    def _end_last_value(self) -> None:
        """A new answer has come: the lines before it belong to the last value."""
        if self._last_read:
            self.values[self._last_read] = joined(self.values[self._last_read], self._more_lines)
        self._last_read, self._more_lines = "", []


def _one_line(value: str) -> str:
    """The value on one line: control characters become spaces, and it ends within MAX_VALUE_BYTES."""
    flat = "".join(c if c.isprintable() else " " for c in value)
    return flat.encode()[:MAX_VALUE_BYTES].decode("utf-8", "ignore")
