"""How a worker and its supervisor talk: JSON messages, one per line, over a pair of Unix sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any, Self

from ..core.turns.records import CallInfo
from ..core.turns.reply import CallResult
from .registry import CallOutcome

MAX_MESSAGE_BYTES = 1 << 20
Message = dict[str, Any]


class Link:
    """One end. `send` never waits; `messages` ends when the other side is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, sock: socket.socket) -> Self:
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=MAX_MESSAGE_BYTES))

    def send(self, op: str, **fields: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")

    async def messages(self) -> AsyncIterator[Message]:
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    def close(self) -> None:
        self._writer.close()


def packed_info(info: CallInfo) -> Message:
    """A CallInfo as JSON can carry it."""
    return {**asdict(info), "variables": dict(info.variables)}


def unpacked_info(fields: Mapping[str, Any]) -> CallInfo:
    return CallInfo(**fields)


def packed_outcome(outcome: CallOutcome) -> Message:
    """A CallOutcome as JSON can carry it."""
    return {**asdict(outcome), "variables": dict(outcome.variables)}


def unpacked_outcome(fields: Mapping[str, Any]) -> CallOutcome:
    return CallOutcome(**{**fields, "result": CallResult(fields["result"])})
