"""The real FastAGI beside an AudioSocket server that does what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

from bargein.clock import SystemClock
from bargein.core.turns.records import CallInfo, Handover
from bargein.core.turns.reply import CallResult
from bargein.core.wire.audiosocket import Decoder, Frame, FrameKind, encode
from bargein.server.fastagi import FastAgiServer
from bargein.server.registry import FAILED, CallOutcome, Registry

from .g711 import Pcm

RATE = 8000


def tone(seconds: float, hz: float, amplitude: int = 8000) -> Pcm:
    """A sine of 8 kHz samples."""
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


@dataclass
class StubCall:
    """One AudioSocket connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    info: CallInfo | None = None
    frames: list[tuple[float, Frame]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, pcm: Pcm) -> None:
        """Send samples in frames of 20 ms, on time, as long as the call lasts."""
        deadline = time.monotonic()
        for start in range(0, len(pcm), 160):
            if self.over.is_set():
                return
            self.writer.write(encode(FrameKind.AUDIO, pcm[start : start + 160].tobytes()))
            deadline += 0.02
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))

    async def hang_up(self) -> None:
        """0x00, then wait for Asterisk to close."""
        self.writer.write(encode(FrameKind.HANGUP))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), 2)

    def reset(self) -> None:
        """RST, like a process that was killed with unread audio."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def heard(self) -> Pcm:
        """All audio that came from Asterisk, end to end."""
        data = b"".join(frame.payload for _, frame in self.frames if frame.kind == FrameKind.AUDIO)
        return np.frombuffer(data, np.int16)

    def digits(self) -> str:
        return "".join(frame.digits() for _, frame in self.frames if frame.kind == FrameKind.DTMF)


class StubServer:
    """`talk` is awaited for each call; then it ends with `outcome`."""

    def __init__(self) -> None:
        self.calls: list[StubCall] = []
        self.handovers: asyncio.Queue[Handover] = asyncio.Queue()
        self.registry = Registry(SystemClock())
        self.outcome = CallOutcome(CallResult.CONTINUE)
        self.admits = True
        self.gone: list[str] = []  # the linkedids of callers who hung up in a queue
        self.talk: Callable[[StubCall], Awaitable[None]] = lambda call: call.play(tone(0.5, 440))
        self.agi: FastAgiServer
        self._server: asyncio.Server

    async def start(self, agi_port: int) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.agi = FastAgiServer(
            self.registry,
            self.address,
            admit=lambda: self.admits,
            after=self._handed_over,
            gone=self.gone.append,
        )
        await self.agi.start("127.0.0.1", agi_port)

    async def _handed_over(self, _: str, handover: Handover) -> None:
        self.handovers.put_nowait(handover)

    def stop_audiosocket(self) -> None:
        """Refuse further connections."""
        self._server.close()

    def stop_agi(self) -> None:
        """Answer no further requests."""
        self._closing = asyncio.create_task(self.agi.close())

    async def close(self) -> None:
        """Stop listening, and abort all connections."""
        await self.agi.close()
        self._server.close()
        for call in self.calls:
            call.writer.transport.abort()
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = StubCall(reader, writer)
        self.calls.append(call)
        identified = asyncio.Event()
        reading = asyncio.create_task(self._read(call, identified))
        with contextlib.suppress(asyncio.CancelledError):
            await self._carry(call, identified)
            await reading
        writer.close()

    async def _carry(self, call: StubCall, identified: asyncio.Event) -> None:
        await identified.wait()
        if call.info is not None:
            await self.talk(call)
            gone = call.writer.transport.is_closing()
            self.registry.finish(call.info.id, FAILED if gone else self.outcome)
            if not gone:
                await call.hang_up()

    async def _read(self, call: StubCall, identified: asyncio.Event) -> None:
        decoder = Decoder()
        with contextlib.suppress(ConnectionError):
            while data := await call.reader.read(4096):
                for frame in decoder.feed(data):
                    if frame.kind == FrameKind.ID:
                        call.info = self.registry.take(str(frame.uuid()))
                        identified.set()
                    call.frames.append((time.monotonic(), frame))
        call.over.set()
        identified.set()
