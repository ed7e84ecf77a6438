"""A call without a telephone: Asterisk's side of one call, with a caller who listens and interrupts.

Speaks FastAGI and AudioSocket over TCP in real time, as Asterisk does. The caller reacts only to what it hears of the
agent: it interrupts after the agent has talked for a set time, or answers when the agent is silent.
"""

from __future__ import annotations

import asyncio
import shlex
import uuid
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..clock import Clock
from ..core.audio.pcm import FRAME_SAMPLES, RATE, Pcm, dbfs, from_bytes, to_bytes
from ..core.wire.audiosocket import Decoder, FrameKind, encode

AUDIBLE_DBFS = -50.0
NEW_TURN_S = 0.6  # speech after this much silence is a new turn of the agent
NOISE_DBFS = -66.0  # a quiet room


@dataclass(frozen=True, slots=True, eq=False)
class Cue:
    """Something that the caller says: `talking_s` into the agent's turn, or after `silent_s` of silence."""

    audio: Pcm
    talking_s: float = 0.0
    silent_s: float = 0.0


class SimulatedCaller:
    """Hears the agent and speaks, 20 ms at a time."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = list(cues)
        self._saying: Pcm = np.zeros(0, np.int16)
        self._random = np.random.default_rng(1)
        self._talking_s = 0.0
        self._silent_s = 0.0  # of the agent
        self._answered = False  # the agent was heard since the caller last spoke
        self.line: list[Pcm] = []
        self.heard: list[Pcm] = []

    def hear(self, agent: Pcm) -> Pcm:
        """Takes 20 ms of the agent's audio, and returns the caller's audio of the same 20 ms."""
        if dbfs(agent) > AUDIBLE_DBFS:
            if self._silent_s >= NEW_TURN_S:
                self._talking_s = 0.0
            self._silent_s = 0.0
            self._answered = self._answered or not len(self._saying)
        else:
            self._silent_s += 0.02
        self._talking_s += 0.02
        if self._cues and not len(self._saying) and self._is_due(self._cues[0]):
            self._saying, self._answered = self._cues.pop(0).audio, False
        noise = self._random.standard_normal(FRAME_SAMPLES) * 32768 * 10 ** (NOISE_DBFS / 20)
        said, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        noise[: len(said)] += said
        out = np.clip(noise, -32768, 32767).astype(np.int16)
        self.heard.append(agent)
        self.line.append(out)
        return out

    def _is_due(self, cue: Cue) -> bool:
        if cue.silent_s:
            return self._silent_s >= cue.silent_s and self._answered
        return self._silent_s == 0.0 and self._talking_s >= cue.talking_s

    def save(self, path: Path) -> None:
        """Write the call as a stereo WAV: the caller on the left, the agent as the caller heard it on the right."""
        both = np.stack([np.concatenate(self.line), np.concatenate(self.heard)], axis=1)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(both.astype("<i2").tobytes())


async def announce(host: str, port: int, caller: str, called: str) -> dict[str, str]:
    """Call FastAGI `start` as the dialplan does. Returns the channel variables that it sets."""
    reader, writer = await asyncio.open_connection(host, port)
    request = {
        "agi_network_script": "start",
        "agi_request": f"agi://{host}:{port}/start",
        "agi_callerid": caller,
        "agi_calleridname": "unknown",
        "agi_extension": called,
        "agi_dnid": called,
    }
    writer.write("".join(f"{name}: {value}\n" for name, value in request.items()).encode() + b"\n")
    variables: dict[str, str] = {}
    while line := (await reader.readline()).decode().strip():
        words = shlex.split(line)
        if words[:2] == ["SET", "VARIABLE"]:
            variables[words[2]] = words[3]
        writer.write(b"200 result=1\n")
    writer.close()
    return variables


async def place_call(
    caller: SimulatedCaller, host: str, port: int, call_id: str, clock: Clock, limit_s: float = 90.0
) -> None:
    """One call from the id to the end, in real time; returns when the agent hands it back or `limit_s` is over."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    playout = bytearray()
    over = asyncio.Event()

    async def receive() -> None:
        decoder = Decoder()
        while data := await reader.read(4096):
            for frame in decoder.feed(data):
                if frame.kind == FrameKind.HANGUP:
                    over.set()
                    return
                playout.extend(frame.payload)
        over.set()

    receiver = asyncio.create_task(receive())
    deadline = begin = clock.monotonic()
    try:
        while not over.is_set() and clock.monotonic() - begin < limit_s:
            agent = bytes(playout[: 2 * FRAME_SAMPLES]).ljust(2 * FRAME_SAMPLES, b"\0")
            del playout[: 2 * FRAME_SAMPLES]
            writer.write(encode(FrameKind.AUDIO, to_bytes(caller.hear(from_bytes(agent)))))
            deadline += 0.02
            await clock.sleep_until(deadline)
    finally:
        receiver.cancel()
        writer.close()
