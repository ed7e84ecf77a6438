"""The media engine: the audio of all calls of this process, in and out, on one absolute 20 ms grid."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from ..clock import Clock
from ..core.audio.pcm import Pcm, to_bytes
from ..core.wire.audiosocket import FrameKind, encode
from ..core.wire.line import LineAudio, LineDigit, LineEvent, LineFault, LineHungUp, LineNotice
from .connection import Connection

log = logging.getLogger(__name__)

SLOTS = 4  # calls are spread over these, so that their work is
SLOT_S = 0.020 / SLOTS
RESYNC_S = 0.100  # after a stall of this length start anew rather than burst: Asterisk would play the burst at once


class MediaCall(Protocol):
    """The call that the engine carries audio for. A method that raises ends this call and no other."""

    @property
    def id(self) -> str: ...

    def on_audio(self, pcm: Pcm) -> None:
        """Audio from the line, of any length."""

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""

    def on_tick(self) -> Pcm | None:
        """20 ms have passed: the 160 samples to send; None when the call goes back to the dialplan."""

    def stop(self, cause: str) -> None:
        """The call cannot go on."""


class MediaEngine:
    """`carry` serves one call. The grid runs while there are calls.

    `loop_lag_s` is how late the last point of the grid was, smoothed over about a second.
    `sent_frames` and `late_frames` count what left, and what left more than `LATE_S` after its time.
    """

    LATE_S = 0.010

    def __init__(self, clock: Clock) -> None:
        self.loop_lag_s = 0.0
        self.sent_frames = 0
        self.late_frames = 0
        self._clock = clock
        self._slots: list[list[_Leg]] = [[] for _ in range(SLOTS)]
        self._next = 0  # the slot whose turn is next
        self._grid: asyncio.Task[None] | None = None

    async def carry(self, call: MediaCall, connection: Connection) -> None:
        """Carry the call's audio until the caller hangs up or the call has been handed back.

        Raises what a method of the call raised.
        """
        leg = _Leg(call, connection)
        self._add(leg)
        try:
            connection.deliver_to(leg)
            handed_back = await leg.over
        finally:
            self._remove(leg)
        if handed_back:
            await connection.hand_back()

    def _add(self, leg: _Leg) -> None:
        """Into the emptiest slot, and of equal ones into that which is due first."""
        order = self._slots[self._next :] + self._slots[: self._next]
        min(order, key=len).append(leg)
        if self._grid is None:
            self._grid = asyncio.create_task(self._run())

    def _remove(self, leg: _Leg) -> None:
        for slot in self._slots:
            if leg in slot:
                slot.remove(leg)
        if self._grid is not None and not any(self._slots):
            self._grid.cancel()
            self._grid = None

    async def _run(self) -> None:
        due = self._clock.monotonic()
        while True:
            late = self._clock.monotonic() - due
            self.loop_lag_s += SLOT_S * (late - self.loop_lag_s)
            legs = self._slots[self._next].copy()
            self._next = (self._next + 1) % SLOTS
            for leg in legs:
                leg.tick()
            self.sent_frames += len(legs)
            if late > self.LATE_S:
                self.late_frames += len(legs)
            due += SLOT_S
            now = self._clock.monotonic()
            if now > due + RESYNC_S:
                due = now
            await self._clock.sleep_until(due)


class _Leg:
    """One call's side of the engine. `over`: True when the call is to be handed back, False when the caller is gone."""

    def __init__(self, call: MediaCall, connection: Connection) -> None:
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._call = call
        self._connection = connection

    def on_events(self, events: list[LineEvent]) -> None:
        try:
            for event in events:
                if self.over.done():
                    return
                self._receive(event)
        except Exception as error:  # ours: it ends this call, and `carry` tells who served it
            self._fail(error)

    def on_closed(self) -> None:
        if not self.over.done():
            self.over.set_result(False)

    def tick(self) -> None:
        """Send the frame that is due."""
        if self.over.done():
            return
        try:
            pcm = self._call.on_tick()
        except Exception as error:
            self._fail(error)
            return
        if pcm is None:
            self.over.set_result(True)
        elif self._connection.stalled:
            log.warning("call %s: the peer does not read; the connection is closed", self._call.id)
            self._call.stop("the peer does not read")
            self.over.set_result(False)
        else:
            self._connection.send(encode(FrameKind.AUDIO, to_bytes(pcm)))

    def _receive(self, event: LineEvent) -> None:
        match event:
            case LineAudio(pcm):
                self._call.on_audio(pcm)
            case LineDigit(digit):
                self._call.on_digit(digit)
            case LineHungUp():
                self.on_closed()
            case LineNotice(text):
                log.warning("call %s: %s", self._call.id, text)
            case LineFault(cause):
                log.warning("call %s: %s; the dialplan goes on", self._call.id, cause)
                self._call.stop(cause)
                self.over.set_result(True)

    def _fail(self, error: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(error)
