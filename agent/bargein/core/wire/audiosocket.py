"""AudioSocket frames: kind, length, payload; a pure decoder and encoder.

Source: Asterisk's res_audiosocket.c. A frame is one byte of kind, two bytes of length (big-endian), and the payload.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

HEADER = struct.Struct(">BH")


class FrameKind(IntEnum):
    """The kinds that exist on the wire; slin at other rates is 0x11 (12 kHz) to 0x18 (192 kHz)."""

    HANGUP = 0x00
    ID = 0x01
    DTMF = 0x03
    AUDIO = 0x10
    ERROR = 0xFF


WIDEBAND_KINDS = frozenset(range(0x11, 0x19))
KNOWN_KINDS = frozenset(FrameKind) | WIDEBAND_KINDS


class ProtocolError(Exception):
    """The bytes are no AudioSocket; the connection is of no further use."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came. `kind` may be an audio kind that FrameKind does not name."""

    kind: int
    payload: bytes

    def uuid(self) -> UUID:
        """The call id of an ID frame. Raises ProtocolError if it is not 16 bytes."""
        if len(self.payload) != 16:
            raise ProtocolError(f"a call id of {len(self.payload)} bytes; it must have 16")
        return UUID(bytes=self.payload)

    def digit(self) -> str:
        """The digit of a DTMF frame. Raises ProtocolError if it is none of 0-9 A-D * #."""
        text = self.payload.decode("ascii", "replace")
        if len(text) != 1 or text not in "0123456789ABCD*#":
            raise ProtocolError("a DTMF frame that holds no digit")
        return text


class Decoder:
    """Bytes in, frames out, however the bytes are cut.

    `feed` raises ProtocolError at the first kind that does not exist: what follows cannot be framed any more.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes = b"", at_most: int | None = None) -> list[Frame]:
        """The frames that are complete now, in order, `at_most` so many; the others stay for the next call."""
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= HEADER.size and (at_most is None or len(frames) < at_most):
            kind, size = HEADER.unpack_from(self._buffer)
            if kind not in KNOWN_KINDS:
                raise ProtocolError(f"a frame of unknown kind 0x{kind:02x}")
            end = HEADER.size + size
            if len(self._buffer) < end:
                break
            frames.append(Frame(kind, bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return frames

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)


def encode(kind: int, payload: bytes = b"") -> bytes:
    """One frame as bytes; to be written in one piece (Asterisk waits 5 ms for the payload, no longer).

    Raises ValueError above 65,534 bytes: Asterisk loses a payload of 65,535 without a word.
    """
    if len(payload) > 65_534:
        raise ValueError(f"a payload of {len(payload)} bytes does not fit into a frame")
    return HEADER.pack(kind, len(payload)) + payload
