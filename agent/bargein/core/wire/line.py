"""One AudioSocket connection as a pure state machine: bytes in, events out.

Audio at 16 kHz becomes 8 kHz here. The line forgives what does no harm: frames of unknown kinds, empty or odd audio, a
second id. Each is a LineNotice, once a connection. What makes the call impossible is a LineFault, and nothing comes
after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..audio.halfband import Halver
from ..audio.pcm import Pcm, from_bytes
from .audiosocket import KNOWN_KINDS, OTHER_KHZ, Decoder, Frame, FrameKind, ProtocolError, whole_audio
from .companding import CompandingDetector
from .rate_limiter import RateLimiter

MAX_BEFORE_ID_BYTES = 1024  # what comes before the id is short; "GET " as a header would announce 17,748 bytes
MAX_UNKNOWN_BYTES = 8192  # 192 kHz x 20 ms x 2 bytes is 7,680: what announces more is a stream out of step
PEER_HUNG_UP = b"\x01"  # the error code for "the caller hung up" in the AudioSocket specification


@dataclass(frozen=True, slots=True)
class LineId:
    """The connection carries this call."""

    call_id: str


@dataclass(slots=True, eq=False)  # not frozen: thousands are made a second
class LineAudio:
    """Audio of the caller, 8 kHz, of any length but 0. `upper`: what a line of 16 kHz has above 4 kHz, at 16 kHz."""

    pcm: Pcm
    upper: Pcm | None = None


@dataclass(frozen=True, slots=True)
class LineDigit:
    """The caller pressed a key: one of 0-9 A-D * #."""

    digit: str


@dataclass(frozen=True, slots=True)
class LineHungUp:
    """The caller's side ended the call."""


@dataclass(frozen=True, slots=True)
class LineNotice:
    """Something odd that does no harm, for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class LineFault:
    """The call cannot go on; `cause` says why. Hand it back to the dialplan and read no further."""

    cause: str


LineEvent = LineId | LineAudio | LineDigit | LineHungUp | LineNotice | LineFault


class Line:
    """Feed it what the connection gives. `now` is monotonic time in s.

    The first event is the LineId. The events behind it wait for the next `receive`, so that the code that looks up the
    call can hand the line on.
    """

    def __init__(self, now: float) -> None:
        self._decoder = Decoder()
        self._pace = RateLimiter(now)
        self._companding = CompandingDetector()
        self._halver = Halver()
        self._call_id = ""
        self._expects_audio = False  # whole frames of audio can be taken as they are
        self._over = False
        self._noted: set[str] = set()

    def receive(self, data: bytes, now: float) -> list[LineEvent]:
        """Append bytes and return the events that are complete."""
        events: list[LineEvent] = []
        if self._over:
            return events
        try:
            if self._expects_audio and (audio := whole_audio(data)):
                self._pace.count(FrameKind.AUDIO, len(audio), now)  # nearly all data are of this kind
                return [LineAudio(from_bytes(audio))]
            while not self._over:
                frames = self._decoder.feed(data, at_most=None if self._call_id else 1)
                data = b""
                for frame in frames:
                    self._pace.count(frame.kind, len(frame.payload), now)
                    events += self._read(frame) if self._call_id else self._read_first(frame)
                    if self._over:
                        break
                if not frames or self._call_id:
                    break
            self._check_header()
            self._expects_audio = self._companding.decided and not self._decoder.pending_bytes
        except ProtocolError as error:
            self._over = True
            events.append(LineFault(str(error)))
        return events

    def _read_first(self, frame: Frame) -> list[LineEvent]:
        if frame.kind == FrameKind.ID:
            self._call_id = str(frame.uuid())
            return [LineId(self._call_id)]
        if frame.kind == FrameKind.HANGUP:
            self._over = True
            return [LineHungUp()]
        if frame.kind in KNOWN_KINDS:
            raise ProtocolError(f"a frame of kind 0x{frame.kind:02x} before the call id")
        _check_size(frame.kind, len(frame.payload), MAX_BEFORE_ID_BYTES)
        return self._notice(f"a frame of unknown kind 0x{frame.kind:02x} before the call id; it is skipped", "unknown")

    def _read(self, frame: Frame) -> list[LineEvent]:
        kind, payload = frame.kind, frame.payload
        if kind == FrameKind.AUDIO:
            return self._audio(payload)
        if kind == FrameKind.WIDE_AUDIO:
            pcm, upper = self._halver.feed(from_bytes(payload))
            return [LineAudio(pcm, upper)] if len(pcm) else []
        if kind == FrameKind.DTMF:
            digits = frame.digits()
            return [LineDigit(digit) for digit in digits] or self._notice("a DTMF frame without a digit; it is skipped")
        if kind == FrameKind.HANGUP or (kind == FrameKind.ERROR and payload == PEER_HUNG_UP):
            self._over = True
            return [LineHungUp()]
        if kind == FrameKind.ERROR:
            return self._notice(f"Asterisk reports error 0x{payload[:1].hex() or '00'}; the call goes on", "error")
        if kind == FrameKind.ID:
            same = payload == bytes.fromhex(self._call_id.replace("-", ""))
            return [] if same else self._notice("a second call id; it is ignored")
        if khz := OTHER_KHZ.get(kind):
            raise ProtocolError(
                f"the audio is at {khz} kHz, not 8 or 16; write Dial(AudioSocket/.../c(slin)) in the dialplan"
            )
        _check_size(kind, len(payload), MAX_UNKNOWN_BYTES)
        return self._notice(f"a frame of unknown kind 0x{kind:02x}; such frames are skipped", "unknown")

    def _audio(self, payload: bytes) -> list[LineEvent]:
        events = self._notice("an audio frame of odd length; its last byte is dropped") if len(payload) % 2 else []
        self._companding.feed(payload)
        if self._companding.codec is not None:
            raise ProtocolError(
                f"the audio is {self._companding.codec}, not slin; write Dial(AudioSocket/.../c(slin)) in the dialplan"
            )
        return [*events, LineAudio(from_bytes(payload))] if len(payload) > 1 else events

    def _check_header(self) -> None:
        """Raises ProtocolError when the frame that is arriving cannot be one."""
        if header := self._decoder.next_header:
            kind, size = header
            if not self._call_id:
                _check_size(kind, size, 0 if kind in KNOWN_KINDS - {FrameKind.ID} else MAX_BEFORE_ID_BYTES)
            elif kind not in KNOWN_KINDS:
                _check_size(kind, size, MAX_UNKNOWN_BYTES)

    def _notice(self, text: str, key: str = "") -> list[LineEvent]:
        """The notice, the first time only."""
        key = key or text
        if key in self._noted:
            return []
        self._noted.add(key)
        return [LineNotice(text)]


def _check_size(kind: int, size: int, most: int) -> None:
    if size > most:
        raise ProtocolError(f"what follows is no AudioSocket frame: kind 0x{kind:02x}, {size} bytes")
