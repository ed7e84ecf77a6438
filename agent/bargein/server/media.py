"""The media engine: the audio of all calls of this process, in and out, on one absolute 20 ms grid."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from ..clock import Clock
from ..core.audio.pcm import FRAME_SAMPLES, WIDE_FRAME_SAMPLES, Pcm, Rechunker, to_bytes
from ..core.detector.speech_detector import SpeechDetector, analyse_together
from ..core.wire.audiosocket import AUDIO_HEADER, WIDE_HEADER
from ..core.wire.line import LineAudio, LineDigit, LineEvent, LineFault, LineHungUp, LineNotice
from .connection import Connection
from .sockets import Sockets

log = logging.getLogger(__name__)

SLOTS = 4  # calls are spread over these slots, so that their work is spread over time
SLOT_S = 0.020 / SLOTS
RESYNC_S = 0.100  # after a longer stall start a new grid: Asterisk would play a burst at once
TOGETHER = 64  # frames that are processed before the next look at the clock
AT_ONCE_CALLS = 8  # with at most these a frame is processed when it comes; with more, together with others


class MediaCall(Protocol):
    """The call that the engine carries audio for. A method that raises ends this call and no other."""

    @property
    def id(self) -> str: ...

    @property
    def detector(self) -> SpeechDetector | None:
        """The call's detector, if frames of several calls may be analysed together."""

    def sensitivity(self) -> float:
        """Of the detector, for the next frame."""

    def on_audio(self, pcm: Pcm) -> None:
        """160 samples from the line."""

    def on_upper(self, upper: Pcm) -> None:
        """320 samples at 16 kHz: what the line has above 4 kHz during the 160 samples that come next."""

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""

    def on_tick(self) -> Pcm | None:
        """20 ms have passed: the 160 samples to send, or 320 of 16 kHz; None: the call goes back to the dialplan."""

    def stop(self, cause: str) -> None:
        """The call cannot go on."""


@dataclass(frozen=True, slots=True, eq=False)
class _Upper:
    """See `MediaCall.on_upper`. It waits before its frame."""

    pcm: Pcm


class MediaEngine:
    """`carry` serves one call. The grid runs while there are calls: every 5 ms the engine processes what came from all
    callers, and sends the frames of a quarter of the calls.

    `loop_lag_s` is how late the last points of the grid were, smoothed over about a second.
    `sent_frames` counts the frames sent, `late_frames` those that left more than `LATE_S` after their time.
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
        self._calls = 0
        self._sockets = Sockets()
        self._waiting: dict[_Leg, None] = {}  # legs with waiting events, the oldest first
        self._left = 0  # how many of them were left over last time

    async def carry(self, call: MediaCall, connection: Connection) -> None:
        """Carry the call's audio until the caller hangs up or the call has been handed back.

        Raises what a method of the call raised.
        """
        leg = _Leg(call, connection, self._notice)
        self._add(leg)
        try:
            connection.deliver_to(leg, self._sockets)
            handed_back = await leg.over
        finally:
            self._remove(leg)
        if handed_back:
            await connection.hand_back()

    def _notice(self, leg: _Leg) -> None:
        """Events of this leg are waiting."""
        self._waiting[leg] = None
        if self._calls <= AT_ONCE_CALLS:
            self._process_waiting()

    def _process_waiting(self, until: float = math.inf) -> None:
        """Process all waiting events. The frames of several calls are analysed together.

        From the time `until` on, the rest waits for the next time: frames are to be sent. Nothing waits twice.
        """
        overdue = self._left
        while self._waiting and (overdue > 0 or self._clock.monotonic() < until):
            legs, frames = [], []
            overdue -= TOGETHER
            for leg in list(islice(self._waiting, TOGETHER)):
                frame = leg.next_frame()
                del self._waiting[leg]
                if frame is not None:
                    if leg.waiting:
                        self._waiting[leg] = None  # behind the others
                    legs.append(leg)
                    frames.append(frame)
            _analyse(legs, frames)
            for leg, frame in zip(legs, frames, strict=True):
                leg.receive(frame)
        self._left = len(self._waiting)

    def _add(self, leg: _Leg) -> None:
        """Add to the emptiest slot; among equal ones to the one that is due first."""
        order = self._slots[self._next :] + self._slots[: self._next]
        min(order, key=len).append(leg)
        self._calls += 1
        self._sockets.watch(self._calls <= AT_ONCE_CALLS)
        if self._grid is None:
            self._grid = asyncio.create_task(self._run())

    def _remove(self, leg: _Leg) -> None:
        self._waiting.pop(leg, None)
        for slot in self._slots:
            if leg in slot:
                slot.remove(leg)
                self._calls -= 1
        self._sockets.watch(0 < self._calls <= AT_ONCE_CALLS)
        if self._grid is not None and not self._calls:
            self._grid.cancel()
            self._grid = None

    async def _run(self) -> None:
        due = self._clock.monotonic()
        while True:
            late = self._clock.monotonic() - due
            self.loop_lag_s += SLOT_S * (late - self.loop_lag_s)
            legs = self._slots[self._next].copy()
            self._next = (self._next + 1) % SLOTS
            for leg in legs:  # first: how long the detector takes must not show in the gaps between frames
                leg.tick()
            self.sent_frames += len(legs)
            if late > self.LATE_S:
                self.late_frames += len(legs)
            due += SLOT_S
            if self._calls > AT_ONCE_CALLS:
                self._sockets.read()
            self._process_waiting(due)
            now = self._clock.monotonic()
            if now > due + RESYNC_S:
                due = now
            await self._clock.sleep_until(due)


def _analyse(legs: list[_Leg], frames: list[Pcm]) -> None:
    """Take the frames of several calls through the detector at once. A fault in it ends these calls."""
    detectors = [leg.detector for leg in legs]
    present = [detector for detector in detectors if detector is not None]
    if len(present) < 2:
        return  # a single one is analysed in `on_audio`
    try:
        pcm = [frame for frame, detector in zip(frames, detectors, strict=True) if detector is not None]
        sensitivities = [leg.sensitivity() for leg in legs if leg.detector is not None]
        analyse_together(present, np.concatenate(pcm).reshape(-1, FRAME_SAMPLES), sensitivities)
    except Exception as error:
        for leg in legs:
            leg.fail(error)


class _Leg:
    """One call's side of the engine. `over`: True when the call is to be handed back, False when the caller is gone."""

    def __init__(self, call: MediaCall, connection: Connection, notice: Callable[[_Leg], None]) -> None:
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.detector, self.sensitivity = call.detector, call.sensitivity
        self.waiting: deque[Pcm | LineEvent | _Upper] = deque()  # frames, and the events between them
        self._call = call
        self._connection = connection
        self._notice = notice
        self._rechunker, self._upper_rechunker = Rechunker(), Rechunker(WIDE_FRAME_SAMPLES)

    def on_events(self, events: list[LineEvent]) -> None:
        """Events of the connection."""
        for event in events:
            if isinstance(event, LineAudio):
                frames = self._rechunker.feed(event.pcm)
                if event.upper is None:
                    self.waiting.extend(frames)
                    continue
                uppers = self._upper_rechunker.feed(event.upper)
                for at, frame in enumerate(frames):
                    self.waiting.extend(map(_Upper, uppers[at : at + 1]))
                    self.waiting.append(frame)
            else:
                self.waiting.append(event)
        self._notice(self)

    def on_closed(self) -> None:
        """The connection has ended."""
        if not self.over.done():
            self.over.set_result(False)

    def next_frame(self) -> Pcm | None:
        """The next 160 samples; None if there are no more. Events before them are performed."""
        while self.waiting and not self.over.done():
            item = self.waiting.popleft()
            if isinstance(item, np.ndarray):
                return item
            try:
                self._perform(item)
            except Exception as error:
                self.fail(error)
        return None

    def receive(self, pcm: Pcm) -> None:
        """Give the call the frame that `next_frame` returned."""
        if self.over.done():
            return
        try:
            self._call.on_audio(pcm)
        except Exception as error:  # a fault of ours ends this call; `carry` raises it
            self.fail(error)

    def tick(self) -> None:
        """Send the frame that is due."""
        if self.over.done():
            return
        try:
            pcm = self._call.on_tick()
        except Exception as error:
            self.fail(error)
            return
        if pcm is None:
            self.over.set_result(True)
        elif self._connection.stalled:
            log.warning("call %s: the peer does not read; the connection is closed", self._call.id)
            self._call.stop("the peer does not read")
            self.over.set_result(False)
        else:
            self._connection.send((AUDIO_HEADER if len(pcm) == FRAME_SAMPLES else WIDE_HEADER) + to_bytes(pcm))

    def fail(self, error: Exception) -> None:
        """End the call with a fault of ours."""
        if not self.over.done():
            self.over.set_exception(error)

    def _perform(self, event: LineEvent | _Upper) -> None:
        match event:
            case _Upper(pcm):
                self._call.on_upper(pcm)
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
