"""One call: frames, digits, transcripts and ticks go in; frames and actions come out. The only glue of the core.

A frame goes `on_frame` -> `Caller.process` -> `SpeechDetector.process` -> VadFrame -> `_dispatch` -> `step` -> actions.
Then, in the caller's turn, and in every `on_tick`: `_decide` -> `classify_overlap` or `TurnEnd.is_over` -> `_dispatch`.
`on_tick` returns `Playback.next_frame`. Time is the number of samples sent: a tick is 20 ms, whatever the line does.
"""

from __future__ import annotations

from ..audio.pcm import FRAME_SAMPLES, Pcm, Rechunker, samples
from ..audio.playout import Segment
from ..detector.speech_detector import SpeechDetector
from ..language.kinds import Kind
from ..language.phrases import Phrases
from . import actions as act
from .agent import Agent
from .caller import STILL_SOUNDING_MS, Caller, Sound
from .caller_words import CallerWords
from .endpoint import CallerTurn
from .ledger import Ledger
from .overlap_classifier import OverlapClassifier
from .overlap_judge import REQUEST_TURN_EVERY, REQUEST_TURN_MS, OverlapJudge
from .overlaps import Overlaps
from .planning import Planning
from .records import Resolution, Situation
from .reply import Finish, Listen
from .settings import DEFAULTS, ConversationSettings
from .table import LISTENS, OVERLAPPED, PLAYING, Effect, Event, State, step
from .transcript import Transcript
from .turn_end import TurnEnd, TurnEndModel


class Conversation:
    """The state of one call. Methods return the actions that the caller of the method has to perform, in order."""

    def __init__(
        self,
        call_id: str,
        detector: SpeechDetector,
        phrases: Phrases,
        settings: ConversationSettings = DEFAULTS,
        classifier: OverlapClassifier | None = None,
        turn_end: TurnEndModel | None = None,
    ) -> None:
        self.state = State.THINKING
        self.now = 0  # samples sent
        self.ledger = Ledger(call_id)
        self._phrases = phrases
        self._judge = OverlapJudge(phrases, settings.overlap, settings.duck, settings.duck_db)
        self._settings = settings
        self._caller = Caller(detector, classifier, samples(settings.longest_turn_ms))
        self.on_sound = self._caller.take_opinion  # takes the answer to act.JudgeSound
        self._turn_end = TurnEnd(phrases, settings.endpoint, turn_end)
        self._rechunker = Rechunker()
        self._agent = Agent(self.ledger, samples(settings.filler_ms), settings.wideband)
        self.playback = self._agent.playback
        self._overlaps = Overlaps(self._judge, self._caller, self._agent)
        self._words = CallerWords(self._caller, self._agent, self._overlaps, self.ledger, phrases, self._turn_end.pace)
        self._planning = Planning(self._caller, self._agent, self.ledger, phrases)
        self._actions: list[act.Action] = []

    def start(self) -> list[act.Action]:
        """The call is up: plan the opening."""
        self._actions += self._agent.plan(Situation(()), self._caller.input, self.now)
        return self._take()

    def on_frame(self, pcm: Pcm) -> list[act.Action]:
        """Audio from the line, of any length."""
        for frame in self._rechunker.feed(pcm):
            if self.state is not State.ENDED:
                self._process(frame)
        return self._take()

    def on_tick(self) -> tuple[Pcm, list[act.Action]]:
        """20 ms have passed: the 160 samples to send now."""
        undisturbed = self.state is State.SPEAKING and self._caller.turn is None
        frame = self._agent.talk_on(self.now) if undisturbed else None
        if frame is None:  # otherwise there is nothing to decide, as in most ticks
            due = self._agent.reply.timing.due
            held = self.state is State.THINKING and self._judge.holds_reply(self._caller.turn, due, self.now)
            if not held:
                self._advance_reply()
            waits = held and (self.playback.replying or self.playback.started is None)  # a filler ends once it began
            frame = self.playback.silence() if waits else self.playback.next_frame(self.now)
        self._caller.push_reference(frame)
        self.now += FRAME_SAMPLES
        self._advance_caller()
        return frame, self._take()

    def sensitivity(self) -> float:
        """Of the detector, for the next frame of the line."""
        own = segment.sensitivity if (segment := self.playback.segment) is not None else None
        return self._caller.sensitivity(self._settings.sensitivity if own is None else own, self.now)

    @property
    def is_secret(self) -> bool:
        """Whether the agent asks for a secret: what the caller says now is stored nowhere."""
        return self._agent.listen.secret

    @property
    def saying(self) -> tuple[str, str]:
        """What the caller and the agent say now, as far as it is known. A secret is not told."""
        return self._agent.listen.writable(self._caller.saying), self.playback.saying

    def on_digit(self, digit: str) -> list[act.Action]:
        """A DTMF digit ended on the line."""
        if self.state is State.ENDED:
            return []
        self._commit()
        self._actions += self._agent.discard()
        self._caller.input.key(digit, self.now)
        if self._interruptible():
            self._dispatch(Event.DIGIT)
        if self._caller.input.digits_complete(self._agent.listen.digits, self.now):
            self._end_caller_turn()
        return self._take()

    def on_transcript(self, turn_id: int, at: int, transcript: Transcript) -> list[act.Action]:
        """The answer to act.RequestTranscript."""
        if self._caller.take_words(turn_id, transcript, at, self.now):
            self._decide()
        return self._take()

    def on_planned(self, reply_id: int) -> list[act.Action]:
        """The planner has the first sentence of a reply; its speech is being made."""
        self._agent.planned(reply_id, self.now)
        return self._take()

    def on_segment(self, reply_id: int, segment: Segment) -> list[act.Action]:
        """The next sentence of a reply is ready to be played."""
        wanted = not segment.filler or self._has_floor()
        if self.state is not State.ENDED and wanted:
            self._agent.segment(reply_id, segment, self.now)
        return self._take()

    def expect(self, reply_id: int, listen: Listen) -> list[act.Action]:
        """What the reply listens for at its end. It may come before the last segment."""
        self._agent.expect(reply_id, listen)
        return self._take()

    def on_kind(self, reply_id: int, kind: Kind) -> list[act.Action]:
        """The planner knows better what the interruption is about."""
        self._actions += self._agent.meant(reply_id, kind)
        return self._take()

    def on_reply_end(self, reply_id: int, finish: Finish | None = None) -> list[act.Action]:
        """The reply has no more segments. With `finish` the call is over once they are played."""
        self._agent.ended(reply_id, finish, self.now)
        return self._take()

    def on_hangup(self) -> list[act.Action]:
        """The caller hung up, or the call is taken away."""
        if self.state is not State.ENDED:
            self._commit()
            if self.state in OVERLAPPED and (turn := self._caller.turn) is not None:
                self._actions += self._agent.hung_up(turn, self.now)
            dropped = act.DropCause.HANGUP if self.state is State.THINKING else None
            self._actions += self._words.close(self.state, self.now)
            self._actions += self._agent.discard()
            self._dispatch(Event.HANGUP)
            if self.ledger.open is not None and self.ledger.open.resolution == Resolution.IGNORED:
                self._actions += self.ledger.resolved(Resolution.HUNG_UP)
            self._actions.append(act.CancelReply(self._agent.reply.id, dropped))
            self._actions += self._agent.close(self.now)
            self._actions += self._words.log(digits=True)
        return self._take()

    # --------------------------------------------------------------- the caller's half

    def _process(self, pcm: Pcm) -> None:
        """One frame of the line: evidence of the caller, and what it does to the state."""
        if self._caller.hears_nothing():
            return
        question, spells = self.playback.question, self._agent.listen.spelled
        sound, frame = self._caller.process(pcm, self.now, self.sensitivity(), question, self.state, spells)
        if (turn := self._caller.turn) is None:
            return
        if sound is Sound.BEGAN:
            self._actions.append(act.OpenStream(turn.id, self._caller.preroll(), self._agent.listen))
            self._agent.overlap.joined(turn)
            if self._interruptible():
                self._dispatch(Event.ONSET)
        elif not (turn.waits and frame.voiced):  # that is another sound, which may begin
            self._actions.append(act.FeedAudio(turn.id, frame.near))
        if self.state in (*OVERLAPPED, State.THINKING):
            self._actions += self._caller.sound_to_judge(self.now)
        if self.state in OVERLAPPED:
            self._follow(turn, sound)
        elif self.state in LISTENS:
            self._decide()  # a reply that is ready begins with the next frame sent

    def _follow(self, turn: CallerTurn, sound: Sound) -> None:
        """Let the sound itself stop the agent, or let it talk on."""
        if (event := self._overlaps.follow(turn, sound is Sound.RETRACTED, self.state, self.now)) is not None:
            self._reject(turn) if event is Event.FALSE_INTERRUPTION else self._dispatch(event)
        if self.state is State.DUCKED:
            self.playback.duck(self._judge.depth_db(turn, self.now, self.playback.segment))

    def _interruptible(self) -> bool:
        """Whether the caller may stop the agent now. True while the agent says nothing."""
        return self.state is not State.SPEAKING or self.playback.interruptible

    def _advance_caller(self) -> None:
        """Events that come from the caller's silence."""
        self._decide()
        if self.state not in LISTENS or self._caller.turn is not None:
            return
        if self._caller.input.digits:
            if self._caller.input.digits_complete(self._agent.listen.digits, self.now):
                self._end_caller_turn()
        elif self.now - self._caller.floor_since >= samples(self._caller.patience_ms(self._agent.listen)):
            self._dispatch(Event.SILENCE)

    def _decide(self) -> None:
        """Decide what can be decided now about the caller's turn, or request its transcript."""
        turn, now, listen = self._caller.turn, self.now, self._agent.listen
        if turn is None:
            return
        self._turn_end.measure(turn, now, self._caller.prosody)
        if self.state is State.SPEAKING and self._interruptible() and turn.silent_ms(now) < STILL_SOUNDING_MS:
            self._dispatch(Event.ONSET)  # the caller talked on from a segment that may not be interrupted into this one
        for earlier in self._caller.waiting[:]:
            self._decide_overlap(earlier)
        if self.state in (*OVERLAPPED, State.THINKING):
            self._decide_overlap(turn)
            if self.state is State.PAUSED and self._overlaps.goes_on(turn, now):
                self._dispatch(Event.NO_SPEECH)
                self.playback.duck(0.0)
        elif turn.waits and self.state is State.LISTENING:
            self._decide_overlap(turn)
        elif self._caller.overlong(now) or (
            not self._caller.waiting and self._turn_end.is_over(turn, now, listen, self._caller.input.text)
        ):
            self._end_caller_turn()
        else:
            self._prepare(turn)

    def _decide_overlap(self, turn: CallerTurn) -> None:
        """Decide what a sound over the agent's speech was, or request its transcript."""
        event = self._overlaps.judge(turn, self.state, self.now)
        if event is None:
            if self._judge.wants_words(turn, self.now, self.state):
                self._actions.append(act.RequestTranscript(turn.id, self.now))
        elif self.state not in (*OVERLAPPED, State.THINKING):
            self._decide_earlier(turn, event)
        elif event is Event.FALSE_INTERRUPTION:
            self._reject(turn)
        else:
            self._dispatch(Event.CONTINUATION if self._retractable(turn) else event, turn)
            if turn is not self._caller.turn:
                self._actions += self._words.add(turn, self.state)

    def _decide_earlier(self, turn: CallerTurn, event: Event) -> None:
        """What a sound over the agent's speech was is known when that is over."""
        if turn is self._caller.turn and event is not Event.FALSE_INTERRUPTION:
            turn.waits = False  # it is the caller's turn
            return
        self._actions += self._words.settle(turn, event, self.state, self.now)
        if self._caller.turn is None and self._caller.input:
            self._end_caller_turn()

    def _prepare(self, turn: CallerTurn) -> None:
        """Be ready for the end of the turn: request the last words, then a reply to all that was said."""
        self._actions += self._planning.discard_outdated(turn)
        if turn.wants_transcript(self.now, REQUEST_TURN_MS, REQUEST_TURN_EVERY):
            self._actions.append(act.RequestTranscript(turn.id, self.now))
        else:
            self._actions += self._planning.prepare(turn, self.state, self.now)

    def _end_caller_turn(self) -> None:
        """The caller has finished a turn: by silence, or with a digit."""
        self._actions += self._words.close(self.state, self.now)
        if self.state is State.SPEAKING:  # over a segment that may not be interrupted: it is answered afterwards
            return
        given = self._caller.input
        keying = given.digits and not given.digits_complete(self._agent.listen.digits, self.now)
        self._actions += self._words.log(digits=not keying)
        if not keying and self.state in LISTENS:
            if given:
                self._dispatch(Event.TURN_END)
            elif self.state is State.YIELDED or self._caller.unanswered:
                self._dispatch(Event.SILENCE)

    # ---------------------------------------------------------------- the agent's half

    def _advance_reply(self) -> None:
        """Events that come from the reply: its first audio, its end."""
        if not self.playback.interruptible:
            self._dispatch(Event.PROTECTED)
        thinking = self.state is State.THINKING
        if self.state in (State.THINKING, State.SPEAKING):
            self._actions += self._agent.separate_filler()
        if thinking and self.playback.replying:
            self._agent.begin()
            self._dispatch(Event.REPLY_AUDIO)
        self._actions += self._agent.bridge(self._has_floor(), self.now)
        if self._agent.reply.heard and not self._retractable():
            self._commit()
        if not self._agent.done or self.state not in PLAYING:
            return
        over_goodbye = self._agent.reply.finish is not None and self._overlaps.begun_before(self.playback.ended)
        if self.state is State.DUCKED and (over_goodbye or self._retractable()):
            return  # a goodbye, and what may be retracted, wait until the sounds over them are judged
        self._commit(empty=thinking)
        empty = Event.REPLY_EMPTY if thinking else Event.PLAYED_OUT
        self._dispatch(Event.FINISH if self._agent.reply.finish is not None else empty)

    def _has_floor(self) -> bool:
        """Whether the agent may speak: a reply is due or not over, and the caller makes no sound."""
        return self.state in (State.THINKING, State.SPEAKING) and self._caller.turn is None

    def _retractable(self, turn: CallerTurn | None = None) -> bool:
        """Whether this sound, or the first one over the reply, retracts it."""
        first = turn or next(iter(self._caller.sounds), None)
        return self._agent.retractable(first, self.state in OVERLAPPED, self.now)

    def _commit(self, empty: bool = False) -> None:
        self._actions += self._agent.commit(self._caller.input, empty)

    # --------------------------------------------------------------- events and effects

    def _dispatch(self, event: Event, turn: CallerTurn | None = None) -> None:
        """`turn`: the sound that it is about, if it is not the caller's turn."""
        self.state, effects = step(self.state, event)
        for effect in effects:
            self._perform(effect, event, None if event is Event.DIGIT else turn or self._caller.turn)

    def _reject(self, turn: CallerTurn) -> None:
        """The sound was no interruption. While another one is not decided, the agent only does nothing for this one."""
        if not self._caller.waiting:
            return self._dispatch(Event.FALSE_INTERRUPTION)
        if not self._overlaps.others_silence(turn):
            self._dispatch(Event.NO_SPEECH)
        self._actions += self._overlaps.rejected(turn, self.state, self.now)

    def _perform(self, effect: Effect, event: Event, turn: CallerTurn | None) -> None:
        match effect:
            case Effect.DUCK:
                self._agent.ducked(turn, self.now)
            case Effect.UNDUCK:
                self.playback.duck(0.0)
            case Effect.UNPAUSE:
                self._agent.unpaused(self._caller.sounds, self.now)
            case Effect.HOLD | Effect.RESUME | Effect.KEEP_REPLY:
                assert turn is not None  # a sound was judged
                if effect is Effect.RESUME:
                    self._agent.unpaused(self._caller.sounds, self.now)
                self.playback.duck(0.0)
                self._actions += self._overlaps.rejected(turn, self.state, self.now)
            case Effect.PAUSE:
                self._agent.paused(turn, self.now)
            case Effect.YIELD:
                self._commit()
                kind = Kind.DTMF if event is Event.DIGIT else Kind.OTHER
                self._actions += self._agent.interrupted(turn, self.now, kind)
                self._caller.take_floor(self.now)
            case Effect.RETRACT:
                self._turn_end.pace.cut_off()
                self._actions += self._agent.retract(turn, self.now)
                self._caller.take_floor(self.now)
            case Effect.REPLAN:
                self._actions += self._planning.plan(event, self.now)
            case Effect.DROP_REPLY:
                cause = act.DropCause.DIGIT if event is Event.DIGIT else act.DropCause.SPEECH
                self._actions += self._agent.drop_unheard(cause, self.now)
                self._caller.take_floor(self.now)
            case Effect.LISTEN:
                self._end_agent_turn(event)
            case Effect.FINISH:
                assert self._agent.reply.finish is not None
                self._actions += self._words.close(self.state, self.now)
                self._actions += self._words.log(digits=True)
                self._actions.append(act.EndCall(self._agent.reply.finish))

    def _end_agent_turn(self, event: Event) -> None:
        """The reply has been played: close the agent's turn, then answer what the caller said meanwhile."""
        self._actions += self._agent.close(self.now)
        if event is Event.FINISH and self._agent.reply.finish is not None:
            self._actions += self.ledger.finished(self._agent.reply.finish.result)
        self.ledger.open = None
        self._actions += self._words.log()
        self._caller.take_floor(self.now)
        if self._caller.input and self._caller.turn is None and event is not Event.FINISH:
            self._end_caller_turn()

    def _take(self) -> list[act.Action]:
        actions, self._actions = self._actions, []
        return actions
