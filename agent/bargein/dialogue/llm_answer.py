"""One answer of a language model: requests, tools, sentences, and the limits on how long the caller hears nothing.

All waits are measured by what the caller hears: from the end of the words said last (by their usual length) or, before
the first word, from the request, or from the end of the caller's turn if the request is earlier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing

from ..core.turns.records import CallInfo, Situation
from ..core.turns.reply import Finish
from ..errors import EngineError
from . import chat_api
from .chat_events import Ended, ToolCall
from .chat_shapes import CUT
from .flow.model import Flow
from .llm_context import messages
from .model_text import ModelText
from .tools import ToolRun, Tools

MOST_ROUNDS = 5  # requests in one turn: the model calls tools and goes on
WORD_S = 0.3  # a spoken word
FLUSH_S = 2.0  # of silence: then the words of an unfinished sentence are said
BURST_S = 0.03  # a first sentence waits this long for more data: perhaps a closing reasoning tag

_reasons: set[tuple[str, str]] = set()  # endpoints and models whose reasoning has no opening tag


class ModelAnswer:
    """`run` asks until the model has said its answer. `say` takes each sentence as it is ready.

    `wanted` is set once the caller's turn is surely over; tools wait for it. `own_runs` and `variables` are what the
    reply changes if it is heard; requests to the web are kept in `tools`.
    """

    def __init__(
        self,
        settings: chat_api.LlmSettings,
        flow: Flow,
        call: CallInfo,
        tools: Tools,
        situation: Situation,
        tool_runs: Sequence[ToolRun],
        variables: Mapping[str, str],
        say: Callable[[str], None],
        wanted: asyncio.Event,
    ) -> None:
        self.own_runs = tuple(tool_runs)
        self.variables = dict(variables)
        self._settings, self._flow, self._call, self._tools = settings, flow, call, tools
        self._situation, self._say, self._wanted = situation, say, wanted
        self._now = asyncio.get_running_loop().time
        self._heard_until = self._now()  # when the caller has heard all that was said so far
        self._text = ModelText()
        self._said: list[str] = []  # in the request that runs now

    async def run(self) -> Finish | None:
        """How the dialogue ends, or None if it goes on. Raises EngineError."""
        asking = asyncio.create_task(self._ask())
        limit = self._now() + self._settings.timeout_ms / 1000
        try:
            while not asking.done():
                if self._now() >= limit:
                    raise EngineError(f"the language model's answer takes more than {self._settings.timeout_ms} ms")
                due = min(limit, self._against_silence())
                await asyncio.wait({asking}, timeout=max(0.01, due - self._now()))
            return asking.result()
        finally:
            asking.cancel()
            for tool_run in self.own_runs:
                tool_run.said = ""

    def _against_silence(self) -> float:
        """Do what is due now; when to look again. Raises EngineError if the caller has heard no word for too long."""
        now = self._now()
        if not self._wanted.is_set():
            self._heard_until = max(self._heard_until, now)  # the caller waits for nothing yet
        if now >= self._heard_until + FLUSH_S and (words := self._text.flush()):
            self._speak(words)
        limit_s = self._settings.first_token_ms / 1000
        if now >= self._heard_until + limit_s and not self._tools.busy:
            raise EngineError(f"the language model says no word within {self._settings.first_token_ms} ms")
        times = [self._heard_until + limit_s, self._heard_until + FLUSH_S]
        return min((time for time in times if time > now), default=now + 0.1)

    def _speak(self, sentence: str) -> None:
        self._say(sentence)
        self._said.append(sentence)
        self._heard_until = max(self._now(), self._heard_until) + WORD_S * len(sentence.split())

    # ------------------------------------------------------------------ rounds of requests

    async def _ask(self) -> Finish | None:
        await self._tools.settle()  # its outcome belongs into this request
        turns = self._situation.turns
        seq = turns[-1].seq if turns else -1
        for number in range(MOST_ROUNDS):
            said, calls = await self._stream()
            if not calls:
                return None
            for index, call in enumerate(calls):
                call = self._renamed(call, f"{seq + 1:03}{number}{index}")
                tool_run = ToolRun(seq, call, call.arguments or "{}", said=said if index == 0 else "")
                self.own_runs = (*self.own_runs, tool_run)
                await self._wanted.wait()
                outcome = await self._tools.perform(tool_run, self.variables)
                tool_run.answer = outcome.answer
                self.variables.update(outcome.variables)
                if outcome.finish is not None:
                    return outcome.finish
            self._heard_until = max(self._heard_until, self._now())  # a new request
        raise EngineError("the language model calls tools without end")

    def _renamed(self, call: ToolCall, place: str) -> ToolCall:
        """With an id that no other call in the context has: some servers number each answer from 0."""
        known = {tool_run.call.id for tool_run in (*self.own_runs, *self._tools.tool_runs)}
        fresh = call.id if call.id not in known else f"call{place:0>5}"[-9:]
        return ToolCall(fresh, call.name, call.arguments, call.extra)

    def _deeds(self) -> list[ToolRun]:
        """All tool calls in the order of the caller's turns, each once."""
        web = self._tools.tool_runs
        ids = {id(tool_run) for tool_run in self.own_runs}
        return sorted([*(d for d in web if id(d) not in ids), *self.own_runs], key=lambda tool_run: tool_run.seq)

    async def _stream(self) -> tuple[str, list[ToolCall]]:
        """One request: its sentences are said as they are complete. The text and the tool calls."""
        place = (self._settings.url, self._settings.model)
        text = self._text = ModelText(reasons=place in _reasons, known=self._tools.known, called=self._tools.called)
        context = messages(self._flow, self._call, self._situation, self._deeds(), self.variables)
        private = " ".join([*self._call.variables.values(), *self.variables.values(), self._call.caller])
        calls: list[ToolCall] = []
        self._said = []
        burst = _Burst(self._speak)
        cut = False
        try:
            async with aclosing(
                chat_api.complete(self._settings, context, self._tools.specifications, private=private)
            ) as events:
                async for event in events:
                    if isinstance(event, ToolCall):
                        calls.append(event)
                    elif isinstance(event, Ended):
                        cut = event.reason in CUT
                    else:
                        sentences = text.feed(event.text)
                        if text.unopened and place not in _reasons:
                            _reasons.add(place)
                            burst.forget()
                        burst.add(sentences)
            burst.add(text.rest(cut))
            burst.release()
        finally:
            burst.forget()
        calls += [ToolCall("", name, arguments) for name, arguments in text.tools]
        return " ".join(self._said), calls


class _Burst:
    """The first sentences of a request wait a moment for what the server has sent with them; the others do not."""

    def __init__(self, speak: Callable[[str], None]) -> None:
        self._speak = speak
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._open = True

    def add(self, sentences: Sequence[str]) -> None:
        self._waiting += sentences
        if not self._open:
            self.release()
        elif self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BURST_S, self.release)

    def release(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._open = False
        for sentence in waiting:
            self._speak(sentence)

    def forget(self) -> None:
        self._waiting = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
