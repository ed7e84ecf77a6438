"""The planner of a flow. It carries out the moves that `react` decides."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ...clock import SystemClock
from ...core.language.kinds import Kind
from ...core.language.phrases import Phrases
from ...core.turns.records import Callback, CallInfo, Situation
from ...core.turns.reply import CallResult, Expected, Finish, Listen, Piece, Say
from ..base import Progress
from ..expression import render
from ..webhook import WebhookRequest, Webhooks
from .model import AGAIN, BACK, HANGUP, PERSON, End, Flow, Prompt, Step, Webhook, is_said
from .moves import EndDialogue, GoOn, Move, Wait
from .names import Names, own_number
from .react import react
from .route import following, settled
from .state import LEAD, FlowState, SpokenSentence

DIGIT_TYPES = ("digits", "phone", "number")
MOST_KEYS = 12  # keys for a number of unknown length
ANSWERED_BY = "answered_by"
STEPS_A_TURN = 60  # without listening; a flow with more runs in a circle


class FlowPlanner:
    """Plans one call. `now` gives the time; `webhooks` sends HTTP requests. `queue`: who is there
    for its callers now, as far as it is known."""

    def __init__(
        self,
        flow: Flow,
        call: CallInfo,
        phrases: Phrases,
        now: Callable[[], datetime] | None = None,
        webhooks: Webhooks | None = None,
        queue: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        own = {name: replace(slot, own=own_number(call)) for name, slot in flow.slots.items() if slot.offers_own}
        flow = replace(flow, slots={**flow.slots, **own}) if own else flow
        self.flow, self.call, self.phrases = flow, call, phrases.with_sayings(flow.sayings)
        self.language = flow.language
        self.voice = flow.voice
        self.now = now or SystemClock().utc
        self.webhooks = webhooks or Webhooks()
        self._queue = queue
        self._heard: FlowReply | None = None

    @property
    def state(self) -> FlowState:
        """The state after the last reply that was heard."""
        return self._heard.state if self._heard is not None else FlowState()

    @property
    def progress(self) -> Progress:
        """How far the caller has come, for the row of a call that ends early."""
        values = known_values(self.flow, self.state)
        summary = ", ".join(f"{name}={value}" for name, value in values.items())
        return Progress(self.state.step, values, summary, self.state.callback)

    def plan(self, situation: Situation) -> FlowReply:
        """The answer to a situation. It changes nothing until it is committed."""
        reply = self.prepare(situation)
        reply.confirm()
        return reply

    def prepare(self, situation: Situation) -> FlowReply:
        """The same, but no webhook is sent before the reply is confirmed."""
        state = self.state
        if situation.answered_by != state.variables.get(ANSWERED_BY, ""):  # known at last, or otherwise than before
            state = FlowState().let({ANSWERED_BY: situation.answered_by})
        today = self._now().astimezone(self.flow.zone).date()
        move = react(self.flow, self.phrases, state, situation, self.spoken, today)
        if (move.state.values, move.state.variables) != (state.values, state.variables):
            move = replace(move, state=self.promised(move.state, situation.caller_text))
        return FlowReply(self, state, move, situation.caller_text)

    def committed(self, reply: FlowReply) -> None:
        """The caller hears this reply: its state counts from now on."""
        self._heard = reply

    def names(self, state: FlowState, said: str = "") -> Names:
        """The values of names in a state."""
        live = self._queue() if self.flow.asks_queue else {}
        call = replace(self.call, variables={**self.call.variables, **live}) if live else self.call
        return Names(self.flow, self.phrases, call, self._now(), state.values, state.variables, said)

    def promised(self, state: FlowState, said: str) -> FlowState:
        """With its promise as the slots are now: a number that was wrong is not called, a wrong time is missing."""
        step = self.flow.steps.get(state.promised)
        if step is None:
            return state
        look = self.names(state, said).plain
        told = {name: " ".join(render(text, look).split()) for name, text in step.callback.items()}
        promise = Callback(told["number"], told.get("at", ""), told.get("note", "")) if told["number"] else None
        return replace(state, callback=promise)

    def _now(self) -> datetime:
        now = self.now()
        return now if now.tzinfo else now.replace(tzinfo=UTC)

    def spoken(self, state: FlowState, said: str) -> Callable[[str], str]:
        """A lookup of names as the agent says them."""
        return self.names(state, said).spoken


class FlowReply:
    """One answer. `state` follows its pieces, and counts only after `commit`."""

    def __init__(self, planner: FlowPlanner, before: FlowState, move: Move, text: str) -> None:
        self.kind: Kind | None = move.kind
        self.state = move.state
        self._planner, self._flow, self._move, self._text = planner, planner.flow, move, text
        self._before = before
        self._cancelled = False
        self._certain = asyncio.Event()
        self._caller_input: list[SpokenSentence] = []
        self._repeated = False
        self._backchannels = self._flow.backchannels  # plus those of the steps that speak

    def confirm(self) -> None:
        """The reply is wanted."""
        self._certain.set()

    def commit(self) -> None:
        """The reply is heard."""
        self._planner.committed(self)

    def cancel(self) -> None:
        """No more pieces."""
        self._cancelled = True

    async def __aiter__(self) -> AsyncIterator[Piece]:
        async for piece in self._pieces():
            if self._cancelled:
                return
            if isinstance(piece, Finish) and self._backchannels:  # the caller may nod at its words, too
                yield Listen(self.state.step, backchannels=self._backchannels)
            yield piece

    # -------------------------------------------------------------------- the walk

    async def _pieces(self) -> AsyncIterator[Piece]:
        move = self._move
        state = move.state
        then = move.then
        if isinstance(then, GoOn):
            state = state.at(then.step)
            self._repeated = then.repeated
        for text in move.lead:
            asks = isinstance(then, Wait) and text.endswith("?")
            yield self._say(self._flow.line(text), text, state, LEAD, asks)
        if isinstance(then, Wait):
            said = tuple(self._caller_input) or self._before.said
            self.state = replace(state, said=said, pending=move.state.pending)
            yield self._listen(self._flow.steps[state.step], then.silence_ms)
        elif isinstance(then, EndDialogue):
            self._keep(state)
            yield self._finish(then.end, state)
        else:
            async for piece in self._walk(state, then):
                yield piece

    async def _walk(self, state: FlowState, walk: GoOn) -> AsyncIterator[Piece]:
        step, start, only_ask, again, leave = (
            self._flow.steps[walk.step], walk.start, walk.only_ask, walk.again, walk.leave,
        )  # fmt: skip
        for _ in range(STEPS_A_TURN):
            fresh = not (start or only_ask or leave)
            if fresh and not walk.repeated:
                state, failed = await self._entered(step, state)
                if failed:
                    step = self._flow.steps[failed]
                    state = state.at(step.name)
                    continue
            if fresh and not walk.repeated and settled(step, state):
                leave = True
            if not leave:
                self._take_backchannels(step)
                lines = self._lines(step, state, only_ask, again)
                for index, line in lines[start if not only_ask else 0 :]:
                    text = render(line.text, self._planner.spoken(state, self._text))
                    yield self._say(
                        line, text, state, index, question=index >= len(step.lines) or bool(line in step.ask)
                    )
                if step.listens:
                    self._keep(state)
                    yield self._listen(step)
                    return
            if step.end is not None:
                self._keep(state)
                yield self._finish(step.end, state)
                return
            ended, state, step, only_ask = self._leave(step, state)
            if ended is not None:
                if ended.result is CallResult.QUEUE and not step.end:
                    text = self._saying("person")
                    yield self._say(self._flow.line(text), text, state, LEAD)
                self._keep(state)
                yield self._finish(ended, state)
                return
            start, again, leave = 0, False, False
            walk = GoOn(step.name)
        self._keep(state)
        yield Finish(CallResult.FAILED, summary=self._summary(state))

    def _leave(self, step: Step, state: FlowState) -> tuple[End | None, FlowState, Step, bool]:
        """Leave a step. Returns an end, or the state, the next step, and whether to ask only its question."""
        place = following(self._flow, step, state, self._planner.names(state, self._text).plain)
        if step.call:
            state = replace(state, stack=(*state.stack, (place, False)))
            place = step.call
        only_ask = False
        while place == BACK and state.stack:
            (place, only_ask), state = state.stack[-1], replace(state, stack=state.stack[:-1])
        if place == AGAIN:
            return None, state, step, True
        if place == PERSON:
            return End(CallResult.QUEUE, queue=self._flow.queue), state, step, False
        if place in (HANGUP, BACK):
            return End(CallResult.HANGUP if place == HANGUP else CallResult.CONTINUE), state, step, False
        target = self._flow.steps[place]
        if target.slot and self._flow.slots[target.slot].menu:
            state = state.clear(target.slot)
        if only_ask and not target.listens:
            only_ask = False
        return None, state.at(place), target, only_ask

    async def _entered(self, step: Step, state: FlowState) -> tuple[FlowState, str]:
        """Set a step's variables and send its request. Returns the state, and where to go if the request failed."""
        names = self._planner.names(state, self._text)
        state = state.let({name: render(text, names.plain) for name, text in step.set.items()})
        state = state.clear(*(name for name, text in step.set.items() if name in self._flow.slots and not text))
        if step.callback:
            new = self._planner.promised(replace(state, promised=step.name), self._text)
            state = new if new.callback is not None else state
        if step.webhook is None:
            return state, ""
        count = state.visits.get(step.name, 0) + 1
        state = replace(state, visits={**state.visits, step.name: count})
        saved = await self._request(step.webhook, f"{step.name}/{count}", state)
        state = state.let({"webhook": "ok" if saved is not None else "", **(saved or {})})
        return state, step.webhook.failed if saved is None else ""

    async def _request(self, hook: Webhook, place: str, state: FlowState) -> dict[str, str] | None:
        await self._certain.wait()
        look = self._planner.names(state, self._text).plain
        body = {name: render(text, look) for name, text in hook.body.items()}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
        return await self._planner.webhooks.ask(
            WebhookRequest(
                url=hook.url,
                method=hook.method,
                body=body,
                headers={name: render(text, look) for name, text in hook.headers.items()},
                save=hook.save,
                timeout_ms=hook.timeout_ms,
                key=f"{self._planner.call.id}/{place}/{digest}",
                fill=look,
            )
        )

    # ------------------------------------------------------------------ the pieces

    def _lines(self, step: Step, state: FlowState, only_ask: bool, again: bool) -> list[tuple[int, Prompt]]:
        """The lines of a step whose conditions hold, with their indices."""
        look = self._planner.names(state, self._text).plain
        everything = list(enumerate((*step.lines, *step.ask)))
        if only_ask:
            asks = step.again if again and step.again else step.ask
            first = len(step.lines)
            everything = [(first, line) for line in asks] if asks else everything
        return [(i, line) for i, line in everything if is_said(line, look)]

    def _say(self, line: Prompt, text: str, state: FlowState, index: int, question: bool = False) -> Say:
        say = Say(
            text=text,
            step=state.step,
            wav=line.wav,
            interruptible=line.interruptible,
            sensitivity=line.sensitivity,
            overlap=line.overlap,
            duck_db=line.duck_db,
            question=question,
            repeated=self._repeated and not self._caller_input,
        )
        self._caller_input.append(SpokenSentence(say, state.bare(), index))
        self._keep(state)
        return say

    def _keep(self, state: FlowState) -> None:
        self.state = replace(state, said=tuple(self._caller_input), pending=())

    def _saying(self, name: str) -> str:
        return self._planner.phrases.sayings.get(name, "")

    def _take_backchannels(self, step: Step) -> None:
        self._backchannels = tuple(dict.fromkeys((*self._backchannels, *step.backchannels)))

    def _listen(self, step: Step, silence_ms: int = 0) -> Listen:
        self._take_backchannels(step)
        slots = [self._flow.slots[name] for name in ((step.slot,) if step.slot else step.confirm)]
        hints = tuple(dict.fromkeys(p for slot in slots for c in slot.choices.values() for p in c.phrases))
        digits = 0
        if step.slot and slots[0].type in DIGIT_TYPES:
            digits = slots[0].maximum if slots[0].type != "number" and slots[0].maximum else MOST_KEYS
        return Listen(
            step.name,
            hints,
            silence_ms or step.silence_ms,
            digits,
            self._backchannels or None,
            expects=self._expected(step),
            commands=tuple(pattern for intent in self._flow.intents for pattern in intent.match),
            secret=any(slot.secret for slot in slots),
        )

    def _expected(self, step: Step) -> Expected:
        """What the caller will probably say. It decides how long to wait for the end of the turn."""
        if self.state.changing or self.state.pending:
            return Expected()
        if not step.slot:
            return Expected("yes_no") if step.confirm else Expected()
        slot = self._flow.slots[step.slot]
        if slot.type not in ("digits", "phone"):
            return Expected(slot.type)
        begun = self.state.begun
        known = len(begun.text.removeprefix("+")) if begun is not None and begun.slot == slot.name else 0
        low, high = (bound - known if bound and bound > known else bound for bound in (slot.minimum, slot.maximum))
        return Expected(slot.type, low, high)

    def _finish(self, end: End, state: FlowState) -> Finish:
        look = self._planner.names(state, self._text).plain
        return Finish(
            end.result,
            queue=render(end.queue, look),
            exten=render(end.exten, look),
            summary=self._summary(state),
            variables={name: render(text, look) for name, text in end.variables.items()},
        )

    def _summary(self, state: FlowState) -> str:
        return ", ".join(f"{name}={value}" for name, value in known_values(self._flow, state).items())


def known_values(flow: Flow, state: FlowState) -> dict[str, str]:
    """The filled slots that may be written down: no menus, no secrets."""
    return {name: v for name, v in state.values.items() if not (flow.slots[name].menu or flow.slots[name].secret)}
