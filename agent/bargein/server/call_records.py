"""The calls in progress, and what is kept of them: in the store, for the dialplan, in the metrics."""

from __future__ import annotations

import logging
import textwrap
from dataclasses import dataclass, field

from ..clock import Clock
from ..core.turns.records import ANNOUNCEMENT, Callback, CallInfo, Interruption, Turn
from ..core.turns.reply import CallResult, Finish
from ..store import Store
from .metrics import Meter
from .monitor import count_call, count_waits
from .recorder import WavRecorder
from .registry import CallOutcome, Registry
from .session import CallLog, Session

log = logging.getLogger("bargein.calls")  # a line of the log begins with "calls: "

LAST_WORDS_CHARS = 200  # what the person who takes the call can read while it rings


@dataclass(slots=True)
class CallInProgress:
    """A call in progress, and what its rows say so far. `started` is in s of the clock."""

    info: CallInfo
    session: Session
    started: float
    recording: WavRecorder | None
    last_words: str = ""  # of the caller
    callback: Callback | None = None  # that was promised, as last logged
    rows: dict[str, Interruption] = field(default_factory=dict)  # as last logged

    @property
    def interruptions(self) -> int:
        """How often the caller has interrupted the agent."""
        return sum(row.by_caller for row in self.rows.values())


class CallRecords:
    """`began` and `ended` enclose a call. Between them its session logs turns and interruptions.

    `observer` is told every row that is logged.
    """

    def __init__(
        self, store: Store, registry: Registry, meter: Meter, server_name: str, observer: CallLog | None, clock: Clock
    ) -> None:
        self.in_progress: dict[str, CallInProgress] = {}
        self._store = store
        self._registry = registry
        self._meter = meter
        self._server_name = server_name
        self._observer = observer
        self._clock = clock

    def sessions(self) -> list[Session]:
        """Those of the calls in progress."""
        return [call.session for call in self.in_progress.values()]

    def began_at(self) -> list[float]:
        """When each call in progress began, in s of the clock."""
        return [call.started for call in self.in_progress.values()]

    def began(self, info: CallInfo, session: Session, recording: WavRecorder | None, dialogue: str) -> None:
        """A call begins. dialogue: the name of what it got, which may not be what it asked for."""
        self.in_progress[info.id] = CallInProgress(info, session, self._clock.monotonic(), recording)
        self._store.call_started(
            info.id,
            caller=info.caller,
            caller_name=info.caller_name,
            called=info.called,
            dialogue=dialogue,
            queue=info.queue,
            server=self._server_name,
            recording=str(recording.path) if recording is not None else "",
            uniqueid=info.uniqueid,
            linkedid=info.linkedid,
            channel=info.channel,
            trunk=info.trunk,
            codec=info.codec,
        )
        log.info("call %s begins", info.id)

    def caller_gone(self, linkedid: str) -> None:
        """The caller of this linkedid hung up in the queue: a member who hears what the call is about hears no more."""
        for call in self.in_progress.values():
            if linkedid and call.info.linkedid == linkedid and call.info.dialogue == ANNOUNCEMENT:
                call.session.stop("the caller hung up", CallResult.HANGUP)

    def turn(self, call_id: str, turn: Turn) -> None:
        """A turn of a call has ended."""
        call = self.in_progress[call_id]
        if turn.speaker == "caller":
            call.last_words = turn.text or call.last_words
        count_waits(self._meter, turn.waits)
        self._store.turn(call_id, turn)
        self._log_promise(call)
        if self._observer is not None:
            self._observer.turn(call_id, turn)

    def interruption(self, row: Interruption) -> None:
        """An interruption began, or more is known of it. It is counted for BARGEIN_INTERRUPTIONS."""
        self.in_progress[row.call_id].rows[row.id] = row
        self._store.interruption(row)
        if self._observer is not None:
            self._observer.interruption(row)

    def ended(self, info: CallInfo, session: Session) -> None:
        """The call is over: its row is complete, and the dialplan can ask for the result."""
        call = self.in_progress.pop(info.id)
        finish = session.finish
        if call.recording is not None:
            call.recording.end()
        duration_ms = int((self._clock.monotonic() - call.started) * 1000)
        outcome = finish.result if finish is not None else "caller_hung_up"
        # a caller who hung up does not ask for the result; one who is still there needs people
        told = finish or Finish(CallResult.FAILED)
        progress = session.progress
        self._log_promise(call)
        gathered = told.summary or progress.summary
        summary = gathered or textwrap.shorten(call.last_words, LAST_WORDS_CHARS, placeholder=" ...")
        self._store.call_ended(
            info.id,
            outcome=outcome,
            duration_ms=duration_ms,
            queue=finish.queue if finish is not None and finish.queue else None,
            exten=finish.exten if finish is not None else "",
            summary=summary,
            slots=progress.slots,
            last_step=progress.step,
            cause=session.cause,
            answered_by=session.answered_by,
        )
        self._registry.finish(
            info.id,
            CallOutcome(
                result=told.result,
                queue=told.queue or info.queue,
                exten=told.exten,
                interruptions=call.interruptions,
                summary=summary,
                variables=told.variables,
                answered_by=session.answered_by,
            ),
        )
        count_call(self._meter, outcome, call.rows.values(), session.underruns)
        cause = f" ({session.cause})" if session.cause else ""
        log.info("call %s ends after %.1f s: %s%s", info.id, duration_ms / 1000, outcome, cause)

    def _log_promise(self, call: CallInProgress) -> None:
        """The caller may have heard another promise to call back, or that the last one does not hold."""
        promised = call.session.progress.callback
        if promised != call.callback:
            call.callback = promised
            self._store.callback(call.info.id, promised)
