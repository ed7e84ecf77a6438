"""The level of the line: a call to the agent, with the doctor in the place of the caller.

Asterisk connects the caller's side of the call to the doctor with its application AudioSocket. The doctor listens, then
plays a tone: how loud is the agent, how soon is it heard, and how much of the tone comes back?
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import numpy as np

from ..clock import Clock
from ..core.audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, Pcm, dbfs, from_bytes, to_bytes, whole_frames
from ..core.wire.audiosocket import Decoder, FrameKind, encode
from ..pbx.asterisk import Pbx
from .check import Check, ok

NAME = "line"
CONNECT_S = 3.0  # Asterisk gives up on a connection after 2 s
LISTEN_S, TONE_S, AFTER_S = 2.0, 1.0, 0.4
TONE_HZ, TONE_DBFS = 1004.0, -23.0  # as telephone lines are measured
TONE_PEAK = np.sqrt(2) * FULL_SCALE * 10 ** (TONE_DBFS / 20)
AUDIBLE_DBFS = -50.0
QUIET_DBFS, LOUD_DBFS = -38.0, -8.0  # of the agent; a voice is made at about -20
STEADY = 12  # twentieths of the tone in which all of it has to come back
ECHO_DB = 30.0  # an echo that is lower does no harm


class TestCaller:
    """The caller's side: one connection. `heard` is the agent, from the moment the connection is there."""

    __test__ = False  # for pytest

    def __init__(self, clock: Clock) -> None:
        self.heard: Pcm = np.zeros(0, np.int16)
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self._clock = clock
        self._talk: asyncio.Task[None] | None = None
        self._server: asyncio.Server

    async def listen(self, host: str) -> int:
        """Returns the port. Raises OSError if this machine does not have the address."""
        self._server = await asyncio.start_server(self._connected, host, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """End what is in progress."""
        self._server.close()
        if self._talk is not None:
            self._talk.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answered.set()
        self._talk = asyncio.create_task(self._say(writer))
        decoder, parts = Decoder(), []
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                parts += [from_bytes(frame.payload) for frame in decoder.feed(data) if frame.kind == FrameKind.AUDIO]
        self.heard = np.concatenate(parts) if parts else self.heard
        self.over.set()
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter) -> None:
        """Silence, the tone, silence; then give the call back."""
        size = round((LISTEN_S + TONE_S + AFTER_S) * RATE)
        said = np.zeros(size, np.int16)
        first, last = round(LISTEN_S * RATE), round((LISTEN_S + TONE_S) * RATE)
        said[first:last] = tone()
        due = self._clock.monotonic()
        for frame in whole_frames(said):
            writer.write(encode(FrameKind.AUDIO, to_bytes(frame)))
            due += FRAME_SAMPLES / RATE
            await self._clock.sleep_until(due)
        writer.write(encode(FrameKind.HANGUP))


def tone() -> Pcm:
    """What is played."""
    return np.asarray(TONE_PEAK * np.sin(2 * np.pi * TONE_HZ * np.arange(TONE_S * RATE) / RATE), np.int16)


async def line(pbx: Pbx, channel: str, host: str, clock: Clock) -> Check:
    """Call `channel`, whose agent's server is at `host`, as the PBX reaches it: there the doctor listens, too."""
    caller = TestCaller(clock)
    try:
        port = await caller.listen(host.strip("[]"))
    except OSError:
        return Check(NAME, "warn", "not measured: the server is on another machine", "run doctor there")
    try:
        await pbx.originate(f"{channel}/n", "AudioSocket", f"{uuid.uuid4()},{host}:{port}")
        async with asyncio.timeout(CONNECT_S):
            await caller.answered.wait()
        async with asyncio.timeout(LISTEN_S + TONE_S + AFTER_S + CONNECT_S):
            await caller.over.wait()
    except TimeoutError:
        if not caller.answered.is_set():
            remedy = f"can the PBX connect to other ports of {host}? a firewall may allow only the server's"
            return Check(NAME, "warn", f"not measured: the PBX did not connect to {host}:{port}", remedy)
    finally:
        await caller.close()
    return judged(caller.heard)


def judged(heard: Pcm) -> Check:
    """What the caller heard, as a check."""
    frames = whole_frames(heard) if len(heard) else np.zeros((0, FRAME_SAMPLES), np.int16)
    levels = np.array([dbfs(frame) for frame in frames])
    loud = np.flatnonzero(levels > AUDIBLE_DBFS)
    if not len(loud):
        return Check(
            NAME, "fail", "the caller hears nothing of the agent", "bargein's log says what became of the call"
        )
    level = float(np.percentile(levels[loud], 90))
    echo_db = returned_db(heard)
    text = f"the agent is heard at {level:.0f} dBFS, {20 * int(loud[0])} ms after the answer; " + (
        f"a tone comes back {-echo_db:.0f} dB lower" if echo_db > -45 else "a tone does not come back"
    )
    if level < QUIET_DBFS or level > LOUD_DBFS:
        what = "quiet" if level < QUIET_DBFS else "loud"
        return Check(
            NAME, "warn", text, f"the agent is {what}: look for VOLUME() in the dialplan and gains of the trunk"
        )
    if echo_db > -ECHO_DB:
        return Check(NAME, "warn", text, "an echo before our line: look for Echo(), loops, and gains of the trunk")
    return ok(NAME, text)


def returned_db(heard: Pcm) -> float:
    """How much of the tone comes back, in dB. The agent may speak over it: speech does not stay at one frequency."""
    size, step = round(TONE_S * RATE / 5), round(TONE_S * RATE / 20)
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(size) / RATE)
    starts = range(round(LISTEN_S * RATE), max(0, len(heard) - size), step)
    found = np.array([np.abs(heard[at : at + size] @ wave) * 2 / size for at in starts])
    steady = [float(found[at : at + STEADY].min()) for at in range(max(0, len(found) - STEADY + 1))]
    return float(20 * np.log10(max(max(steady, default=0.0), 1e-3) / TONE_PEAK))
