"""AudioSocket frames: kind, length, payload. A pure decoder and encoder.

A frame is one byte of kind, two bytes of length (big-endian) and the payload. Source: Asterisk's res_audiosocket.c.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from ..audio.pcm import FRAME_BYTES, WIDE

HEADER = struct.Struct(">BH")
DIGITS = frozenset("0123456789ABCDabcd*#")


class FrameKind(IntEnum):
    """The kinds that we send and take; audio at other rates is of OTHER_KHZ."""

    HANGUP = 0x00
    ID = 0x01
    DTMF = 0x03
    AUDIO = 0x10  # 8 kHz
    WIDE_AUDIO = 0x12  # 16 kHz
    ERROR = 0xFF


AUDIO_HEADER = HEADER.pack(FrameKind.AUDIO, FRAME_BYTES)  # of 20 ms
_WHOLE = HEADER.size + FRAME_BYTES  # bytes of such a frame
WIDE_HEADER = HEADER.pack(FrameKind.WIDE_AUDIO, WIDE * FRAME_BYTES)
# Audio at other rates: slin12 to slin192. Asterisk sends it if Dial(AudioSocket/...) asks for such a format.
OTHER_KHZ = {0x11: 12, 0x13: 24, 0x14: 32, 0x15: 44, 0x16: 48, 0x17: 96, 0x18: 192}
KNOWN_KINDS = frozenset(FrameKind) | frozenset(OTHER_KHZ)


class ProtocolError(Exception):
    """The peer does not speak AudioSocket, or not the part of it that we serve. The connection is useless then."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it arrived. `kind` may be one that FrameKind does not name."""

    kind: int
    payload: bytes

    def uuid(self) -> UUID:
        """The call id of an ID frame. Raises ProtocolError if it is not 16 bytes."""
        if len(self.payload) != 16:
            raise ProtocolError(f"a call id of {len(self.payload)} bytes; it must have 16")
        return UUID(bytes=self.payload)

    def digits(self) -> str:
        """The digits of a DTMF frame: 0-9 A-D * #. Stops at the first other byte."""
        text = self.payload.decode("latin-1")
        end = next((at for at, character in enumerate(text) if character not in DIGITS), len(text))
        return text[:end].upper()


class Decoder:
    """Bytes in, frames out, however the bytes are cut. Every kind is a frame: its header says how long it is."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes = b"", at_most: int | None = None) -> list[Frame]:
        """Return the frames that are complete, in order, up to `at_most`. The others wait for the next call."""
        self._buffer += data
        frames: list[Frame] = []
        start, available = 0, len(self._buffer)
        while available - start >= HEADER.size and (at_most is None or len(frames) < at_most):
            kind, size = HEADER.unpack_from(self._buffer, start)
            body = start + HEADER.size
            if available - body < size:
                break
            frames.append(Frame(kind, bytes(self._buffer[body : body + size])))
            start = body + size
        del self._buffer[:start]
        return frames

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    @property
    def next_header(self) -> tuple[int, int] | None:
        """Kind and payload length of the frame that is not complete yet; None if its header is not here."""
        return HEADER.unpack_from(self._buffer) if len(self._buffer) >= HEADER.size else None


def whole_audio(data: bytes) -> bytes:
    """The audio in `data`, if these are whole frames of 20 ms at 8 kHz and nothing else; otherwise b""."""
    if len(data) == _WHOLE and data.startswith(AUDIO_HEADER):
        return data[HEADER.size :]
    starts = range(0, len(data), _WHOLE)
    if len(data) % _WHOLE or not all(data.startswith(AUDIO_HEADER, at) for at in starts):
        return b""
    return b"".join([data[at + HEADER.size : at + _WHOLE] for at in starts])


def encode(kind: int, payload: bytes = b"") -> bytes:
    """One frame as bytes. Write it in one piece: Asterisk waits 5 ms for the payload, no longer.

    Raises ValueError above 65,534 bytes: Asterisk loses a payload of 65,535 without a word.
    """
    if len(payload) > 65_534:
        raise ValueError(f"a payload of {len(payload)} bytes does not fit into a frame")
    return HEADER.pack(kind, len(payload)) + payload
