"""One call: the socket, the clock and the engines around a Conversation. It performs actions and decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..clock import Clock
from ..core.audio.pcm import FRAME_BYTES, Pcm, from_bytes, to_bytes
from ..core.audio.playback import Segment
from ..core.audio.utterance import Utterance
from ..core.turns import actions as act
from ..core.turns.conversation import Conversation
from ..core.turns.records import Interruption, Situation, Turn
from ..core.turns.reply import CallResult, Finish, Listen, Say
from ..core.turns.transcript import Transcript
from ..core.wire.audiosocket import WIDEBAND_KINDS, Decoder, FrameKind, ProtocolError, encode
from ..core.wire.rate_limiter import RateLimiter
from ..dialogue.base import Planner, Reply
from ..speech.base import RecognitionStream, Recognizer

log = logging.getLogger(__name__)

PTIME_S = 0.020
RESYNC_S = 0.100  # after a stall of this length start anew rather than burst: Asterisk would play the burst at once
DRAIN_S = 2.0  # how long to wait for EOF after 0x00
BACKLOG_BYTES = 50 * (3 + FRAME_BYTES)  # 1 s unsent: the peer does not read


class UtteranceSource(Protocol):
    """Text or a WAV file to speech, cached."""

    async def utterance(self, text: str) -> Utterance: ...

    async def wav(self, path: str, text: str = "") -> Utterance: ...


class CallLog(Protocol):
    """Where turns and interruptions go; plain functions that never wait."""

    def turn(self, call_id: str, turn: Turn) -> None: ...

    def interruption(self, row: Interruption) -> None: ...


class Recorder(Protocol):
    """Hears both legs, for a recording."""

    def near(self, pcm: Pcm) -> None: ...

    def far(self, pcm: Pcm) -> None: ...

    def mark(self, row: Interruption) -> None: ...


@dataclass(frozen=True, slots=True)
class Engines:
    """What one call talks with. The recognizer and the voice are shared, the planner is the call's own."""

    recognizer: Recognizer
    voice: UtteranceSource
    planner: Planner


class _CallOver(Exception):
    """Ends the call's task group."""


class Session:
    """`run` carries one call from the frame after the id to its end. The connection is closed by whoever opened it."""

    def __init__(
        self,
        call_id: str,
        conversation: Conversation,
        engines: Engines,
        log_to: CallLog,
        clock: Clock,
        tap: Recorder | None = None,
    ) -> None:
        self.finish: Finish | None = None  # what the flow came to; None while it goes on, or the caller hung up
        self._call_id = call_id
        self._conversation = conversation
        self._engines = engines
        self._log_to = log_to
        self._clock = clock
        self._tap = tap
        self._pace = RateLimiter(clock.monotonic())
        self._streams: dict[int, RecognitionStream] = {}
        self._replies: dict[int, Reply] = {}
        self._answers: dict[int, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup
        self._write: Callable[[bytes], None]

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, decoder: Decoder) -> None:
        """Serve the call until it is over. `decoder` may already hold bytes that came with the id."""
        self._write = writer.write
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._perform(self._conversation.start())
                self._tasks.create_task(self._read(reader, decoder))
                self._tasks.create_task(self._tick(writer))
        except* _CallOver:
            pass
        finally:
            self._perform(self._conversation.on_hangup())
            for stream in self._streams.values():
                stream.cancel()

    def stop(self) -> None:
        """Give the call back to the dialplan now: the flow is not done, so its caller goes to people."""
        if self.finish is None:
            self.finish = Finish(CallResult.FAILED)

    # ---------------------------------------------------------------- the line

    async def _read(self, reader: asyncio.StreamReader, decoder: Decoder) -> None:
        data = b""  # the decoder may hold what came with the id
        while True:
            try:
                for frame in decoder.feed(data):
                    self._pace.count(frame, self._clock.monotonic())
                    if frame.kind == FrameKind.AUDIO:
                        pcm = from_bytes(frame.payload)
                        if self._tap is not None:
                            self._tap.near(pcm)
                        self._perform(self._conversation.on_frame(pcm))
                    elif frame.kind == FrameKind.DTMF:
                        self._perform(self._conversation.on_digit(frame.digit()))
                    elif frame.kind == FrameKind.HANGUP:
                        raise _CallOver
                    elif frame.kind in WIDEBAND_KINDS:
                        raise ProtocolError("audio of more than 8 kHz: the dialplan's AudioSocket has to use slin")
            except ProtocolError as error:
                log.warning("call %s: %s; the connection is closed", self._call_id, error)
                raise _CallOver from None
            try:
                data = await reader.read(4096)
            except OSError:  # reset, timed out, no route
                raise _CallOver from None
            if not data:
                raise _CallOver

    async def _tick(self, writer: asyncio.StreamWriter) -> None:
        deadline = self._clock.monotonic()
        while self.finish is None:
            pcm, actions = self._conversation.on_tick()
            if writer.transport.get_write_buffer_size() > BACKLOG_BYTES:
                log.warning("call %s: the peer does not read; the connection is closed", self._call_id)
                raise _CallOver
            self._write(encode(FrameKind.AUDIO, to_bytes(pcm)))
            if self._tap is not None:
                self._tap.far(pcm)
            self._perform(actions)
            deadline += PTIME_S
            now = self._clock.monotonic()
            if now > deadline + RESYNC_S:
                deadline = now
            await self._clock.sleep_until(deadline)
        self._write(encode(FrameKind.HANGUP))
        await self._clock.sleep_until(self._clock.monotonic() + DRAIN_S)
        raise _CallOver

    # ----------------------------------------------------------------- actions

    def _perform(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.OpenStream(turn_id, preroll, hints):
                    self._begin_stream(turn_id, preroll, hints)
                case act.FeedAudio(turn_id, pcm):
                    if turn_id in self._streams:
                        self._streams[turn_id].feed(pcm)
                case act.RequestTranscript(turn_id, at):
                    self._tasks.create_task(self._ask(turn_id, at))
                case act.CloseStream(turn_id):
                    if turn_id in self._streams:
                        self._streams.pop(turn_id).cancel()
                case act.PlanReply(reply_id, situation):
                    self._answers[reply_id] = self._tasks.create_task(self._answer(reply_id, situation))
                case act.CommitReply(reply_id):
                    if reply_id in self._replies:
                        self._replies[reply_id].commit()
                case act.CancelReply(reply_id):
                    if reply_id in self._replies:
                        self._replies.pop(reply_id).cancel()
                    if reply_id in self._answers:
                        self._answers.pop(reply_id).cancel()
                case act.LogTurn(turn):
                    self._log_to.turn(self._call_id, turn)
                case act.LogInterruption(row):
                    self._log_to.interruption(row)
                    if self._tap is not None:
                        self._tap.mark(row)
                case act.EndCall(finish):
                    self.finish = finish

    def _begin_stream(self, turn_id: int, preroll: Pcm, hints: Sequence[str]) -> None:
        try:
            stream = self._engines.recognizer.stream(self._engines.planner.language, hints)
        except Exception as error:  # without words there is no talk: this caller goes to people
            log.error("call %s: no speech to text: %s; the dialplan goes on", self._call_id, error)
            self.stop()
        else:
            stream.feed(preroll)
            self._streams[turn_id] = stream

    async def _ask(self, turn_id: int, at: int) -> None:
        words = Transcript("")
        try:
            words = await self._streams[turn_id].partial()
        except KeyError:
            return
        except Exception as error:
            log.error("call %s: speech to text failed: %s", self._call_id, error)
        self._perform(self._conversation.on_transcript(turn_id, at, words))

    async def _answer(self, reply_id: int, situation: Situation) -> None:
        """Play a reply: its sentences are synthesized side by side and handed over in order."""
        finish: Finish | None = None
        try:
            reply = self._engines.planner.plan(situation)
            self._replies[reply_id] = reply
            if reply.kind is not None:
                self._perform(self._conversation.on_kind(reply_id, reply.kind))
            async with asyncio.TaskGroup() as group:
                lines: asyncio.Queue[asyncio.Task[Segment] | None] = asyncio.Queue()
                group.create_task(self._deliver(reply_id, lines))
                async for piece in reply:
                    if isinstance(piece, Say):
                        lines.put_nowait(group.create_task(self._line(piece)))
                    elif isinstance(piece, Listen):
                        self._perform(self._conversation.expect(reply_id, piece))
                    else:
                        finish = piece
                lines.put_nowait(None)
        except Exception as error:  # a call must never end in silence because an engine failed
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            log.error("call %s: no answer could be made: %s; the dialplan goes on", self._call_id, cause)
            finish = Finish(CallResult.FAILED)
        self._perform(self._conversation.on_reply_end(reply_id, finish))

    async def _deliver(self, reply_id: int, lines: asyncio.Queue[asyncio.Task[Segment] | None]) -> None:
        while (making := await lines.get()) is not None:
            self._perform(self._conversation.on_segment(reply_id, await making))

    async def _line(self, say: Say) -> Segment:
        voice = self._engines.voice
        utterance = await (voice.wav(say.wav, say.text) if say.wav else voice.utterance(say.text))
        return Segment(utterance, say.step, say.interruptible, say.sensitivity, say.question, say.repeated)
