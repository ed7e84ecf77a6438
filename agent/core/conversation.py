"""One call: what is heard and what time it is go in, frames and actions come out. The only glue of the core.

The route of a frame: `on_frame` -> hearing -> onset -> bargein.step -> actions; `on_tick` -> playback -> frame.
Time is the count of samples sent: `on_tick` is called every 20 ms, whatever the line does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .actions import Action, AskWords, CancelReply, CommitReply, EndCall, EndTurn, Hear, Replan, StartTurn
from .bargein import Effect, Event, State, VerdictSettings, step, verdict
from .dialogue import Kind, Resolution, Situation
from .endpoint import PREROLL_SAMPLES, CallerTurn, EndpointSettings, Preroll
from .evidence import Evidence
from .hearing import Hearing
from .intent import Phrases, classify
from .ledger import Ledger
from .pcm import FRAME_SAMPLES, Pcm, Rechunker, ms, samples
from .playback import FADE_SAMPLES, Heard, Line, Playback
from .reply import Finish, Listen, Transcript
from .said import Said

ASK_EVERY = samples(800)  # words of a sound that goes on; most backchannels are over by then, and asked once
ASK_PAUSED_MS = 40  # silence after which the words of a sound that made us pause are asked
WARY, WARY_FOR = 0.2, samples(1500)  # coughs come in series: less sensitive for a moment after one
HARDLY_HEARD = samples(120)  # a pause so short is no hesitation: go on as if it had not been
VOICE_AFTER_ALL = 0.8  # a sound that was taken for noise turns out to be a voice
QUIET_MS = 60  # a sound with less silence than this still goes on
ASK_TURN_MS = 100  # the same in the caller's turn: the answer is to be there when the silence ends the turn


@dataclass(frozen=True, slots=True)
class Settings:
    """All that tunes a conversation; hearing has its own."""

    sensitivity: float = 0.5
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)


class Conversation:
    """The state of one call. Methods return the actions that the caller of the method has to perform, in order."""

    def __init__(self, call_id: str, hearing: Hearing, phrases: Phrases, settings: Settings = Settings()) -> None:
        self.state = State.THINKING
        self.now = 0  # samples sent
        self.ledger = Ledger(call_id)
        self._hearing = hearing
        self._phrases = phrases
        self._settings = settings
        self._playback = Playback()
        self._rechunker = Rechunker()
        self._preroll = Preroll()
        self._actions: list[Action] = []
        # the caller's turn
        self._turn: CallerTurn | None = None
        self._turns_begun = 0
        self._let_go: CallerTurn | None = None  # it was judged to be nothing and goes on
        self._said = Said()
        self._floor_since = 0  # the caller has the floor, or was last heard
        # the agent's turn
        self._reply_id = 0
        self._listen = Listen()
        self._next_listen: Listen | None = None
        self._reply_ended = False
        self._finish: Finish | None = None
        self._paused_at = 0
        self._wary_until = 0
        self._asked = False  # what was interrupted was a question

    def start(self) -> list[Action]:
        """The call is up: plan the opening."""
        self._replan(Situation(()))
        return self._take()

    def on_frame(self, pcm: Pcm) -> list[Action]:
        """Audio from the line, of any length."""
        for frame in self._rechunker.feed(pcm):
            self._hear(self._hearing.heard(frame))
        return self._take()

    def on_tick(self) -> tuple[Pcm, list[Action]]:
        """20 ms have passed: the 160 samples to send now."""
        self._reply_progress()
        frame = self._playback.next_frame(self.now)
        self._hearing.sent(frame)
        self.now += FRAME_SAMPLES
        self._caller_progress()
        return frame, self._take()

    def on_digit(self, digit: str) -> list[Action]:
        """A DTMF digit ended on the line."""
        if self.state is State.ENDED:
            return []
        self._said.key(digit, self.now)
        if self._interruptible():
            self._dispatch(Event.DIGIT)
        if self._said.is_keyed(self._listen.digits, self.now):
            self._end_turn()
        return self._take()

    def on_words(self, turn_id: int, at: int, words: Transcript) -> list[Action]:
        """The answer to AskWords."""
        if self._turn is not None and self._turn.id == turn_id:
            self._turn.answer(words, at)
            self._consider()
        return self._take()

    def on_line(self, reply_id: int, line: Line) -> list[Action]:
        """The next sentence of a reply is ready to be played."""
        if reply_id == self._reply_id and self.state is not State.ENDED:
            self._playback.enqueue(line)
        return self._take()

    def expect(self, reply_id: int, listen: Listen) -> list[Action]:
        """What the reply listens for at its end; may come before its last line."""
        if reply_id == self._reply_id:
            self._next_listen = listen
            if self.state is not State.THINKING:
                self._listen = listen
        return self._take()

    def on_reply_end(self, reply_id: int, finish: Finish | None = None) -> list[Action]:
        """The reply has no more lines; with `finish` the call is over once they are played."""
        if reply_id == self._reply_id:
            self._reply_ended, self._finish = True, finish
        return self._take()

    def on_hangup(self) -> list[Action]:
        """The caller has gone, or the call is taken away."""
        if self.state is not State.ENDED:
            if self.state is State.PAUSED and self._turn is not None:
                heard, text = self._playback.heard(), self._turn.text
                self._log_interruption(heard, Kind.OTHER, Resolution.HUNG_UP, text)
            self._close_turn()
            self._dispatch(Event.HANGUP)
            if self.ledger.open is not None and self.ledger.open.resolution == Resolution.IGNORED:
                self._actions += self.ledger.resolved(Resolution.HUNG_UP)
            self._actions.append(CancelReply(self._reply_id))
            self._actions += self.ledger.agent_turn(self._playback.cut(self.now))
            self._log_caller(digits=True)
        return self._take()

    def _hear(self, evidence: Evidence) -> None:
        if self.state is State.ENDED:
            return
        self._preroll.push(evidence.near)
        if self._turn is not None:
            self._turn.hear(evidence, self.now)
            self._actions.append(Hear(self._turn.id, evidence.near))
            if evidence.withdrawn and self.state is State.PAUSED:
                self._dispatch(Event.NOTHING)
                self._let_go = None  # hearing itself knows what of the sound still counts
        elif self._let_go is not None:
            if not evidence.voiced:
                self._let_go = None
                self._hearing.rearm()
            elif evidence.voice >= VOICE_AFTER_ALL and evidence.level_dbfs >= evidence.far_dbfs:
                self._begin_turn(evidence, self.now - self._let_go.onset)
        elif evidence.onset:
            self._begin_turn(evidence)

    def _begin_turn(self, evidence: Evidence, missed: int = 0) -> None:
        """The caller makes a sound; `missed` samples of it were let go before, and the recognizer needs them, too."""
        self._turns_begun += 1
        self._let_go = None
        onset = max(0, self.now - evidence.onset_samples_ago)
        self._turn = CallerTurn.begun(self._turns_begun, onset, self.now, evidence, self._question())
        preroll = self._preroll.last(PREROLL_SAMPLES + missed)
        self._actions.append(StartTurn(self._turn.id, preroll, self._listen.hints))
        if self._interruptible():
            self._dispatch(Event.ONSET)

    def _interruptible(self) -> bool:
        """Whether the caller may stop what is being said; where nothing is said there is nothing in the way."""
        line = self._playback.line
        return self.state is not State.SPEAKING or line is None or line.interruptible

    def _consider(self) -> None:
        """Decide what can be decided now about the caller's turn, or ask for its words."""
        turn = self._turn
        if turn is None:
            return
        if self.state is State.SPEAKING and self._interruptible() and turn.silent_ms(self.now) < QUIET_MS:
            self._dispatch(Event.ONSET)  # from a line that may not be interrupted the caller talked on into this one
        if self.state is State.PAUSED:
            event = verdict(
                turn.sound(self.now),
                turn.words,
                self._phrases,
                self._question(),
                self._listen.backchannels or (),
                self._settings.verdict,
            )
            if event is not None:
                self._dispatch(event)
            elif turn.ask(self.now, ASK_PAUSED_MS, ASK_EVERY):
                self._actions.append(AskWords(turn.id, self.now))
        elif turn.is_over(self.now, self._phrases, self._listen.hints, self._settings.endpoint):
            self._end_turn()
        elif turn.ask(self.now, ASK_TURN_MS):
            self._actions.append(AskWords(turn.id, self.now))

    def _question(self) -> bool:
        line = self._playback.line
        return line is not None and line.question

    def _reply_progress(self) -> None:
        """Events that come from the reply: its first audio, its end."""
        if self.state is State.THINKING and not self._playback.idle:
            self._commit()
            self._dispatch(Event.REPLY_AUDIO)
        if self._playback.idle and self._reply_ended and self.state in (State.THINKING, State.SPEAKING):
            if self.state is State.THINKING:
                self._commit()
            if self._finish is not None:
                self._dispatch(Event.FINISH)
            else:
                self._dispatch(Event.REPLY_EMPTY if self.state is State.THINKING else Event.PLAYED_OUT)
        line = self._playback.line
        wanted = line.sensitivity if line is not None else None
        sensitivity = self._settings.sensitivity if wanted is None else wanted
        wary = WARY if self.now < self._wary_until else 0.0
        self._hearing.sensitivity = max(0.0, sensitivity - wary)

    def _commit(self) -> None:
        self._actions.append(CommitReply(self._reply_id))
        self._said.clear()
        if self._next_listen is not None:
            self._listen, self._next_listen = self._next_listen, None
        line = self._playback.line  # None: the answer is to wait for more, or to end the call
        repeated = line is not None and line.repeated
        self._actions += self.ledger.resolved(Resolution.REPEATED if repeated else Resolution.REPLANNED)

    def _caller_progress(self) -> None:
        """Events that come from the caller's silence."""
        self._consider()
        if self.state not in (State.LISTENING, State.YIELDED) or self._turn is not None:
            return
        if self._said.digits:
            if self._said.is_keyed(self._listen.digits, self.now):
                self._end_turn()
        elif self.now - self._floor_since >= samples(self._listen.silence_ms):
            self._dispatch(Event.SILENCE)

    def _close_turn(self) -> None:
        """The caller's stretch of sound is over: its words are said, its stream ends.

        A backchannel over a notice, which goes on, does not count.
        """
        turn, self._turn = self._turn, None
        if turn is not None:
            if turn.text:
                over_notice = self.state is State.SPEAKING
                nod = over_notice and turn.is_nod(self._phrases, self._listen.backchannels or ())
                self._said.add(turn.entry(), counts=not nod)
            self._actions.append(EndTurn(turn.id))
            self._hearing.rearm()
        self._floor_since = self.now

    def _end_turn(self) -> None:
        """The caller has finished a turn: by silence, or with a digit."""
        self._close_turn()
        if self.state is State.SPEAKING:  # over a notice: it is logged, and answered, when all is said
            return
        keying = self._said.digits and not self._said.is_keyed(self._listen.digits, self.now)
        self._log_caller(digits=not keying)
        if not keying and self.state in (State.YIELDED, State.LISTENING):
            if self._said:
                self._dispatch(Event.TURN_END)
            elif self.state is State.YIELDED:
                self._dispatch(Event.SILENCE)

    def _log_caller(self, digits: bool = False) -> None:
        """What the caller said comes behind the agent's turn that it was said over; digits when they are complete."""
        for entry in self._said.take_unlogged(digits):
            self._actions += self.ledger.caller_turn(entry.text, entry.confidence, entry.started, entry.ended)

    def _dispatch(self, event: Event) -> None:
        before = self.state
        self.state, effects = step(before, event)
        for effect in effects:
            self._perform(effect, event)

    def _perform(self, effect: Effect, event: Event) -> None:
        match effect:
            case Effect.PAUSE:
                self._playback.pause()
                self._paused_at = self.now
            case Effect.RESUME:
                self._resume()
            case Effect.YIELD:
                self._yield(event)
            case Effect.REPLAN:
                self._replan(self._situation_now(event))
            case Effect.DROP_REPLY:
                self._actions.append(CancelReply(self._reply_id))
                self._reply_id += 1
                self._playback.cut(self.now)
                self._floor_since = self.now
            case Effect.LISTEN:
                self._actions += self.ledger.agent_turn(self._playback.cut(self.now))
                if event is Event.FINISH and self._finish is not None:
                    self._actions += self.ledger.finished(self._finish.result)
                self.ledger.open = None
                self._log_caller()
                self._floor_since = self.now
                if self._said and self._turn is None and event is not Event.FINISH:
                    self._end_turn()
            case Effect.FINISH:
                assert self._finish is not None
                self._close_turn()
                self._log_caller(digits=True)
                self._actions.append(EndCall(self._finish))

    def _resume(self) -> None:
        """It was nothing: say so in the log, and go on from the cut word."""
        turn = self._turn
        assert turn is not None  # a pause begins with a turn, and ends before the turn does
        at_once = self.now - self._paused_at <= HARDLY_HEARD
        if not turn.text:
            self._wary_until = self.now + WARY_FOR
        if not at_once:
            kind = Kind.BACKCHANNEL if turn.text else Kind.NOISE
            self._log_interruption(self._playback.heard(), kind, Resolution.RESUMED, turn.text)
        self._playback.resume(at_once)
        self._actions.append(EndTurn(turn.id))
        self._turn = None
        if turn.silent_ms(self.now) < QUIET_MS:
            self._let_go = turn
        else:
            self._hearing.rearm()

    def _yield(self, event: Event) -> None:
        """An interruption: what was to be said is dropped, the caller has the floor."""
        self._asked = self._question()
        heard = self._playback.cut(self.now)
        self._log_interruption(heard, Kind.DTMF if event is Event.DIGIT else Kind.OTHER, Resolution.IGNORED)
        self._actions += self.ledger.agent_turn(heard)
        self._actions.append(CancelReply(self._reply_id))
        self._reply_id += 1
        self._reply_ended, self._finish = False, None
        self._floor_since = self.now

    def _log_interruption(self, heard: Heard, kind: Kind, resolution: Resolution, text: str = "") -> None:
        onset = self._turn.onset if self._turn is not None else self.now
        self._actions += self.ledger.interruption(
            heard,
            turn_seq=len(self.ledger.turns),
            onset=onset,
            paused=self._paused_at,
            decided=self.now,
            silent=self._paused_at + FADE_SAMPLES,
            kind=kind,
            resolution=resolution,
            evidence=self._turn.evidence if self._turn is not None else 1.0,
            caller_text=text,
        )

    def _situation_now(self, event: Event) -> Situation:
        text, digits = self._said.text, self._said.digits
        row = self.ledger.open
        turns = self.ledger.turns
        kind: Kind | None = None
        if row is not None:
            kind = Kind.DTMF if digits and not text else self._classify(text)
            self._actions += self.ledger.understood(text or digits, kind)
            row = self.ledger.open
        silence_ms = ms(self.now - self._floor_since) if event is Event.SILENCE else 0
        confidence = turns[-1].confidence if turns and text else None
        return Situation(turns, text, digits, confidence, row, kind, silence_ms)

    def _classify(self, text: str) -> Kind:
        interrupted = next((turn for turn in reversed(self.ledger.turns) if turn.speaker == "agent"), None)
        return classify(text, self._phrases, interrupted=interrupted, question=self._asked)

    def on_kind(self, reply_id: int, kind: Kind) -> list[Action]:
        """The planner knows better what the interruption is about."""
        if reply_id == self._reply_id and self.ledger.open is not None:
            self._actions += self.ledger.understood(self.ledger.open.caller_text, kind)
        return self._take()

    def _replan(self, situation: Situation) -> None:
        self._reply_id += 1
        self._reply_ended, self._finish, self._next_listen = False, None, None
        self._actions.append(Replan(self._reply_id, situation))

    def _take(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions
