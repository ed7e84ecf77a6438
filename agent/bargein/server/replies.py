"""The replies of one call: the planner's pieces become speech, in order, and the planner learns what was heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Protocol

from ..core.audio.playout import Segment
from ..core.audio.utterance import Utterance
from ..core.turns import actions as act
from ..core.turns.conversation import Conversation
from ..core.turns.records import Situation
from ..core.turns.reply import CallResult, Finish, Listen, Say
from ..dialogue.base import Planner, PreparedReply, Preparing, Reply
from ..speech.live import LiveUtterance
from .logs import described

log = logging.getLogger(__name__)

APOLOGY_S = 0.3  # for a sentence that is in memory
FILLERS = ("filler", "moment")  # sayings, one after the other
NO_ANSWER = "no answer could be made"

Perform = Callable[[Iterable[act.Action]], None]


class UtteranceSource(Protocol):
    """Text or a WAV file to speech, cached."""

    async def utterance(self, text: str) -> Utterance | LiveUtterance: ...

    async def wav(self, path: str, text: str = "") -> Utterance: ...


@dataclass(slots=True)
class _PlannedReply:
    """A reply that is being made. `wanted` is set once it is certain that the caller's turn is over."""

    task: asyncio.Task[None] | None = None
    reply: Reply | None = None
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    committed: bool = False
    failed: bool = False


class Replies:
    """Makes what the core orders, and passes on what comes of it. `perform` takes the actions that follow.

    It keeps the reply that was ordered last, and the one that is prepared.
    """

    def __init__(
        self, call_id: str, conversation: Conversation, planner: Planner, voice: UtteranceSource, perform: Perform
    ) -> None:
        self._call_id, self._conversation, self._perform = call_id, conversation, perform
        self._planner, self._voice = planner, voice
        self._planned: dict[int, _PlannedReply] = {}
        self._fillers = cycle(FILLERS)

    @property
    def cause(self) -> str:
        """Why the call ends before its dialogue, if it ends now."""
        return NO_ANSWER if any(planned.failed for planned in self._planned.values()) else ""

    def prepare(self, order: act.PrepareReply, tasks: asyncio.TaskGroup) -> None:
        """Begin a reply that may not be wanted, if the planner can."""
        if isinstance(self._planner, Preparing):
            self._begin(order.reply_id, order.situation, tasks)

    def plan(self, order: act.PlanReply, tasks: asyncio.TaskGroup) -> None:
        """Begin a reply, or go on with the one that was prepared."""
        for reply_id in [reply_id for reply_id in self._planned if reply_id != order.reply_id]:
            del self._planned[reply_id]  # it is over: it was played, or dropped
        if order.reply_id not in self._planned:
            self._begin(order.reply_id, order.situation, tasks)
        planned = self._planned[order.reply_id]
        planned.wanted.set()
        if isinstance(planned.reply, PreparedReply):
            planned.reply.confirm()

    def commit(self, reply_id: int) -> None:
        """The caller hears the reply."""
        if (planned := self._planned.get(reply_id)) is not None:
            planned.committed = True
            if planned.reply is not None:
                planned.reply.commit()

    def cancel(self, reply_id: int) -> None:
        """The reply, or the rest of it, is not wanted."""
        planned = self._planned.pop(reply_id, None)
        if planned is not None:
            if planned.reply is not None:
                planned.reply.cancel()
            if planned.task is not None:
                planned.task.cancel()

    def fill(self, order: act.SayFiller, tasks: asyncio.TaskGroup) -> None:
        """Say something short, so that the caller knows that the call is alive."""
        tasks.create_task(self._fill(order.reply_id))

    # ------------------------------------------------------------------ making a reply

    def _begin(self, reply_id: int, situation: Situation, tasks: asyncio.TaskGroup) -> None:
        planned = self._planned[reply_id] = _PlannedReply()
        planned.task = tasks.create_task(self._make(reply_id, situation, planned))

    async def _make(self, reply_id: int, situation: Situation, planned: _PlannedReply) -> None:
        """A reply; if it fails, what the dialogue does then; if that fails, the end of the call."""
        finish: Finish | None = None
        try:
            finish = await self._made(reply_id, situation, planned)
        except Exception as error:  # a call must never end in silence because an engine failed
            log.error("call %s: no answer could be made: %s", self._call_id, described(error))
            if planned.reply is not None:
                planned.reply.cancel()
            await planned.wanted.wait()
            try:
                finish = await self._made(reply_id, replace(situation, failed=True), planned)
            except Exception as again:
                log.error("call %s: %s; the dialplan goes on", self._call_id, described(again))
                finish, planned.failed = Finish(CallResult.FAILED), True
                await self._apologize(reply_id)
        self._perform(self._conversation.on_reply_end(reply_id, finish))

    async def _made(self, reply_id: int, situation: Situation, planned: _PlannedReply) -> Finish | None:
        """Pass on a reply. Its sentences are synthesized in parallel. Before it is wanted there is only the first."""
        planner, core = self._planner, self._conversation
        reply: Reply
        if not planned.wanted.is_set() and isinstance(planner, Preparing):
            reply = planner.prepare(situation)
        else:
            reply = planner.plan(situation)
        planned.reply = reply
        if planned.committed:
            reply.commit()
        finish: Finish | None = None
        if reply.kind is not None:
            self._perform(core.on_kind(reply_id, reply.kind))
        async with asyncio.TaskGroup() as group:
            segments: asyncio.Queue[tuple[Say, asyncio.Task[Segment]] | None] = asyncio.Queue()
            group.create_task(self._deliver(reply_id, segments))
            async for piece in reply:
                if isinstance(piece, Say):
                    self._perform(core.on_planned(reply_id))
                    segments.put_nowait((piece, group.create_task(self._segment(piece))))
                    await planned.wanted.wait()
                elif isinstance(piece, Listen):
                    self._perform(core.expect(reply_id, piece))
                else:
                    finish = piece
            segments.put_nowait(None)
        return finish

    async def _deliver(self, reply_id: int, segments: asyncio.Queue[tuple[Say, asyncio.Task[Segment]] | None]) -> None:
        while (queued := await segments.get()) is not None:
            say, making = queued
            segment = await making
            if isinstance(segment.utterance, LiveUtterance) and segment.utterance.broken:
                segment = await self._segment(say)  # another call began it, and gave it up meanwhile
            await self._say(reply_id, segment)

    async def _say(self, reply_id: int, segment: Segment) -> None:
        """Pass on speech. If its end has still to come, wait for it: the next sentence then begins in time."""
        self._perform(self._conversation.on_segment(reply_id, segment))
        if isinstance(segment.utterance, LiveUtterance):
            await segment.utterance.finished()

    async def _fill(self, reply_id: int) -> None:
        if not (text := self._planner.phrases.sayings.get(next(self._fillers), "")):
            return
        try:
            await self._say(reply_id, replace(await self._segment(Say(text)), filler=True))
        except Exception as error:  # the reply itself may still come
            log.error("call %s: no filler: %s", self._call_id, described(error))

    async def _apologize(self, reply_id: int) -> None:
        """Say that there is trouble, if that sentence is in memory: the voice may have failed."""
        text = self._planner.phrases.sayings.get("trouble", "")
        with suppress(Exception):
            async with asyncio.timeout(APOLOGY_S):
                segment = await self._segment(Say(text))
            if not isinstance(segment.utterance, LiveUtterance):
                await self._say(reply_id, segment)

    async def _segment(self, say: Say) -> Segment:
        voice = self._voice
        utterance = await (voice.wav(say.wav, say.text) if say.wav else voice.utterance(say.text))
        how = (say.interruptible, say.sensitivity, say.question, say.repeated, say.overlap, say.duck_db)
        return Segment(utterance, say.step, *how)
