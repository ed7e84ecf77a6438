"""A planner that asks a language model: streamed, spoken sentence by sentence, cancelled at once, never silent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..clock import SystemClock
from ..core.language.intent import Phrases
from ..core.language.kinds import Kind
from ..core.language.sentences import Sentences
from ..core.turns.records import CallInfo, Situation
from ..core.turns.reply import CallResult, Finish, Listen, Piece, Say
from ..errors import EngineError
from . import chat_api, tools
from .base import Reply
from .expression import render
from .flow import Flow, FlowPlanner
from .flow.model import HANGUP, Prompt
from .flow.names import Names
from .languages import load as load_language
from .llm_context import Message, ToolResult, messages
from .webhook import Webhooks

log = logging.getLogger(__name__)

STEP = "llm"
MOST_ROUNDS = 5  # requests in one turn: the model calls tools and goes on
MOST_SILENCES = 2
_MARKUP = re.compile(r"[*_#`~>|]+|\[[^\]]*\](?:\([^)]*\))?")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)


class LlmSettings(Protocol):
    """What of the configuration is needed: `agent.config.Llm`."""

    @property
    def url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key_env(self) -> str: ...
    @property
    def temperature(self) -> float: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def first_token_ms(self) -> int: ...
    @property
    def timeout_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LlmState:
    """What a reply may change."""

    deeds: tuple[ToolResult, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    silences: int = 0


class LlmPlanner:
    """One a call. The flow gives the greeting (its first step), the instructions, the facts, the tools and what to do
    when the model fails (`failed:`): a person, or a step from which the flow goes on without the model."""

    def __init__(
        self,
        settings: LlmSettings,
        flow: Flow,
        call: CallInfo,
        phrases: Phrases | None = None,
        webhooks: Webhooks | None = None,
    ) -> None:
        self.settings, self.flow, self.call = settings, flow, call
        self.language = flow.language
        self.voice = flow.voice
        self.phrases = phrases or load_language(flow.language, flow.language_file)
        self.webhooks = webhooks or Webhooks()
        self._heard: LlmReply | None = None
        self._fallback: FlowPlanner | None = None

    @property
    def state(self) -> LlmState:
        """What has happened: the state of the last reply that was heard."""
        return self._heard.state if self._heard is not None else LlmState()

    def plan(self, situation: Situation) -> Reply:
        """The answer to a situation; it changes nothing until it is committed."""
        fallback = self._heard.fallback if self._heard is not None else None
        if fallback is not None:
            return fallback.plan(situation)
        return LlmReply(self, situation)

    def committed(self, reply: LlmReply) -> None:
        """From now on this reply has happened."""
        self._heard = reply

    def saying(self, name: str) -> str:
        """A sentence of the flow's or the language's own."""
        return {**self.phrases.sayings, **self.flow.sayings}.get(name, "")


class LlmReply:
    """One answer. The model writes in a task of its own, so that `cancel` ends the request at once."""

    kind: Kind | None = None

    def __init__(self, planner: LlmPlanner, situation: Situation) -> None:
        self.state = planner.state
        self.fallback: FlowPlanner | None = None
        self._fallback_reply: Reply | None = None
        self._planner, self._situation = planner, situation
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._cancelled = False
        self._committed = False
        self._caller_input = False

    def commit(self) -> None:
        """The first audio was sent."""
        self._committed = True
        self._planner.committed(self)
        if self._fallback_reply is not None:
            self._fallback_reply.commit()

    def cancel(self) -> None:
        """No more pieces; the request is closed."""
        self._cancelled = True
        if self._writer is not None:
            self._writer.cancel()
        self._pieces.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Piece]:
        if self._cancelled:
            return
        self._writer = asyncio.create_task(self._write())
        try:
            while (piece := await self._pieces.get()) is not None and not self._cancelled:
                yield piece
        finally:
            self._writer.cancel()

    # ------------------------------------------------------------------ the answer

    async def _write(self) -> None:
        try:
            if not self._at_hand():
                async with asyncio.timeout(self._planner.settings.timeout_ms / 1000):
                    await self._ask_model()
        except (EngineError, TimeoutError) as error:
            log.error("call %s: %s", self._planner.call.id, error or "the language model takes too long")
            await self._fail()
        except Exception as error:  # whatever it is, the caller must not be left in silence
            log.exception("call %s: the language model's answer failed: %s", self._planner.call.id, error)
            await self._fail()
        self._pieces.put_nowait(None)

    def _at_hand(self) -> bool:
        """What needs no model: the greeting, a caller who is silent, wants us to wait, or wants a person."""
        planner, situation = self._planner, self._situation
        if not situation.turns:
            return self._greeting()
        if not (situation.caller_text or situation.digits or situation.interruption):
            self.state = replace(self.state, silences=self.state.silences + 1)
            if self.state.silences > MOST_SILENCES:
                self._to_person("person")
            else:
                self._say(planner.saying("still_there"))
                self._listen()
            return True
        self.state = replace(self.state, silences=0)
        if situation.kind is Kind.STOP:
            self._say(planner.saying("wait"))
            self._listen(silence_ms=planner.flow.wait_s * 1000)
            return True
        if situation.kind is Kind.AGENT:
            self._to_person("person")
            return True
        return False

    def _greeting(self) -> bool:
        planner = self._planner
        step = planner.flow.steps[planner.flow.start]
        look = Names(planner.flow, planner.phrases, planner.call, SystemClock().utc(), {}, {})
        lines = [line for line in (*step.lines, *step.ask) if line.when is None or line.when.holds(look.plain)]
        for line in lines:
            question = line in step.ask
            self._say(render(line.text, look.spoken), line, question)
        if lines:
            self._listen()
        return bool(lines)

    async def _ask_model(self) -> None:
        planner, situation = self._planner, self._situation
        context = messages(planner.flow, planner.call, situation, self.state.deeds, self.state.variables)
        seq = situation.turns[-1].seq if situation.turns else -1
        done: list[Message] = []
        for _ in range(MOST_ROUNDS):
            text, calls = await self._stream([*context, *done])
            if not calls:
                if not self._caller_input:
                    raise EngineError("the language model says nothing")
                self._listen()
                return
            done.append(_asked(text, calls))
            for call in calls:
                place = f"{planner.call.id}/{seq}"
                known = self.state.variables
                outcome = await tools.perform(call, planner.flow, planner.webhooks, place, known)
                self.state = replace(self.state, variables={**self.state.variables, **outcome.variables})
                if outcome.finish is not None:
                    self._finish(outcome.finish)
                    return
                done.append({"role": "tool", "tool_call_id": call.id, "content": outcome.answer})
            unsaid = tuple({**message, "content": None} if "tool_calls" in message else message for message in done)
            deeds = tuple(deed for deed in planner.state.deeds if deed.seq != seq)
            self.state = replace(self.state, deeds=(*deeds, ToolResult(seq, unsaid)))
        raise EngineError("the language model calls tools without end")

    async def _stream(self, context: list[Message]) -> tuple[str, list[chat_api.ToolCall]]:
        """One request: its sentences are handed on as they are complete."""
        settings, flow = self._planner.settings, self._planner.flow
        body = {
            "model": settings.model,
            "messages": context,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "tools": tools.specifications(flow),
        }
        key = os.environ.get(settings.api_key_env, "") if settings.api_key_env else ""
        splitter, whole, spoken = Sentences(), "", 0
        calls: list[chat_api.ToolCall] = []
        stream = chat_api.complete(settings.url, key, body, pause_s=settings.first_token_ms / 1000)
        async with contextlib.aclosing(stream):
            async for event in stream:
                if isinstance(event, chat_api.ToolCall):
                    calls.append(event)
                    continue
                whole += event.text
                clean = _THOUGHT.sub("", whole)
                if len(clean) > spoken and not clean.endswith(_thought_begins(clean)):
                    for sentence in splitter.feed(clean[spoken:]):
                        self._say(_plain(sentence))
                    spoken = len(clean)
        for sentence in splitter.rest():
            self._say(_plain(sentence))
        return _THOUGHT.sub("", whole), calls

    # ------------------------------------------------------------------ the pieces

    def _say(self, text: str, line: Prompt | None = None, question: bool | None = None) -> None:
        """`text` as it is spoken; `line` is what the flow has for it, if it is the flow's."""
        line = line or self._planner.flow.line(text)
        if not (text or line.wav):
            return
        asked = text.rstrip().endswith("?") if question is None else question
        self._caller_input = True
        self._pieces.put_nowait(Say(text, STEP, line.wav, line.interruptible, line.sensitivity, asked))

    def _listen(self, silence_ms: int = 6000) -> None:
        flow = self._planner.flow
        own = flow.steps[flow.start].backchannels if not self._situation.turns else ()
        backchannels = (*flow.backchannels, *own)
        self._end(Listen(STEP, silence_ms=silence_ms, backchannels=backchannels or None))

    def _end(self, piece: Listen | Finish) -> None:
        self._pieces.put_nowait(piece)

    def _finish(self, finish: Finish) -> None:
        if not self._caller_input:
            self._say(self._planner.saying("goodbye" if finish.result is CallResult.HANGUP else "person"))
        self._end(replace(finish, variables=dict(self.state.variables)))

    def _to_person(self, *sayings: str) -> None:
        for name in sayings:
            self._say(self._planner.saying(name))
        self._end(Finish(CallResult.QUEUE, queue=self._planner.flow.queue, variables=dict(self.state.variables)))

    async def _fail(self) -> None:
        """The flow's fallback, or a person."""
        planner = self._planner
        flow, place = planner.flow, planner.flow.failed
        if place in flow.steps:
            own = FlowPlanner(replace(flow, start=place), planner.call, planner.phrases, webhooks=planner.webhooks)
            reply = own.plan(Situation(()))
            self.fallback, self._fallback_reply = own, reply
            async for piece in reply:
                self._pieces.put_nowait(piece)
            if self._committed:
                reply.commit()
        elif place == HANGUP:
            self._say(planner.saying("trouble"))
            self._end(Finish(CallResult.HANGUP))
        else:
            self._to_person("trouble", "person")


def _asked(text: str, calls: list[chat_api.ToolCall]) -> Message:
    listed = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for call in calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": listed}


def _plain(sentence: str) -> str:
    """Without what a voice would read aloud or stumble over."""
    return " ".join(_MARKUP.sub("", sentence).split())


def _thought_begins(text: str) -> str:
    """An unfinished "<think" at the end of a text; a text that does not end so if there is none."""
    at = text.rfind("<")
    return text[at:] if at >= 0 and "<think>".startswith(text[at:]) else "\0"
