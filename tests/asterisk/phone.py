"""A SIP phone that is exact: what it sends leaves on its own clock, what it receives is kept with its time of arrival.

One Phone is one call. Times are time.monotonic() seconds.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from dataclasses import dataclass

import numpy as np

from . import g711
from .g711 import Pcm
from .sip import TELEPHONE_EVENT, Dialog, Message, media_address, offer

RATE = 8000
DIGITS = "0123456789*#ABCD"
EVENT_PACKETS = 8  # of a digit: 5 that report it, 3 that end it
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Packet:
    """One RTP packet that arrived."""

    at: float
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, received: object) -> None:
        self._received = received

    def datagram_received(self, data: bytes, address: object) -> None:
        self._received(data, address)  # type: ignore[operator]


class Phone:
    """`async with Phone(pbx_port) as phone: await phone.call("700"); phone.say(pcm, 1.5); await phone.ended(20)`.

    name: what the other side sees of the caller.
    loss: share of its packets that never leave. jitter_ms: each packet leaves up to so much later, also out of order.
    """

    def __init__(
        self,
        pbx_port: int,
        *,
        user: str = "caller",
        name: str = "",
        payload_type: int = g711.PCMU,
        ptime_ms: int = 20,
        loss: float = 0.0,
        jitter_ms: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.received: list[Packet] = []
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.reason = ""  # how it ended: "rejected CODE", "hung up", "remote hung up"
        self.silent = False  # True: no RTP at all while there is nothing to say, like a mute or VAD phone
        self._pbx = (HOST, pbx_port)
        self._user = user
        self._name = name
        self._payload_type = payload_type
        self._ptime_ms = ptime_ms
        self._loss = loss
        self._jitter_ms = jitter_ms
        self._random = random.Random(seed)
        self._answered = asyncio.Event()
        self._agreed = asyncio.Event()
        self._ended = asyncio.Event()
        self._speech: list[tuple[float, Pcm]] = []
        self._events: list[str] = []
        self._sending: asyncio.Task[None] | None = None
        self._held = False

    async def __aenter__(self) -> Phone:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._on_sip), (HOST, 0))
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._on_rtp), (HOST, 0))
        self._rtp_port: int = self._rtp.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._answered.is_set() and not self._ended.is_set():
            await self.hang_up()
        if self._sending is not None:
            self._sending.cancel()
        self._sip.close()
        self._rtp.close()

    # ---------------------------------------------------------------- the call

    async def call(self, exten: str, timeout_s: float = 5.0) -> None:
        """Dial, and wait for the answer. Raises ConnectionError if it is refused."""
        self.ring(exten)
        await asyncio.wait_for(self._answered.wait(), timeout_s)
        if self._ended.is_set():
            raise ConnectionError(self.reason)

    def ring(self, exten: str) -> None:
        """Dial without waiting."""
        port: int = self._sip.get_extra_info("sockname")[1]
        self._dialog = Dialog(HOST, port, self._pbx, exten, self._user, self._name)
        self._invite("sendrecv")

    async def hang_up(self) -> None:
        """BYE, and wait for it to be answered."""
        self._sip.sendto(self._dialog.request("BYE"), self._pbx)
        try:
            await asyncio.wait_for(self._ended.wait(), 2)
        except TimeoutError:
            self._end("hung up, unanswered")

    async def cancel_or_hang_up(self) -> None:
        """Hang up before the answer; if that was just on its way, after it."""
        self._sip.sendto(self._dialog.cancel(), self._pbx)
        try:
            await asyncio.wait_for(self._ended.wait(), 0.5)
        except TimeoutError:
            await self.hang_up()

    async def ended(self, timeout_s: float) -> str:
        """Wait for the other side to hang up; the reason. Raises TimeoutError."""
        await asyncio.wait_for(self._ended.wait(), timeout_s)
        return self.reason

    async def hold(self) -> None:
        """Re-INVITE with sendonly; no RTP leaves until `resume`."""
        self._held = True
        await self._reinvite("sendonly")

    async def resume(self) -> None:
        """Re-INVITE with sendrecv."""
        await self._reinvite("sendrecv")
        self._held = False

    def say(self, pcm: Pcm, at_s: float = 0.0) -> float:
        """Speech that begins `at_s` after the answer, or now; returns the time its first sample is sent."""
        start = max(self.answered_at + at_s, time.monotonic())
        self._speech.append((start, pcm))
        return start

    def digit(self, digit: str, how: str = "rfc4733") -> None:
        """Press a key; `how` is rfc4733 or info."""
        if how == "info":
            body = f"Signal={digit}\r\nDuration=100\r\n"
            self._sip.sendto(self._dialog.request("INFO", body, "application/dtmf-relay"), self._pbx)
        else:
            self._events.append(digit)

    def heard(self) -> Pcm:
        """What the caller heard, 8 kHz, laid by time of arrival from the answer on; where nothing came is silence."""
        audio = [p for p in self.received if p.payload_type == self._payload_type]
        if not audio:
            return np.zeros(0, np.int16)
        out = np.zeros(int((audio[-1].at - self.answered_at + 1) * RATE), np.int16)
        end = 0
        for packet in audio:
            pcm = g711.decode(packet.payload, packet.payload_type)
            start = max(0, int((packet.at - self.answered_at) * RATE))
            if abs(start - end) < RATE * 0.06:  # a packet that is a little early or late still joins the one before
                start = end
            end = start + len(pcm)
            out[start:end] = pcm[: max(0, len(out) - start)]
        return out[:end]

    # ------------------------------------------------------------------- SIP

    def _invite(self, direction: str) -> None:
        sdp = offer(HOST, self._rtp_port, self._payload_type, self._ptime_ms, direction)
        self._sip.sendto(self._dialog.request("INVITE", sdp), self._pbx)

    async def _reinvite(self, direction: str) -> None:
        self._agreed.clear()
        self._invite(direction)
        await asyncio.wait_for(self._agreed.wait(), 2)

    def _on_sip(self, data: bytes, address: tuple[str, int]) -> None:
        message = Message.parse(data)
        if message.status is None:
            if message.method != "ACK":
                self._sip.sendto(message.answer(), address)
            if message.method == "BYE":
                self._end("remote hung up")
        elif message.method == "INVITE" and message.status >= 200:
            self._sip.sendto(self._dialog.ack(message), self._pbx)
            if message.status == 200:
                self._on_answer(message)
            else:
                self._end(f"rejected {message.status}")
        elif message.method == "BYE":
            self._end("hung up")

    def _on_answer(self, message: Message) -> None:
        self._remote = media_address(message.body)
        self._agreed.set()
        if not self._answered.is_set():
            self.answered_at = time.monotonic()
            self._answered.set()
            self._sending = asyncio.create_task(self._send())

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self.reason, self.ended_at = reason, time.monotonic()
            self._ended.set()
            self._answered.set()

    # ------------------------------------------------------------------- RTP

    def _on_rtp(self, data: bytes, _: object) -> None:
        if len(data) >= 12 and data[0] >> 6 == 2:
            _, payload_type, sequence, timestamp = struct.unpack("!BBHI", data[:8])
            header = 12 + 4 * (data[0] & 0x0F)
            packet = Packet(time.monotonic(), sequence, timestamp, payload_type & 0x7F, data[header:])
            self.received.append(packet)

    async def _send(self) -> None:
        size = RATE * self._ptime_ms // 1000
        self._sequence, timestamp = self._random.getrandbits(15), self._random.getrandbits(31)
        self._ssrc = self._random.getrandbits(32)
        deadline = time.monotonic()
        silent_before = True
        while not self._ended.is_set():
            if self._events:
                await self._send_digit(self._events.pop(0), timestamp, deadline)
                timestamp += EVENT_PACKETS * 160
                deadline += EVENT_PACKETS * 0.02
                silent_before = True
                continue
            pcm = self._next_frame(deadline - size / RATE, size)  # a packet leaves once its last sample is spoken
            if pcm is not None and not self._held:
                payload = g711.encode(pcm, self._payload_type)
                self._packet(self._payload_type, silent_before, timestamp, payload)
            silent_before = pcm is None or self._held
            timestamp += size
            deadline += size / RATE
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))

    def _next_frame(self, now: float, size: int) -> Pcm | None:
        """The samples from `now` on of all that is to be said; None to send nothing."""
        frame = np.zeros(size, np.int32)
        anything = False
        for start, pcm in self._speech:
            first = round((now - start) * RATE)
            low, high = max(0, first), min(len(pcm), first + size)
            if low < high:
                anything = True
                frame[low - first : high - first] += pcm[low:high]
        if self.silent and not anything:
            return None
        return np.clip(frame, -32768, 32767).astype(np.int16)

    async def _send_digit(self, digit: str, timestamp: int, deadline: float) -> None:
        """RFC 4733: the event with growing duration, then three times its end."""
        event = DIGITS.index(digit)
        for index in range(EVENT_PACKETS):
            last = index >= EVENT_PACKETS - 3
            duration = min(index + 1, EVENT_PACKETS - 2) * 160
            payload = struct.pack("!BBH", event, (0x80 if last else 0) | 10, duration)
            self._packet(TELEPHONE_EVENT, index == 0, timestamp, payload)
            deadline += 0.02
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))

    def _packet(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> None:
        head = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self._ssrc,
        )
        self._sequence += 1
        if self._loss and self._random.random() < self._loss:
            return
        if not self._jitter_ms:
            self._rtp.sendto(head + payload, self._remote)
            return
        late_s = self._random.uniform(0, self._jitter_ms) / 1000
        asyncio.get_running_loop().call_later(late_s, self._late, head + payload)

    def _late(self, data: bytes) -> None:
        if not self._ended.is_set() and not self._rtp.is_closing():
            self._rtp.sendto(data, self._remote)
