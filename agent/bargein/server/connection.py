"""One AudioSocket connection: bytes in and out, as asyncio delivers them, and events for the receiver."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Protocol, cast

from ..clock import Clock
from ..core.audio.pcm import FRAME_BYTES
from ..core.wire.audiosocket import FrameKind, ProtocolError, encode
from ..core.wire.line import Line, LineEvent, LineFault, LineHungUp, LineId, LineNotice
from .sockets import Sockets

log = logging.getLogger(__name__)

BACKLOG_BYTES = 50 * (3 + FRAME_BYTES)  # 1 s of audio at 8 kHz that the peer has not read
READ_BYTES = 8192  # at a time: half a second of audio
DRAIN_S = 2.0  # how long to wait for EOF after 0x00


class LineReceiver(Protocol):
    """Takes what arrives on a connection. Both methods return at once and raise nothing."""

    def on_events(self, events: list[LineEvent]) -> None: ...

    def on_closed(self) -> None:
        """The connection has ended."""


class Connection(asyncio.Protocol):
    """A connection goes through three phases, in this order:

    1. `call_id` waits for the id. Reading then pauses: a call that waits to be admitted costs no memory.
    2. `deliver_to` lets `Sockets` read. Each read hands its events to the receiver.
    3. `hand_back` lets asyncio read again. It sends 0x00, and drops what still arrives.

    `opened` is called with each new connection.
    """

    def __init__(self, opened: Callable[[Connection], None], clock: Clock) -> None:
        self.peer = ""
        self.stalled = False  # the peer has not read for a second; at 16 kHz for half a second
        self._opened = opened
        self._clock = clock
        self._transport: asyncio.Transport
        self._line = Line(clock.monotonic())
        self._call_id: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._receiver: LineReceiver | None = None
        self._socket = -1  # its file descriptor
        self._sockets: Sockets | None = None  # while they read
        self._handed_back = False
        self._at_end = asyncio.Event()

    # ------------------------------------------------------------- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(BACKLOG_BYTES)
        sock: socket.socket = transport.get_extra_info("socket")
        self._socket = sock.fileno()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if not self._handed_back and not self._call_id.done():
            self._identify(data)

    def eof_received(self) -> bool:
        self._end()
        return True  # the other direction stays open until `close`

    def pause_writing(self) -> None:
        self.stalled = True  # more than BACKLOG_BYTES are waiting

    def resume_writing(self) -> None:
        self.stalled = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    # --------------------------------------------------------------- called by us

    async def call_id(self) -> str | None:
        """The id of the call; None if the peer left without one. Raises ProtocolError."""
        return await self._call_id

    def deliver_to(self, receiver: LineReceiver, sockets: Sockets) -> None:
        """Pass all events to the receiver from now on, first those that came together with the id."""
        self._receiver = receiver
        self._deliver(b"")
        if self._at_end.is_set():
            self._receiver.on_closed()
        else:
            self._sockets = sockets
            sockets.add(self._socket, self._receive)

    def send(self, data: bytes) -> None:
        """Send a frame, without waiting."""
        self._transport.write(data)

    async def hand_back(self) -> None:
        """Send 0x00, then read until EOF.

        Closing a socket with unread audio resets the connection, and Asterisk then hangs up on the caller.
        """
        self._handed_back = True
        self._leave_sockets()
        self.send(encode(FrameKind.HANGUP))
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._at_end.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        """Close both directions. Data that was sent is still delivered."""
        self._leave_sockets()
        self._transport.close()

    def _identify(self, data: bytes) -> None:
        for event in self._line.receive(data, self._clock.monotonic()):
            match event:
                case LineId(call_id):
                    self._call_id.set_result(call_id)
                case LineFault(cause):
                    self._call_id.set_exception(ProtocolError(cause))
                case LineNotice(text):
                    log.warning("AudioSocket: %s: %s", self.peer, text)
                case LineHungUp():
                    self._call_id.set_result(None)
        if self._call_id.done():
            self._transport.pause_reading()

    def _receive(self) -> None:
        """The socket has something: bytes, or its end."""
        try:
            data = os.read(self._socket, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            self._deliver(data)
        except Exception:  # a fault of ours ends this connection and no other
            log.exception("AudioSocket: %s: a fault of bargein; the connection is closed", self.peer)
            data = b""
        if not data:
            self._end()

    def _leave_sockets(self) -> None:
        if self._sockets is not None:
            self._sockets.remove(self._socket)
            self._sockets = None

    def _deliver(self, data: bytes) -> None:
        assert self._receiver is not None
        if events := self._line.receive(data, self._clock.monotonic()):
            self._receiver.on_events(events)

    def _end(self) -> None:
        self._leave_sockets()
        self._at_end.set()
        if not self._call_id.done():
            self._call_id.set_result(None)
        if self._receiver is not None:
            self._receiver.on_closed()
