"""The log of calls, for a server that writes it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..clock import Clock, SystemClock
from ..core.turns.records import Callback, CallNow, Handover, Interruption, Turn
from ..errors import UserError
from .database import Database
from .delivery import Delivery
from .failures import explained, is_failure
from .privacy import EVERYTHING_STORED, Privacy
from .reader import Reader
from .rows import interruption_columns, iso, live_columns, storable, turn_columns
from .spool import Spool
from .url import sqlite_file

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
MEBIBYTE = 1024 * 1024


def spool_directory(url: str, configured: str = "") -> Path:
    """Where rows wait on disk: beside an SQLite file, else in the working directory."""
    if configured:
        return Path(configured)
    file = sqlite_file(url)
    return file.with_name(f"{file.name}-spool") if file else Path("bargein-spool")


class Store(Reader):
    """The log of calls. The methods that add rows return at once, whatever the database does.

    Rows wait in memory until the database has them, up to `queue` rows. If that takes longer than a moment, they wait
    in a spool on disk. If both are full, new rows are dropped and counted.
    """

    def __init__(self, url: str, clock: Clock, delivery: Delivery, run: str, privacy: Privacy) -> None:
        super().__init__(url)
        self._clock = clock
        self._delivery = delivery
        self._run = run
        self._privacy = privacy
        self._started: dict[str, datetime] = {}  # of calls in progress

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock | None = None,
        queue: int = 20_000,
        spool: str = "",
        spool_mb: int = 256,
        privacy: Privacy = EVERYTHING_STORED,
    ) -> Store:
        """Open the database, bring it up to date and start the writer.

        A database that is away for now is no error: rows wait. Raises UserError, one line, for one that cannot be used.
        """
        clock = clock or SystemClock()
        on_disk = Spool(spool_directory(url, spool), spool_mb * MEBIBYTE)
        delivery = Delivery(url, Database(url, clock), on_disk, queue)
        try:
            await asyncio.wrap_future(delivery.start())
        except Exception as error:
            raise explained(error, url) if is_failure(error) else error from error
        return cls(url, clock, delivery, on_disk.run, privacy)

    @property
    def backlog(self) -> int:
        """Rows that the database does not have yet."""
        return self._delivery.backlog

    @property
    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._delivery.failing

    @property
    def dropped(self) -> int:
        """Rows that were lost: there was no room for them, or the database refused what they hold."""
        return self._delivery.dropped

    def call_started(
        self,
        call_id: str,
        *,
        caller: str = "",
        caller_name: str = "",
        called: str = "",
        dialogue: str = "",
        queue: str = "",
        server: str = "",
        recording: str = "",
        uniqueid: str = "",
        linkedid: str = "",
        channel: str = "",
        trunk: str = "",
        codec: str = "",
        started_at: datetime | None = None,
    ) -> None:
        """A call has begun (now, unless `started_at` says when); `recording` is the file that will hold it."""
        self._started[call_id] = started_at = started_at or self._clock.utc()
        row = {"caller": caller, "caller_name": caller_name, "called": called, "dialogue": dialogue}
        row |= {"queue": queue, "server": server, "recording": recording, "run": self._run}
        row |= {"uniqueid": uniqueid, "linkedid": linkedid, "channel": channel, "trunk": trunk, "codec": codec}
        self._put("calls", {"id": call_id, **row, "started_at": iso(started_at)})

    def turn(self, call_id: str, turn: Turn) -> None:
        """A turn, new or grown: the row is found by call and seq."""
        self._put("turns", turn_columns(call_id, turn), stamp=True)

    def callback(self, call_id: str, callback: Callback | None) -> None:
        """Somebody was promised to be called back. A call has one promise: the last. None: it was taken back."""
        if callback is None:
            self._put("callbacks", {"call_id": call_id, "done_at": iso(self._clock.utc())})
        else:
            self._put("callbacks", {"call_id": call_id, **asdict(callback), "done_at": ""}, stamp=True)

    def interruption(self, interruption: Interruption) -> None:
        """An interruption, just decided or completed later: the row is found by its id."""
        started = self._started.get(interruption.call_id)
        at = started + timedelta(milliseconds=interruption.onset_ms) if started else self._clock.utc()
        self._put("interruptions", {**interruption_columns(interruption), "at": iso(at)}, stamp=True)

    def call_ended(
        self,
        call_id: str,
        *,
        outcome: str,
        duration_ms: int,
        queue: str | None = None,
        exten: str = "",
        summary: str = "",
        slots: Mapping[str, str] | None = None,
        last_step: str = "",
        cause: str = "",
        answered_by: str = "",
        ended_at: datetime | None = None,
    ) -> None:
        """A call is over. `queue` None keeps the queue that it came with; `slots` are the values that its flow gathered
        so far, without secret ones; `last_step` is where the caller was; `cause` is why it ended before its flow;
        `answered_by` is for a call that Asterisk placed."""
        started_at = self._started.pop(call_id, None)
        if ended_at is None:  # not by the clock, which may have been set meanwhile
            ended_at = started_at + timedelta(milliseconds=duration_ms) if started_at else self._clock.utc()
        row: dict[str, Any] = {"outcome": outcome, "duration_ms": duration_ms, "exten": exten, "summary": summary}
        row |= {"slots": json.dumps(dict(slots), ensure_ascii=False) if slots else "", "last_step": last_step}
        row |= {"cause": cause, "answered_by": answered_by}
        row["ended_at"] = iso(ended_at)
        self._put("calls", {"id": call_id, **row} if queue is None else {"id": call_id, **row, "queue": queue})

    async def call_handed_over(self, call_id: str, handover: Handover) -> None:
        """What became of a caller after the agent; what is not known leaves the row as it is. A call that is not logged
        may be one that another worker has not yet written, so it is looked for again. Never raises UserError."""
        known = {name: value for name, value in asdict(handover).items() if value not in ("", None)}
        for pause_s in (0.0, LOOK_AGAIN_S):
            await asyncio.sleep(pause_s)
            try:
                logged = await self.is_logged(call_id)
            except UserError as error:
                return log.warning("store: what became of the caller of %s is not logged: %s", call_id, error)
            if logged:
                return self._put("calls", {"id": call_id, **known})
        log.warning("store: what became of the caller of %s is not logged, because the call is not", call_id)

    def show(self, calls: Mapping[str, CallNow]) -> None:
        """What goes on in all calls of this server at the moment. Call it every second while there are any, and once
        more when there are none."""
        if not self._privacy.words:
            calls = {call_id: CallNow(now.caller_dbfs, now.agent_dbfs) for call_id, now in calls.items()}
        self._delivery.show(live_columns(self._run, self._clock.utc(), calls))

    async def is_logged(self, call_id: str) -> bool:
        """Whether there is a call of this id. Raises UserError when the database cannot be read."""
        return self._delivery.waits(("calls", call_id)) or await self.has_call(call_id)

    async def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until the database has all rows added so far. False if that takes longer than `timeout_s`."""
        return await self._delivery.flush(timeout_s)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Write the waiting rows, for at most `timeout_s`, and disconnect. The rest stays in the spool."""
        if not await self.flush(timeout_s):
            log.error(
                "store: closed while %d rows wait; those in the spool are written at the next start", self.backlog
            )
        await self._delivery.stop(timeout_s)
        await super().close()

    def _put(self, table: str, values: Mapping[str, Any], *, stamp: bool = False) -> None:
        row = {name: storable(value) for name, value in self._privacy.applied(values).items()}
        if stamp:
            row["logged_at"] = iso(self._clock.utc())
        self._delivery.put((table, row))
