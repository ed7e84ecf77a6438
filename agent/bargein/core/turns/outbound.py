"""A call that Asterisk placed: the other side speaks first, and the agent begins once it is known who that is.

A `Conversation` of its own kind. It begins in the state `listening`. The opening is planned when `AnswerDetector` has
decided; the planner finds the result in `Situation.answered_by`. What the agent says to a voicemail waits for the beep
and cannot be interrupted. If a person turns out to be a machine, the next reply is planned for a machine.
"""

from __future__ import annotations

from ..audio.pcm import FRAME_SAMPLES, SILENCE, Pcm, ms, samples
from . import actions as act
from .answered_by import AnswerDetector, AnswerSettings
from .conversation import Conversation
from .endpoint import CallerTurn
from .overlap_judge import REQUEST_TURN_MS
from .records import MACHINES, AnsweredBy
from .table import Event, State

REQUEST_EVERY = samples(2000)  # of words, while a greeting goes on
OF_THE_CALLER = (
    Event.ONSET, Event.SPEECH, Event.INTERRUPTION, Event.CONTINUATION, Event.FALSE_INTERRUPTION, Event.DIGIT,
)  # fmt: skip


class OutboundConversation(Conversation):
    """Methods as in `Conversation`. `answered_by` is "" until it is decided."""

    _answer_settings = AnswerSettings()

    def start(self) -> list[act.Action]:
        """The call is up: listen."""
        self.state = State.LISTENING
        self._answer = AnswerDetector(self._phrases, self._answer_settings)
        self._since = 0  # when it was decided
        self._held = False  # a reply waits for the beep
        return self._take()

    def on_tick(self) -> tuple[Pcm, list[act.Action]]:
        if self.state is not State.ENDED:
            self._find_out()
        if not self._holds():
            return super().on_tick()
        self._held = True
        self._caller.push_reference(SILENCE)
        self.now += FRAME_SAMPLES
        self._advance_caller()
        return SILENCE, self._take()

    def on_digit(self, digit: str) -> list[act.Action]:
        if not self.ledger.answered_by and self.state is not State.ENDED:
            self._decided(AnsweredBy.PERSON)  # machines press no keys
        return super().on_digit(digit)

    def _process(self, pcm: Pcm) -> None:
        super()._process(pcm)
        turn = self._caller.turn
        self._answer.frame(pcm, turn is not None and turn.last_voiced == self.now, self.now)

    # ------------------------------------------------------------------ who is it

    def _find_out(self) -> None:
        """Decide who answered, or notice that a person is a machine after all."""
        who, turn, now = self.ledger.answered_by, self._caller.turn, self.now
        text = self._caller.saying
        if not who:
            found = self._answer.who(now, text, turn is None or turn.complete)
            if turn is not None and found is None and turn.wants_transcript(now, REQUEST_TURN_MS, REQUEST_EVERY):
                self._actions.append(act.RequestTranscript(turn.id, now))
        else:
            watched = who not in MACHINES and ms(now - self._since) < self._answer_settings.watched_ms
            found = self._answer.machine(text) if watched else None
        if found is not None and found is not who:
            self._decided(found)

    def _decided(self, who: AnsweredBy) -> None:
        """Plan what to say to them. A machine is not listened to before the message, nor in it."""
        first, self.ledger.answered_by, self._since = not self.ledger.answered_by, who, self.now
        if not first:
            self._turn_back()
        self._actions += self._words.close(self.state, self.now)
        self._actions += self._words.log()
        self._dispatch(Event.TURN_END if self._caller.input else Event.SILENCE)

    def _turn_back(self) -> None:
        """Drop what was meant for a person."""
        for event in (Event.ONSET, Event.INTERRUPTION):
            super()._dispatch(event)

    def _prepare(self, turn: CallerTurn) -> None:
        """Until it is decided, be ready for a person."""
        who = self.ledger.answered_by
        self.ledger.answered_by = who or AnsweredBy.PERSON
        super()._prepare(turn)
        self.ledger.answered_by = who

    # -------------------------------------------------------------- waiting for the beep

    def _holds(self) -> bool:
        """Whether a reply has to wait. One without words does not."""
        who = self.ledger.answered_by
        if not who or self.state is not State.THINKING or self._answer.may_speak(who, self.now, self._since):
            if self._held:
                self._begin_message()
            return False
        return not (self._agent.reply.ended and self.playback.idle)

    def _begin_message(self) -> None:
        """The greeting is over: what comes from now on is another turn."""
        self._held = False
        self._actions += self._words.close(self.state, self.now)
        self._actions += self._words.log()

    def _interruptible(self) -> bool:
        return self.ledger.answered_by not in MACHINES and super()._interruptible()

    def _dispatch(self, event: Event, turn: CallerTurn | None = None) -> None:
        who = self.ledger.answered_by
        if not who and event in (Event.TURN_END, Event.SILENCE):
            return  # the opening waits
        if event in OF_THE_CALLER and (who in MACHINES or self._held):
            return
        super()._dispatch(event, turn)
