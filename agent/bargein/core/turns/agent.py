"""The agent's half of a conversation: the reply that is planned or played, its playback, and what it listens for."""

from __future__ import annotations

from collections.abc import Sequence

from ..audio.pcm import Pcm, ms
from ..audio.playback import Playback
from ..audio.playout import Playout, Segment
from ..language.kinds import Kind
from . import actions as act
from .caller_input import CallerInput
from .endpoint import CallerTurn
from .ledger import Ledger
from .overlap_log import OverlapLog
from .records import Resolution, Situation, Waits
from .reply import Finish, Listen
from .reply_progress import ReplyProgress


class Agent:
    """Methods that change something outside return the actions for it. `now` is in samples of the call.

    `filler`: the silence before a reply, or in it, that a filler ends; 0: never. Never two replies in a row have one.
    """

    def __init__(self, ledger: Ledger, filler: int = 0, wideband: bool = False) -> None:
        self.playback = Playback(wideband)
        self.reply = ReplyProgress()
        self.listen = Listen()
        self.overlap = OverlapLog(ledger)
        self.interrupted_question = False  # the sentence that the caller interrupted was one
        self.prepared_until: int | None = None  # the caller's last sound when a reply was prepared; None: there is none
        self._prepared: ReplyProgress | None = None
        self._foreseen: Situation | None = None
        self._ids = 0  # of replies, so far
        self._ledger = ledger
        self._filler = filler
        self._bridged = False  # the last reply, or its beginning, was a filler
        self._heard_until = 0  # when the agent was last heard

    @property
    def done(self) -> bool:
        """Whether all of the reply has been said: there is nothing that a sound could stop."""
        return self.reply.ended and self.playback.idle

    def prepare(self, situation: Situation, until: int) -> list[act.Action]:
        """Order a reply in advance, wanted if the situation comes about. `until`: the caller's last sound so far."""
        self._ids += 1
        self._prepared = ReplyProgress(self._ids)
        self._foreseen, self.prepared_until = situation, until
        return [act.PrepareReply(self._ids, situation)]

    def discard(self) -> list[act.Action]:
        """The prepared reply is not wanted: the caller goes on."""
        prepared, self._prepared, self.prepared_until = self._prepared, None, None
        return [] if prepared is None else [act.CancelReply(prepared.id)]

    def plan(self, situation: Situation, given: CallerInput, now: int) -> list[act.Action]:
        """Order a reply to what the caller has given, or take the one that is prepared."""
        reply = self._prepared if situation == self._foreseen else None
        actions: list[act.Action] = []
        if reply is None:
            actions = self.discard()
            self._ids += 1
            reply = ReplyProgress(self._ids)
        self._prepared = self.prepared_until = None
        self.reply = reply
        reply.timing.over = now
        if situation.caller_text or situation.digits:
            reply.timing.said, reply.timing.recognition = given.until, given.recognition
        reply.answers = bool(situation.caller_text)
        reply.may_bridge, self._bridged = bool(situation.turns) and not self._bridged, False
        actions.append(act.PlanReply(reply.id, situation))
        for segment in reply.segments:
            self.playback.enqueue(segment)
        return [*actions, *self._understood()]

    # ------------------------------------------------------------ what comes of the reply

    def planned(self, reply_id: int, now: int) -> None:
        """The planner has the first sentence of the reply."""
        reply = self._of(reply_id)
        if reply is not None and reply.timing.planned is None:
            reply.timing.planned = now

    def segment(self, reply_id: int, segment: Segment, now: int) -> None:
        """Speech of the reply is ready to be played. A filler is ready, if it is still needed."""
        reply = self._of(reply_id)
        if reply is None:
            return
        if segment.filler:
            if not self.playback.idle:
                return
            self._bridged = True
        elif reply.timing.ready is None:
            reply.timing.ready = now
        if reply is self.reply:
            self.playback.enqueue(segment)
        else:
            reply.segments.append(segment)

    def expect(self, reply_id: int, listen: Listen) -> None:
        """What the reply listens for at its end."""
        reply = self._of(reply_id)
        if reply is not None:
            reply.listen = listen
            if reply.committed:
                self._take_listen()

    def meant(self, reply_id: int, kind: Kind) -> list[act.Action]:
        """The planner knows better what the interruption is about."""
        reply = self._of(reply_id)
        if reply is not None:
            reply.kind = kind
        return self._understood() if reply is self.reply else []

    def ended(self, reply_id: int, finish: Finish | None, now: int) -> None:
        """The reply has no more segments."""
        reply = self._of(reply_id)
        if reply is not None:
            reply.ended, reply.finish = True, finish
            reply.timing.ready = now if reply.timing.ready is None else reply.timing.ready

    def talk_on(self, now: int) -> Pcm | None:
        """The next frame, if it is simply what comes next of a reply that is committed."""
        frame = self.playback.next_of_segment(now) if self.reply.committed else None
        if frame is not None:
            self._heard_until = now
        return frame

    def bridge(self, floor: bool, now: int) -> list[act.Action]:
        """Order a filler, if the caller has heard nothing for too long. `floor`: the agent may speak."""
        reply = self.reply
        if not self.playback.idle:
            self._heard_until = now
        waited = now - max(self._heard_until, reply.timing.over or 0)
        allowed = floor and self._filler and reply.may_bridge and not reply.ended
        if not allowed or not self.playback.idle or waited < self._filler:
            return []
        reply.may_bridge = False
        return [act.SayFiller(reply.id)]

    def _of(self, reply_id: int) -> ReplyProgress | None:
        return next((r for r in (self.reply, self._prepared) if r is not None and r.id == reply_id), None)

    def _understood(self) -> list[act.Action]:
        row, kind = self._ledger.open, self.reply.kind
        return [] if row is None or kind is None else self._ledger.understood(row.caller_text, kind)

    def separate_filler(self) -> list[act.Action]:
        """Log what was said so far as a turn of its own, if it is a filler and a reply comes next, or the reverse."""
        return self._log(self.playback.split()) if self.playback.changes else []

    def begin(self) -> None:
        """The first audio of the reply is due."""
        segment = self.playback.segment
        self.reply.heard, self.reply.repeated = True, segment is not None and segment.repeated

    def retractable(self, turn: CallerTurn | None, overlapped: bool, now: int) -> bool:
        """Whether the reply may still be retracted. `overlapped`: the caller's `turn` is a sound over it."""
        began = self.playback.started
        return self.reply.retractable(now if began is None else began, turn, overlapped, now)

    def commit(self, given: CallerInput, empty: bool = False) -> list[act.Action]:
        """Commit the reply to what the caller has `given`, if the caller hears it and it is not yet committed.

        `empty`: the reply has no audio. It waits for more, or ends the call.
        """
        if self.reply.committed or not (self.reply.heard or empty):
            return []
        self.reply.committed = True
        given.clear()
        self._take_listen()
        resolution = Resolution.REPEATED if self.reply.repeated else Resolution.REPLANNED
        return [act.CommitReply(self.reply.id), *self._ledger.resolved(resolution)]

    # -------------------------------------------------------------- the caller speaks

    def ducked(self, turn: CallerTurn | None, now: int) -> None:
        """A sound of the caller begins an overlap. A filler that is about to begin is not wanted."""
        self.overlap.ducked(turn, now)
        self.playback.forget_filler()

    def paused(self, turn: CallerTurn | None, now: int) -> None:
        """Fall silent for the sound `turn`, or for a digit."""
        if turn is not None:
            turn.cut_word = self.playback.playout().cut_word
        self.playback.pause()
        self.overlap.paused(turn, now)

    def unpaused(self, sounds: Sequence[CallerTurn], now: int) -> None:
        """Talk on over these sounds."""
        self.playback.resume(at_once=self.overlap.unpaused(sounds, now))

    def interrupted(self, turn: CallerTurn | None, now: int, kind: Kind) -> list[act.Action]:
        """The rest of the reply is not wanted. `turn`: the sound that interrupts, None for a digit."""
        self.interrupted_question = self.playback.question
        heard = self.playback.cut(now)
        rows = self.overlap.interruption(heard, turn, now, kind, Resolution.IGNORED)
        return [*rows, *self._log(heard), *self._drop(None)]

    def retract(self, turn: CallerTurn | None, now: int) -> list[act.Action]:
        """The reply cut the caller off, who goes on with `turn`. It counts as not said."""
        before = self._ledger.last_of_caller
        assert turn is not None  # it is an overlap
        assert before is not None  # the reply answers words
        turn.longest_pause_ms = max(turn.longest_pause_ms, ms(turn.onset) - before.ended_ms)
        heard, text = self.playback.cut(now), self.listen.writable(turn.text)
        return [*self.overlap.retracted(heard, turn, now, text, before.seq), *self._drop(act.DropCause.CUT_OFF)]

    def drop_unheard(self, cause: act.DropCause, now: int) -> list[act.Action]:
        """The caller says something new before the reply begins. A filler stays said."""
        self.playback.forget_rest()
        self.playback.pause()
        return [*self.close(now), *self._drop(cause)]

    def held(self, turn: CallerTurn, now: int) -> list[act.Action]:
        """The row of a sound that was no interruption."""
        return self.overlap.false_interruption(self.playback.playout(), turn, now, self.listen.writable(turn.text))

    def overlapped(self) -> Playout:
        """What was heard of the turn that the sounds of the last overlap were over."""
        cut = self.overlap.cut
        return self.playback.playout() if cut is None else cut[0]

    def hung_up(self, turn: CallerTurn, now: int) -> list[act.Action]:
        """The row of a sound over the reply in which the caller hung up."""
        return self.overlap.hung_up(self.playback.playout(), turn, now, self.listen.writable(turn.text))

    def close(self, now: int) -> list[act.Action]:
        """The agent's turn is over, played or not."""
        heard = self.playback.cut(now)
        self.overlap.closed(heard)
        return self._log(heard)

    def _log(self, heard: Playout) -> list[act.Action]:
        waits = Waits()
        if self.reply.heard and not self.reply.logged:
            self.reply.logged, waits = True, self.reply.timing.waits(heard.started)
        return self._ledger.agent_turn(heard, waits)

    def _drop(self, cause: act.DropCause | None) -> list[act.Action]:
        """Forget the reply. `cause`: it counts as not said."""
        dropped, self.reply = self.reply, ReplyProgress()
        return [act.CancelReply(dropped.id, cause)]

    def _take_listen(self) -> None:
        if self.reply.listen is not None:
            self.listen, self.reply.listen = self.reply.listen, None
