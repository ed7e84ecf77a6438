"""A planner that asks a language model: streamed, spoken sentence by sentence, cancelled at once, never silent."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from ..clock import SystemClock
from ..core.language.kinds import Kind
from ..core.language.phrases import Phrases
from ..core.turns.records import MACHINES, CallInfo, Situation
from ..core.turns.reply import CallResult, Finish, Listen, Piece, Say
from ..errors import EngineError
from .base import PreparedReply, Progress, Reply
from .chat_api import LlmSettings
from .expression import render
from .flow import Flow, FlowPlanner
from .flow.model import HANGUP, Prompt
from .flow.names import Names
from .languages import load as load_language
from .llm_answer import ModelAnswer
from .tools import ToolRun, Tools
from .webhook import Webhooks

log = logging.getLogger(__name__)

STEP = "llm"
MOST_SILENCES = 2


@dataclass(frozen=True, slots=True)
class LlmState:
    """What a reply may change."""

    tool_runs: tuple[ToolRun, ...] = ()  # tool calls, but requests to the web: those are the call's
    variables: Mapping[str, str] = field(default_factory=dict)
    silences: int = 0


class LlmPlanner:
    """One per call. The flow gives the greeting (its first step), the instructions, the facts, the tools and what to do
    when the model fails (`failed:`): a person, or a step from which the flow goes on without the model."""

    def __init__(self, settings: LlmSettings, flow: Flow, call: CallInfo, phrases: Phrases | None = None) -> None:
        self.settings, self.flow, self.call = settings, flow, call
        self.language = flow.language
        self.voice = flow.voice
        self.phrases = (phrases or load_language(flow.language, flow.language_file)).with_sayings(flow.sayings)
        self.webhooks = Webhooks()
        self.tools = Tools(flow, call, self.webhooks)
        self._for_machines = FlowPlanner(flow, call, self.phrases, webhooks=self.webhooks)
        self.early_unused = False  # a request of this turn was sent early, and its reply was not heard
        self._heard: LlmReply | None = None

    @property
    def state(self) -> LlmState:
        """What has happened: the state of the last reply that was heard."""
        return self._heard.state if self._heard is not None else LlmState()

    @property
    def progress(self) -> Progress:
        """Where the call is; the flow that took over from the model knows more."""
        fallback = self._heard.fallback if self._heard is not None else None
        return fallback.progress if fallback is not None else Progress(STEP)

    def plan(self, situation: Situation) -> Reply:
        """The answer to a situation. It changes nothing until it is committed, but for requests to the web."""
        reply = self.prepare(situation)
        reply.confirm()
        return reply

    def prepare(self, situation: Situation) -> PreparedReply:
        """The same, but no tool is used before the reply is confirmed.

        Nor is the model asked, unless the settings say `preemptive`, and then once in a turn of the caller. No model
        talks to a machine: the flow says what to do with a voicemail.
        """
        if situation.answered_by in MACHINES:
            return self._for_machines.prepare(situation)
        fallback = self._heard.fallback if self._heard is not None else None
        return LlmReply(self, situation) if fallback is None else fallback.prepare(situation)

    def committed(self, reply: LlmReply) -> None:
        """From now on this reply has happened."""
        self._heard, self.early_unused = reply, False

    def saying(self, name: str) -> str:
        """A sentence of the flow's or the language's own; "" if there is none."""
        return self.phrases.sayings.get(name, "")


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
        self._spoke = False
        self._wanted = asyncio.Event()

    def confirm(self) -> None:
        """The caller's turn is over, and this is its answer."""
        self._wanted.set()

    def commit(self) -> None:
        """The reply is heard."""
        self._committed = True
        self._planner.committed(self)
        if self._fallback_reply is not None:
            self._fallback_reply.commit()

    def cancel(self) -> None:
        """No more pieces; the request is closed. What a tool has begun goes on: it belongs to the call."""
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
                await self._ask_model()
        except EngineError as error:
            log.error("call %s: %s", self._planner.call.id, error)
            await self._fail()
        except Exception as error:  # whatever it is, the caller must not be left in silence
            place = traceback.extract_tb(error.__traceback__)[-1]  # not its text: that may hold the caller's words
            name, where = type(error).__name__, f"{place.filename}:{place.lineno}"
            log.error("call %s: the language model's answer failed: %s at %s", self._planner.call.id, name, where)
            await self._fail()
        self._pieces.put_nowait(None)

    def _at_hand(self) -> bool:
        """What needs no model: the greeting, a caller who is silent, wants us to wait, or wants a person."""
        planner, situation = self._planner, self._situation
        if situation.failed:
            raise EngineError("an engine did not return in time")
        unheard = not any(turn.speaker == "agent" for turn in situation.turns)
        if not situation.turns or (unheard and situation.answered_by):
            return self._greeting()
        if unheard:
            self._greeting(notices_only=True)  # the caller spoke first; a legal notice is said all the same
            self._spoke = False
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

    def _greeting(self, notices_only: bool = False) -> bool:
        """The first step of the flow. `notices_only`: only what may not be interrupted, and the answer follows."""
        planner = self._planner
        step = planner.flow.steps[planner.flow.start]
        look = Names(planner.flow, planner.phrases, planner.call, SystemClock().utc(), {}, {})
        lines = [line for line in (*step.lines, *step.ask) if line.when is None or line.when.holds(look.plain)]
        if notices_only:
            lines = [line for line in lines if not line.interruptible]
        for line in lines:
            question = line in step.ask
            self._say(render(line.text, look.spoken), line, question)
        if lines and not notices_only:
            self._listen()
        return bool(lines)

    async def _ask_model(self) -> None:
        planner = self._planner
        if not self._wanted.is_set():
            if planner.settings.preemptive and not planner.early_unused:
                planner.early_unused = True
            else:
                await self._wanted.wait()
        variables = {**self.state.variables, **planner.tools.saved}
        answer = ModelAnswer(
            planner.settings,
            planner.flow,
            planner.call,
            planner.tools,
            self._situation,
            self.state.tool_runs,
            variables,
            say=self._say,
            wanted=self._wanted,
        )
        try:
            finish = await answer.run()
        finally:
            self.state = replace(self.state, tool_runs=answer.own_runs, variables=answer.variables)
        if finish is not None:
            self._finish(finish)
        elif not self._spoke:
            raise EngineError("the language model says nothing")
        else:
            self._listen()

    # ------------------------------------------------------------------ the pieces

    def _say(self, text: str, line: Prompt | None = None, question: bool | None = None) -> None:
        """`text` as it is spoken; `line` is what the flow has for it, if it is the flow's."""
        line = line or self._planner.flow.line(text)
        if not (text or line.wav):
            return
        asked = text.rstrip().endswith("?") if question is None else question
        self._spoke = True
        own = {"sensitivity": line.sensitivity, "overlap": line.overlap, "duck_db": line.duck_db}
        self._pieces.put_nowait(Say(text, STEP, line.wav, line.interruptible, question=asked, **own))  # type: ignore[arg-type]

    def _listen(self, silence_ms: int = 6000) -> None:
        flow = self._planner.flow
        own = flow.steps[flow.start].backchannels if not self._situation.turns else ()
        backchannels = (*flow.backchannels, *own)
        self._end(Listen(STEP, silence_ms=silence_ms, backchannels=backchannels or None))

    def _end(self, piece: Listen | Finish) -> None:
        self._pieces.put_nowait(piece)

    def _finish(self, finish: Finish) -> None:
        if not self._spoke:
            self._say(self._planner.saying("goodbye" if finish.result is CallResult.HANGUP else "person"))
        self._end(replace(finish, variables=self._known()))

    def _to_person(self, *sayings: str) -> None:
        for name in sayings:
            self._say(self._planner.saying(name))
        self._end(Finish(CallResult.QUEUE, queue=self._planner.flow.queue, variables=self._known()))

    def _known(self) -> dict[str, str]:
        return {**self.state.variables, **self._planner.tools.saved}

    async def _fail(self) -> None:
        """The flow's fallback, or a person."""
        planner = self._planner
        flow, place = planner.flow, planner.flow.failed
        await self._wanted.wait()
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
