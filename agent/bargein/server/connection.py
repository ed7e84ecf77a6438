"""One AudioSocket connection: bytes in and out as asyncio delivers them, frames to whoever serves the call."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

from ..core.audio.pcm import FRAME_BYTES
from ..core.wire.audiosocket import Decoder, Frame, FrameKind, ProtocolError, encode

BACKLOG_BYTES = 50 * (3 + FRAME_BYTES)  # 1 s of audio that the peer has not read
DRAIN_S = 2.0  # how long to wait for EOF after 0x00


class FrameReceiver(Protocol):
    """Takes what arrives on a connection. Both methods return at once and raise nothing."""

    def on_frames(self, frames: list[Frame]) -> None: ...

    def on_closed(self, error: ProtocolError | None) -> None:
        """Nothing more comes. `error`: the peer sent what is no AudioSocket."""


class Connection(asyncio.Protocol):
    """A connection goes through three phases, in this order:

    1. `call_id` waits for the first frame. Reading then pauses: a call that waits to be admitted costs no memory.
    2. `deliver_to` resumes reading. Each read hands its frames to the receiver.
    3. `hand_back` sends 0x00, and drops what still arrives.

    `opened` is called with each new connection.
    """

    def __init__(self, opened: Callable[[Connection], None]) -> None:
        self.peer = ""
        self._opened = opened
        self._transport: asyncio.Transport
        self._decoder = Decoder()
        self._first: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._receiver: FrameReceiver | None = None
        self._handed_back = False
        self._at_end = asyncio.Event()

    # ------------------------------------------------------------- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if self._handed_back:
            return
        if self._receiver is not None:
            self._deliver(data)
        elif not self._first.done():
            self._take_first(data)

    def eof_received(self) -> bool:
        self._end(None)
        return True  # the other direction stays open until `close`

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(None)

    # --------------------------------------------------------------- called by us

    async def call_id(self) -> str | None:
        """The id of the call; None if the peer left without one. Raises ProtocolError."""
        frame = await self._first
        if frame is None:
            return None
        if frame.kind != FrameKind.ID:
            raise ProtocolError(f"a frame of kind 0x{frame.kind:02x} before the call id")
        return str(frame.uuid())

    def deliver_to(self, receiver: FrameReceiver) -> None:
        """Hand over all frames from now on, at once those that came together with the id."""
        self._receiver = receiver
        self._deliver(b"")
        if self._at_end.is_set():
            self._receiver.on_closed(None)
        else:
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Send a whole frame, without waiting."""
        self._transport.write(data)

    @property
    def stalled(self) -> bool:
        """Whether the peer has not read for a second."""
        return self._transport.get_write_buffer_size() > BACKLOG_BYTES

    async def hand_back(self) -> None:
        """Send 0x00, then read until EOF.

        To close a socket that holds unread audio resets the connection, and Asterisk then hangs the caller up.
        """
        self._handed_back = True
        self.send(encode(FrameKind.HANGUP))
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._at_end.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        """Close both directions. What was sent still leaves."""
        self._transport.close()

    def _take_first(self, data: bytes) -> None:
        try:
            frames = self._decoder.feed(data, at_most=1)
        except ProtocolError as error:
            self._first.set_exception(error)
        else:
            if not frames:
                return
            self._first.set_result(frames[0])
        self._transport.pause_reading()

    def _deliver(self, data: bytes) -> None:
        assert self._receiver is not None
        try:
            frames = self._decoder.feed(data)
        except ProtocolError as error:
            self._handed_back = True
            self._receiver.on_closed(error)
        else:
            if frames:
                self._receiver.on_frames(frames)

    def _end(self, error: ProtocolError | None) -> None:
        self._at_end.set()
        if not self._first.done():
            self._first.set_result(None)
        if self._receiver is not None:
            self._receiver.on_closed(error)
