"""A caller on the other end of the TCP socket, in the part of Asterisk, who cuts in at a chosen word.

The server sends a frame every 20 ms from the first moment of the call: the frames received, laid end to end, are the
call's own clock, and exactly what was sent. Where in which sentence a frame comes from is found by its samples.
"""

from __future__ import annotations

import asyncio
import shlex
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bargein.core.audio.pcm import FRAME_SAMPLES, RATE, Pcm, dbfs, from_bytes, to_bytes
from bargein.core.audio.utterance import Utterance, Word
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.speech.audio import from_pcm, resample, to_pcm

PTIME_S = 0.02
AUDIBLE_DBFS = -50.0
NOISE_DBFS = -66.0  # a quiet room
MIDDLE = slice(40, 120)  # of a frame: enough to know where it is from
FADE_SAMPLES = 120  # 15 ms of the frame in which the agent falls silent
LOWER = 7 / 8  # the caller's voice is the agent's, pitched down


@dataclass(frozen=True)
class Cue:
    """What the caller does, and when: on hearing the last word of `upon`, the beginning of a sentence of the agent;
    with `after_s` once the agent was silent for so long since (of anything, if there is no `upon`)."""

    upon: str = ""
    after_s: float = 0.0
    says: str = ""
    presses: str = ""
    hangs_up: bool = False


@dataclass(frozen=True)
class Heard:
    """A stretch of one sentence that was received without a break; `last` and `first` are samples of the sentence."""

    utterance: Utterance
    at: int  # call sample
    first: int
    last: int

    @property
    def ended(self) -> int:
        """The call sample after its last."""
        return self.at + self.last - self.first

    def words(self, slack: int = 0) -> list[str]:
        """Those that were played to their end, give or take `slack` samples."""
        return [word.text for word in self.utterance.words if word.end <= self.last + slack]


class Caller:
    """Audio of the agent in, audio of the line out; `sentences` are all that the agent may say."""

    def __init__(self, cues: Sequence[Cue], sentences: Mapping[str, Utterance], said: Mapping[str, Pcm]) -> None:
        self.gone = False
        self.keys = ""  # pressed, not yet sent
        self.frames: list[Pcm] = []
        self._cues, self._sentences, self._caller_input = list(cues), sentences, said
        self._saying: Pcm = np.zeros(0, np.int16)
        self._random = np.random.default_rng(1)
        self._silent_s = 0.0  # of both
        self._upon: tuple[bytes, Word] | None = None  # what the cue waits for
        self._next()

    @property
    def waits_for(self) -> Cue | None:
        """The cue that has not come yet."""
        return self._cues[0] if self._cues else None

    def hear(self, frame: Pcm) -> None:
        """20 ms of the agent."""
        self.frames.append(frame)
        self._silent_s = 0.0 if dbfs(frame) > AUDIBLE_DBFS or len(self._saying) else self._silent_s + PTIME_S
        if self._upon is not None and self._is_at(*self._upon, frame):
            self._upon = None
        if self._cues and self._upon is None and not len(self._saying) and self._silent_s >= self._cues[0].after_s:
            cue = self._cues.pop(0)
            self._saying = self._caller_input[cue.says] if cue.says else self._saying
            self.keys += cue.presses
            self.gone = cue.hangs_up
            self._next()

    def speak(self) -> Pcm:
        """The next 20 ms of the line."""
        out = self._random.standard_normal(FRAME_SAMPLES) * 32768 * 10 ** (NOISE_DBFS / 20)
        said, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        out[: len(said)] += said
        return np.clip(out, -32768, 32767).astype(np.int16)

    def _next(self) -> None:
        """Look out for the next cue."""
        if self._cues and (upon := self._cues[0].upon):
            text = next(text for text in self._sentences if text.startswith(upon))
            utterance = self._sentences[text]
            self._upon = to_bytes(utterance.pcm), utterance.words[len(upon.split()) - 1]

    @staticmethod
    def _is_at(audio: bytes, word: Word, frame: Pcm) -> bool:
        if dbfs(frame) <= AUDIBLE_DBFS:
            return False
        at = audio.find(to_bytes(frame[MIDDLE])) // 2
        return word.start <= at < word.end

    # ----------------------------------------------------------------- afterwards

    @property
    def received(self) -> Pcm:
        """All that the agent sent."""
        return np.concatenate(self.frames)

    def heard(self) -> list[Heard]:
        """Which stretches of which sentences were received, in order; the fade in which one ends counts."""
        out: list[Heard] = []
        audio = {text: to_bytes(u.pcm) for text, u in self._sentences.items()}
        fading: list[int] = []
        for index, frame in enumerate(self.frames):
            now = index * FRAME_SAMPLES
            if out and _continues(frame, out[-1].utterance.pcm[out[-1].last : out[-1].last + FRAME_SAMPLES]):
                out[-1] = Heard(out[-1].utterance, out[-1].at, out[-1].first, out[-1].last + FRAME_SAMPLES)
            elif frame.any():
                found = ((text, data.find(to_bytes(frame[MIDDLE])) // 2) for text, data in audio.items())
                text, at = next(((text, at) for text, at in found if at > 0), ("", 0))
                if text:
                    first = max(0, at - MIDDLE.start)
                    utterance = self._sentences[text]
                    last = min(len(utterance.pcm), at - MIDDLE.start + FRAME_SAMPLES)
                    out.append(Heard(utterance, now + MIDDLE.start - (at - first), first, last))
                else:
                    fading.append(now)
        return [_with_tail(stretch, fading) for stretch in out]


def _continues(frame: Pcm, expected: Pcm) -> bool:
    """Whether the frame is what comes next, at any level: ducked, too. A frame that fades out ends in zeros."""
    if np.array_equal(frame, expected):
        return True
    if len(expected) < FRAME_SAMPLES or not frame[-FRAME_SAMPLES // 5 :].any():
        return False
    a, b = (x[FRAME_SAMPLES // 2 :].astype(np.float64) for x in (frame, expected))  # after the ramp of 10 ms
    return bool(a @ b > 0.95 * np.sqrt((a @ a) * (b @ b)) > 0)


def _with_tail(stretch: Heard, fading: Sequence[int]) -> Heard:
    """With what follows the last whole frame: a fade, or the rest of the sentence."""
    rest = len(stretch.utterance.pcm) - stretch.last
    if stretch.ended in fading:
        rest = min(rest, FADE_SAMPLES)
    elif rest >= FRAME_SAMPLES:
        rest = 0
    return Heard(stretch.utterance, stretch.at, stretch.first, stretch.last + rest)


def pitched(pcm: Pcm) -> Pcm:
    """A voice that differs from the agent's."""
    return to_pcm(resample(from_pcm(pcm), int(RATE * LOWER), RATE) * np.float32(0.7))


async def ask_agi(port: int, script: str, variables: dict[str, str]) -> dict[str, str]:
    """One FastAGI request as the dialplan makes it; the channel variables afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"agi_network_script: {script}\nagi_callerid: +15550100\nagi_dnid: 700\n\n".encode())
    while words := shlex.split((await reader.readline()).decode()):
        if words[0] == "SET":
            variables[words[2].removeprefix("__")] = words[3]
            writer.write(b"200 result=1\n")
        else:
            writer.write(f"200 result=1 ({variables.get(words[2], '')})\n".encode())
    writer.close()
    return variables


async def place_call(caller: Caller, address: str, call_id: str, limit_s: float) -> bool:
    """One call in real time, until either side ends it; whether that was in time."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    over = asyncio.Event()

    async def listen() -> None:
        decoder = Decoder()
        while not over.is_set() and (data := await reader.read(4096)):
            for frame in decoder.feed(data):
                if frame.kind == FrameKind.HANGUP:
                    over.set()
                else:
                    caller.hear(from_bytes(frame.payload))
        over.set()

    async def speak() -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not over.is_set():
            writer.write(encode(FrameKind.AUDIO, to_bytes(caller.speak())))
            for key in caller.keys:
                writer.write(encode(FrameKind.DTMF, key.encode()))
            caller.keys = ""
            if caller.gone:
                writer.write(encode(FrameKind.HANGUP))
                return  # what was on its way is heard still
            due += PTIME_S
            await asyncio.sleep(due - loop.time())

    try:
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as group:
            group.create_task(listen())
            group.create_task(speak())
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()
