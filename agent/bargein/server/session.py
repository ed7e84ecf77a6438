"""One call: the engines around a Conversation. It performs the actions of the core and decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..core.audio.pcm import Pcm
from ..core.audio.playback import Segment
from ..core.audio.utterance import Utterance
from ..core.detector.speech_detector import SpeechDetector
from ..core.turns import actions as act
from ..core.turns.conversation import Conversation
from ..core.turns.records import Interruption, Situation, Turn
from ..core.turns.reply import CallResult, Finish, Listen, Say
from ..core.turns.transcript import Transcript
from ..dialogue.base import Planner, Progress, Reply
from ..speech.base import DigitsRecognizer, RecognitionStream, Recognizer
from .connection import Connection
from .logs import described
from .media import MediaEngine

log = logging.getLogger(__name__)


APOLOGY_S = 0.3  # for a sentence that is in memory


class UtteranceSource(Protocol):
    """Text or a WAV file to speech, cached."""

    async def utterance(self, text: str) -> Utterance: ...

    async def wav(self, path: str, text: str = "") -> Utterance: ...


class CallLog(Protocol):
    """Where turns and interruptions go; plain functions that never wait."""

    def turn(self, call_id: str, turn: Turn) -> None: ...

    def interruption(self, row: Interruption) -> None: ...


class Recorder(Protocol):
    """Takes both legs, for a recording."""

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
    """`run` carries one call from the frame after the id to its end."""

    def __init__(
        self,
        call_id: str,
        conversation: Conversation,
        engines: Engines,
        log_to: CallLog,
        recorder: Recorder | None = None,
        detector: SpeechDetector | None = None,
        filler_ms: int = 800,
    ) -> None:
        self.finish: Finish | None = None  # how the flow ended; None while it runs, or if the caller hung up
        self.cause = ""  # why the call ended before the flow did; "" if it did not
        self._call_id = call_id
        self._conversation = conversation
        self._engines = engines
        self._log_to = log_to
        self._recorder = recorder
        self.detector = detector  # the conversation's detector, if its frames may be analysed with others
        self._streams: dict[int, RecognitionStream] = {}
        self._replies: dict[int, Reply] = {}
        self._answers: dict[int, asyncio.Task[None]] = {}
        self._filler_s = filler_ms / 1000
        self._spoken_for = 0  # the last reply of which a sentence was ready
        self._bridged = 0  # the last reply that began with a filler, until another reply begins
        self._dropped: Counter[act.DropCause] = Counter()  # answers of which nothing was heard
        self._tasks: asyncio.TaskGroup

    @property
    def id(self) -> str:
        """The call's id."""
        return self._call_id

    @property
    def progress(self) -> Progress:
        """How far the caller has come in the flow."""
        return self._engines.planner.progress

    async def run(self, connection: Connection, media: MediaEngine) -> None:
        """Serve the call until it is over. The caller of this method closes the connection."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._perform(self._conversation.start())
                await media.carry(self, connection)
                raise _CallOver
        except* _CallOver:
            pass
        finally:
            self._perform(self._conversation.on_hangup())
            for stream in self._streams.values():
                stream.cancel()
            if self.detector is not None:
                self.detector.close()

    def stop(self, cause: str) -> None:
        """Give the call back to the dialplan now. The flow is not done, so the caller goes to people."""
        if self.finish is None:
            self.finish = Finish(CallResult.FAILED)
            self.cause = cause

    # ---------------------------------------------------------------- the line

    def on_audio(self, pcm: Pcm) -> None:
        """160 samples from the line."""
        if self._recorder is not None:
            self._recorder.near(np.zeros_like(pcm) if self._conversation.is_secret else pcm)
        self._perform(self._conversation.on_frame(pcm))

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""
        self._perform(self._conversation.on_digit(digit))

    def on_tick(self) -> Pcm | None:
        """The 160 samples to send now; None when the call is to be handed back to the dialplan."""
        if self.finish is not None:
            return None
        pcm, actions = self._conversation.on_tick()
        if self._recorder is not None:
            self._recorder.far(pcm)
        self._perform(actions)
        return pcm

    # ----------------------------------------------------------------- actions

    def _perform(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.OpenStream() as opened:
                    self._begin_stream(opened)
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
                case act.CancelReply(reply_id, dropped):
                    if dropped is not None:
                        self._dropped[dropped] += 1
                        count = self._dropped[dropped]
                        if dropped is act.DropCause.CUT_OFF:
                            log.info("call %s: the agent cut the caller off (%d); retracted", self._call_id, count)
                        else:
                            told = (self._call_id, dropped, count)
                            log.info("call %s: an unheard answer is dropped, cause: %s (%d)", *told)
                    if reply_id in self._replies:
                        self._replies.pop(reply_id).cancel()
                    if reply_id in self._answers:
                        self._answers.pop(reply_id).cancel()
                case act.LogTurn(turn):
                    self._log_to.turn(self._call_id, turn)
                case act.LogInterruption(row):
                    self._log_to.interruption(row)
                    if self._recorder is not None:
                        self._recorder.mark(row)
                case act.EndCall(finish):
                    self.finish = finish

    def _begin_stream(self, opened: act.OpenStream) -> None:
        recognizer, language = self._engines.recognizer, self._engines.planner.language
        try:
            if opened.listen.dictated and isinstance(recognizer, DigitsRecognizer):
                stream = recognizer.digits_stream(language, opened.listen.hints)
            else:
                stream = recognizer.stream(language, opened.listen.hints)
        except Exception as error:  # without a recognizer no talk is possible: this caller goes to people
            log.error("call %s: no speech to text: %s; the dialplan goes on", self._call_id, described(error))
            self.stop("no speech to text")
        else:
            stream.feed(opened.preroll)
            self._streams[opened.turn_id] = stream

    async def _ask(self, turn_id: int, at: int) -> None:
        words = Transcript("")
        try:
            words = await self._streams[turn_id].partial()
        except KeyError:
            return
        except Exception as error:
            log.error("call %s: speech to text failed: %s", self._call_id, described(error))
        self._perform(self._conversation.on_transcript(turn_id, at, words))

    async def _answer(self, reply_id: int, situation: Situation) -> None:
        """Play a reply. Its sentences are synthesized in parallel and passed on in order."""
        finish: Finish | None = None
        bridge: asyncio.Task[None] | None = None
        try:
            reply = self._engines.planner.plan(situation)
            self._replies[reply_id] = reply
            if reply.kind is not None:
                self._perform(self._conversation.on_kind(reply_id, reply.kind))
            async with asyncio.TaskGroup() as group:
                lines: asyncio.Queue[asyncio.Task[Segment] | None] = asyncio.Queue()
                group.create_task(self._deliver(reply_id, lines))
                bridge = self._tasks.create_task(self._bridge(reply_id)) if situation.turns else None
                async for piece in reply:
                    if isinstance(piece, Say):
                        self._perform(self._conversation.on_planned(reply_id))
                        lines.put_nowait(group.create_task(self._line(piece)))
                    elif isinstance(piece, Listen):
                        self._perform(self._conversation.expect(reply_id, piece))
                    else:
                        finish = piece
                lines.put_nowait(None)
        except Exception as error:  # a call must never end in silence because an engine failed
            log.error("call %s: no answer could be made: %s; the dialplan goes on", self._call_id, described(error))
            finish, self.cause = Finish(CallResult.FAILED), "no answer could be made"
            await self._apologize(reply_id)
        finally:
            if bridge is not None:
                bridge.cancel()
        self._perform(self._conversation.on_reply_end(reply_id, finish))

    async def _deliver(self, reply_id: int, lines: asyncio.Queue[asyncio.Task[Segment] | None]) -> None:
        while (making := await lines.get()) is not None:
            segment = await making
            self._spoken_for = reply_id
            self._bridged = self._bridged if self._bridged == reply_id else 0
            self._perform(self._conversation.on_segment(reply_id, segment))

    async def _bridge(self, reply_id: int) -> None:
        """Say "One moment." if nothing of the reply is there in time. Never in two replies in a row."""
        if not self._filler_s or self._bridged:
            return
        text = self._engines.planner.phrases.sayings.get("filler", "")
        await asyncio.sleep(self._filler_s)
        if not text or self._spoken_for == reply_id:
            return
        try:
            segment = replace(await self._line(Say(text)), filler=True)
        except Exception as error:  # the reply itself may still come
            log.error("call %s: no filler: %s", self._call_id, described(error))
            return
        if self._spoken_for != reply_id:
            self._bridged = reply_id
            self._perform(self._conversation.on_segment(reply_id, segment))

    async def _apologize(self, reply_id: int) -> None:
        """Say that there is trouble, if that sentence is in memory: the voice may have failed."""
        text = self._engines.planner.phrases.sayings.get("trouble", "")
        with suppress(Exception):
            async with asyncio.timeout(APOLOGY_S):
                self._perform(self._conversation.on_segment(reply_id, await self._line(Say(text))))

    async def _line(self, say: Say) -> Segment:
        voice = self._engines.voice
        utterance = await (voice.wav(say.wav, say.text) if say.wav else voice.utterance(say.text))
        how = (say.interruptible, say.sensitivity, say.question, say.repeated, say.overlap, say.duck_db)
        return Segment(utterance, say.step, *how)
