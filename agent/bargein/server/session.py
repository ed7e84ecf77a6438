"""One call: the engines around a Conversation. It performs the actions of the core and decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..core.audio.pcm import FRAME_SAMPLES, WIDE, Pcm, dbfs
from ..core.detector.speech_detector import SpeechDetector
from ..core.turns import actions as act
from ..core.turns.conversation import Conversation
from ..core.turns.endpoint import Preroll
from ..core.turns.records import CallNow, Interruption, Turn
from ..core.turns.reply import CallResult, Finish
from ..core.turns.transcript import Transcript
from ..dialogue.base import Planner, Progress
from ..speech.base import DigitsRecognizer, RecognitionStream, Recognizer, SoundRecognizer, WideRecognitionStream
from .connection import Connection
from .logs import described
from .media import MediaEngine
from .replies import Replies, UtteranceSource

log = logging.getLogger(__name__)

LEVEL_FRAMES = 25  # 0.5 s


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
    ) -> None:
        self.finish: Finish | None = None  # how the flow ended; None while it runs, or if the caller hung up
        self.cause = ""  # why the call ended before the flow did; "" if it did not
        self._call_id = call_id
        self._conversation = conversation
        self._engines = engines
        self._log_to = log_to
        self._recorder = recorder
        self.detector = detector  # the conversation's detector, if its frames may be analysed with others
        self.sensitivity = conversation.sensitivity  # of the detector, for the next frame
        self._streams: dict[int, RecognitionStream] = {}
        self._replies = Replies(call_id, conversation, engines.planner, engines.voice, self._perform)
        self._dropped: Counter[act.DropCause] = Counter()  # answers of which nothing was heard
        self._upper = Preroll()  # what a line of 16 kHz has above 4 kHz
        self._received: deque[Pcm] = deque(maxlen=LEVEL_FRAMES)
        self._sent: deque[Pcm] = deque(maxlen=LEVEL_FRAMES)
        self._tasks: asyncio.TaskGroup

    @property
    def id(self) -> str:
        """The call's id."""
        return self._call_id

    @property
    def answered_by(self) -> str:
        """Who or what answered a call that Asterisk placed; "" if that is not known, or the caller called us."""
        return self._conversation.ledger.answered_by

    @property
    def underruns(self) -> int:
        """Pauses within the agent's sentences, because the rest of them had not come in time."""
        return self._conversation.playback.underruns

    @property
    def progress(self) -> Progress:
        """How far the caller has come in the flow."""
        return self._engines.planner.progress

    @property
    def now(self) -> CallNow:
        """Levels and words at the moment."""
        caller, agent = (
            round(dbfs(np.concatenate(frames))) if frames else -120 for frames in (self._received, self._sent)
        )
        return CallNow(caller, agent, *self._conversation.saying)

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

    def stop(self, cause: str, result: CallResult = CallResult.FAILED) -> None:
        """Give the call back to the dialplan now. The flow is not done, so the caller goes to people by default."""
        if self.finish is None:
            self.finish = Finish(result)
            self.cause = cause

    # ---------------------------------------------------------------- the line

    def on_audio(self, pcm: Pcm) -> None:
        """160 samples from the line."""
        self._received.append(pcm)
        if self._recorder is not None:
            self._recorder.near(np.zeros_like(pcm) if self._conversation.is_secret else pcm)
        self._perform(self._conversation.on_frame(pcm))

    def on_upper(self, upper: Pcm) -> None:
        """320 samples at 16 kHz: what the line has above 4 kHz during the next frame."""
        self._upper.push(upper)

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""
        self._perform(self._conversation.on_digit(digit))

    def on_tick(self) -> Pcm | None:
        """The 160 samples to send now, or 320 of 16 kHz; None when the call is to be handed back to the dialplan."""
        if self.finish is not None:
            return None
        pcm, actions = self._conversation.on_tick()
        wide = self._conversation.playback.wide
        self._sent.append(pcm)
        if self._recorder is not None:
            self._recorder.far(pcm)
        self._perform(actions)
        return pcm if wide is None else wide

    # ----------------------------------------------------------------- actions

    def _perform(self, actions: Iterable[act.Action]) -> None:
        for action in actions:
            match action:
                case act.OpenStream() as opened:
                    self._begin_stream(opened)
                case act.FeedAudio(turn_id, pcm):
                    if turn_id in self._streams:
                        self._feed(self._streams[turn_id], pcm)
                case act.RequestTranscript(turn_id, at):
                    self._tasks.create_task(self._ask(turn_id, at))
                case act.JudgeSound(turn_id, pcm):
                    if isinstance(self._engines.recognizer, SoundRecognizer):
                        self._tasks.create_task(self._judge_sound(self._engines.recognizer, turn_id, pcm))
                case act.CloseStream(turn_id):
                    if turn_id in self._streams:
                        self._streams.pop(turn_id).cancel()
                case act.PrepareReply() as order:
                    self._replies.prepare(order, self._tasks)
                case act.PlanReply() as order:
                    self._replies.plan(order, self._tasks)
                case act.SayFiller() as order:
                    self._replies.fill(order, self._tasks)
                case act.CommitReply(reply_id):
                    self._replies.commit(reply_id)
                case act.CancelReply(reply_id, dropped):
                    self._tell(dropped)
                    self._replies.cancel(reply_id)
                case act.LogTurn(turn):
                    self._log_to.turn(self._call_id, turn)
                case act.LogInterruption(row):
                    self._log_to.interruption(row)
                    if self._recorder is not None:
                        self._recorder.mark(row)
                case act.EndCall(finish):
                    self.finish, self.cause = finish, self._replies.cause

    def _tell(self, dropped: act.DropCause | None) -> None:
        """Log, and count, an answer that counts as not said."""
        if dropped is None:
            return
        self._dropped[dropped] += 1
        count = self._dropped[dropped]
        if dropped is act.DropCause.CUT_OFF:
            log.info("call %s: the agent cut the caller off (%d); retracted", self._call_id, count)
        else:
            log.info("call %s: an unheard answer is dropped, cause: %s (%d)", self._call_id, dropped, count)

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
            self._feed(stream, opened.preroll)
            self._streams[opened.turn_id] = stream

    def _feed(self, stream: RecognitionStream, pcm: Pcm) -> None:
        """The newest samples of the line, in whole frames. What is above 4 kHz goes with them, if anything came."""
        uppers = self._upper.frames(len(pcm) // FRAME_SAMPLES)
        if uppers and isinstance(stream, WideRecognitionStream):
            missing = np.zeros(WIDE * len(pcm) - sum(map(len, uppers)), np.int16)
            stream.feed_wide(pcm, np.concatenate([missing, *uppers]))
        else:
            stream.feed(pcm)

    async def _judge_sound(self, recognizer: SoundRecognizer, turn_id: int, pcm: Pcm) -> None:
        """Without an answer the conversation decides by its own classifier."""
        try:
            second = await recognizer.judge_sound(pcm)
        except Exception as error:
            log.debug("call %s: a sound was not judged: %s", self._call_id, described(error))
        else:
            if second is not None:
                self._conversation.on_sound(turn_id, second)

    async def _ask(self, turn_id: int, at: int) -> None:
        words = Transcript("")
        try:
            words = await self._streams[turn_id].partial()
        except KeyError:
            return
        except Exception as error:
            log.error("call %s: speech to text failed: %s", self._call_id, described(error))
        self._perform(self._conversation.on_transcript(turn_id, at, words))
