"""A chat endpoint on a free port of 127.0.0.1 that answers as a test tells it, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Exchange"], Any]


@dataclass
class Exchange:
    """One request, and how to answer it."""

    body: dict[str, Any]
    path: str
    headers: dict[str, str]
    writer: asyncio.StreamWriter
    closed: asyncio.Event

    async def head(self, status: str = "200 OK", kind: str = "text/event-stream") -> None:
        self.writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        await self.writer.drain()

    async def raw(self, text: str) -> None:
        self.writer.write(text.encode())
        await self.writer.drain()

    async def delta(self, finish: str | None = None, **delta: Any) -> None:
        event = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        await self.raw(f"data: {json.dumps(event)}\n\n")

    async def says(self, text: str, pace_s: float = 0.0) -> None:
        """A whole answer, a few letters at a time."""
        await self.head()
        await self.delta(role="assistant", content="")
        for at in range(0, len(text), 4):
            await self.delta(content=text[at : at + 4])
            await asyncio.sleep(pace_s)
        await self.done()

    async def calls(self, name: str, arguments: dict[str, Any], before: str = "", call_id: str = "c1") -> None:
        """An answer that calls a tool, its arguments in fragments."""
        await self.head()
        if before:
            await self.delta(content=before)
        await self.delta(tool_calls=[{"index": 0, "id": call_id, "type": "function", "function": {"name": name}}])
        text = json.dumps(arguments)
        for at in range(0, len(text), 5):
            await self.delta(tool_calls=[{"index": 0, "function": {"arguments": text[at : at + 5]}}])
        await self.done("tool_calls")

    async def refuses(self, message: str, status: str = "400 Bad Request", **headers: str) -> None:
        """An error as OpenAI writes it."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await self.head(status, f"application/json\r\n{more}".removesuffix("\r\n"))
        await self.raw(json.dumps({"error": {"message": message, "type": "invalid_request_error"}}))

    async def done(self, finish: str = "stop") -> None:
        await self.delta(finish=finish)
        await self.raw("data: [DONE]\n\n")


@dataclass
class ChatServer:
    """`scripts` answer the requests in turn; the last one answers all that follow."""

    scripts: list[Script]
    url: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    def content(self, number: int = -1) -> str:
        """All text of the messages of a request, instructions left out."""
        said = self.exchanges[number].body["messages"][1:]
        return "\n".join(str(message.get("content")) for message in said)


@asynccontextmanager
async def chat_server(*scripts: Script) -> AsyncIterator[ChatServer]:
    server = ChatServer(list(scripts))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            exchange = Exchange(json.loads(body or b"{}"), first.split()[1], headers, writer, asyncio.Event())
            server.exchanges.append(exchange)
            script = server.scripts[min(len(server.exchanges), len(server.scripts)) - 1]
            answering = asyncio.create_task(script(exchange))
            watching = asyncio.create_task(reader.read())
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                exchange.closed.set()
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
