"""The agent's half of a conversation: the reply that is planned or played, its playback, and what it listens for."""

from __future__ import annotations

from ..audio.pcm import ms
from ..audio.playback import Playback, Playout, Segment
from ..language.kinds import Kind
from . import actions as act
from .caller_input import CallerInput
from .endpoint import CallerTurn
from .ledger import Ledger
from .overlap_log import OverlapLog
from .records import Resolution, Situation, Waits
from .reply import Finish, Listen
from .reply_progress import ReplyProgress, ReplyTiming


class Agent:
    """Methods that change something outside return the actions for it. `now` is in samples of the call."""

    def __init__(self, ledger: Ledger) -> None:
        self.playback = Playback()
        self.reply = ReplyProgress()
        self.listen = Listen()
        self.overlap = OverlapLog(ledger)
        self.interrupted_question = False  # the sentence that the caller interrupted was one
        self._ledger = ledger

    def plan(self, situation: Situation, given: CallerInput, now: int) -> list[act.Action]:
        """Order a reply to what the caller has given."""
        timing = ReplyTiming(asked=now, over=now)
        if situation.caller_text or situation.digits:
            timing.said, timing.recognition = given.until, given.recognition
        self.reply = ReplyProgress(self.reply.id + 1, answers=bool(situation.caller_text), timing=timing)
        return [act.PlanReply(self.reply.id, situation)]

    def planned(self, reply_id: int, now: int) -> None:
        """The planner has the first sentence of the reply."""
        if reply_id == self.reply.id and self.reply.timing.planned is None:
            self.reply.timing.planned = now

    def segment(self, reply_id: int, segment: Segment, now: int) -> None:
        """Speech of the reply, or a filler, is ready to be played."""
        if reply_id != self.reply.id:
            return
        if not segment.filler and self.reply.timing.ready is None:
            self.reply.timing.ready = now
        self.playback.enqueue(segment)

    def expect(self, reply_id: int, listen: Listen) -> None:
        """What the reply listens for at its end."""
        if reply_id == self.reply.id:
            self.reply.listen = listen
            if self.reply.committed:
                self._take_listen()

    def ended(self, reply_id: int, finish: Finish | None) -> None:
        """The reply has no more segments."""
        if reply_id == self.reply.id:
            self.reply.ended, self.reply.finish = True, finish

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

    def settle(self, given: CallerInput, empty: bool = False) -> list[act.Action]:
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

    def hung_up(self, turn: CallerTurn, now: int) -> list[act.Action]:
        """The row of a sound over the reply in which the caller hung up."""
        return self.overlap.hung_up(self.playback.playout(), turn, now, self.listen.writable(turn.text))

    def close(self, now: int) -> list[act.Action]:
        """The agent's turn is over, played or not."""
        return self._log(self.playback.cut(now))

    def _log(self, heard: Playout) -> list[act.Action]:
        waits = Waits()
        if self.reply.heard and not self.reply.logged:
            self.reply.logged, waits = True, self.reply.timing.waits(heard.started)
        return self._ledger.agent_turn(heard, waits)

    def _drop(self, cause: act.DropCause | None) -> list[act.Action]:
        """Forget the reply. `cause`: it counts as not said."""
        dropped = self.reply.id
        self.reply = ReplyProgress(dropped + 1)
        return [act.CancelReply(dropped, cause)]

    def _take_listen(self) -> None:
        if self.reply.listen is not None:
            self.listen, self.reply.listen = self.reply.listen, None
