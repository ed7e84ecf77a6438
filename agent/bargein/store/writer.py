"""The writer: puts never wait, one task writes, and what cannot be written now is kept and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..clock import Clock, SystemClock
from ..core.turns.records import Interruption, Turn
from . import migrations, schema
from .connect import FAILURES, connect, explained, is_refusal, shown
from .derive import derive
from .reader import Reader
from .rows import interruption_columns, iso, storable, turn_columns

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0

Key = tuple[Any, ...]
Row = dict[str, Any]


class Store(Reader):
    """The log of calls. The puts are plain functions for the event loop's thread and return at once.

    Rows wait in memory by table and key, a later put of the same row joining the earlier, until one task writes all
    that waits in one transaction. While the database cannot be written they go on waiting, up to `queue` rows; after
    that new rows are dropped and counted in `dropped`.
    """

    def __init__(self, engine: AsyncEngine, url: str, clock: Clock, queue: int) -> None:
        super().__init__(engine, url)
        self._clock = clock
        self._queue = queue
        self._started: dict[str, datetime] = {}  # of calls in progress
        self._waiting: dict[Key, Row] = {}
        self._in_hand: dict[Key, Row] = {}
        self._put = self._written = 0  # counts of puts: so many made, so many on disk
        self._flushes: list[tuple[int, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._failing = False
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None, queue: int = 20_000) -> Store:
        """Open the database, bring it up to date and start the writer. Raises UserError, one line."""
        clock = clock or SystemClock()
        engine = connect(url)
        try:
            await migrations.migrate(engine, shown(url), iso(clock.utc()))
        except FAILURES as error:
            await engine.dispose()
            raise explained(error, url) from error
        except BaseException:
            await engine.dispose()
            raise
        store = cls(engine, url, clock, queue)
        store._task = asyncio.create_task(store._write_forever(), name="store")
        return store

    @property
    def backlog(self) -> int:
        """Rows that wait to be written, at most (one that waits again while it is being written counts twice)."""
        return len(self._waiting) + len(self._in_hand)

    @property
    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failing

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
        started_at: datetime | None = None,
    ) -> None:
        """A call has begun (now, unless `started_at` says when); `recording` is the file that will hold it."""
        self._started[call_id] = started_at = started_at or self._clock.utc()
        row = {"caller": caller, "caller_name": caller_name, "called": called, "dialogue": dialogue}
        row |= {"queue": queue, "server": server, "recording": recording}
        self._add(schema.calls, (call_id,), {**row, "started_at": iso(started_at)})

    def turn(self, call_id: str, turn: Turn) -> None:
        """A turn, new or grown: the row is found by call and seq."""
        self._add(schema.turns, (call_id, turn.seq), turn_columns(call_id, turn), stamp=True)

    def interruption(self, interruption: Interruption) -> None:
        """An interruption, just decided or completed later: the row is found by its id."""
        started = self._started.get(interruption.call_id)
        at = started + timedelta(milliseconds=interruption.onset_ms) if started else self._clock.utc()
        row = {**interruption_columns(interruption), "at": iso(at)}
        self._add(schema.interruptions, (interruption.id,), row, stamp=True)

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
        ended_at: datetime | None = None,
    ) -> None:
        """A call is over. `queue` None keeps the queue that it came with; `slots` are the values that its flow gathered
        so far, without secret ones; `last_step` is where the caller was."""
        self._started.pop(call_id, None)
        row: Row = {"outcome": outcome, "duration_ms": duration_ms, "exten": exten, "summary": summary}
        row |= {"slots": json.dumps(dict(slots), ensure_ascii=False) if slots else "", "last_step": last_step}
        row["ended_at"] = iso(ended_at or self._clock.utc())
        self._add(schema.calls, (call_id,), row if queue is None else {**row, "queue": queue})

    async def is_logged(self, call_id: str) -> bool:
        """Whether there is a call of this id. Raises UserError when the database cannot be read."""
        at = (schema.calls.name, call_id)
        return at in self._waiting or at in self._in_hand or await self.has_call(call_id)

    async def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was put so far is on disk; False when it is not within `timeout_s`."""
        if self._written >= self._put:
            return True
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append((self._put, done))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await done
        return done.done() and not done.cancelled()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, for at most `timeout_s`, and let go of the database."""
        if not await self.flush(timeout_s):
            log.error("store: closed with %d rows that could not be written", self.backlog)
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await super().close()

    def _add(self, table: Table, key: Key, values: Mapping[str, Any], *, stamp: bool = False) -> None:
        names = [column.name for column in table.primary_key.columns]
        row = {name: storable(value) for name, value in {**values, **dict(zip(names, key, strict=True))}.items()}
        if stamp:
            row["logged_at"] = iso(self._clock.utc())
        at = (table.name, *key)
        if at not in self._waiting and self.backlog >= self._queue:
            if self.dropped == 0:
                log.error("store: %d rows wait and no more fit: new rows are dropped", self._queue)
            self.dropped += 1
            return
        self._waiting[at] = {**self._waiting.get(at, {}), **row}
        self._put += 1
        self._wake.set()

    async def _write_forever(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            upto, self._in_hand, self._waiting = self._put, self._waiting, {}
            try:
                await self._write(self._in_hand)
            except FAILURES as error:
                self._fail(error)
                self._waiting = _joined(self._in_hand, self._waiting)
                self._in_hand = {}
                self._wake.set()
                await self._clock.sleep_until(self._clock.monotonic() + delay_s)
                delay_s = min(2 * delay_s, LAST_RETRY_S)
                continue
            delay_s = FIRST_RETRY_S
            self._in_hand = {}
            self._succeed(upto)

    async def _write(self, rows: Mapping[Key, Row]) -> None:
        """All in one transaction; if the database refuses one of them, each in its own, without that one.

        A row that is refused for what is in it must not hold up everything behind it.
        """
        try:
            await self._upsert(rows.items())
        except Exception as error:
            if not is_refusal(error):
                raise
            for key, row in rows.items():
                await self._write_alone(key, row)

    async def _write_alone(self, key: Key, row: Row) -> None:
        try:
            await self._upsert([(key, row)])
        except Exception as error:
            if not is_refusal(error):
                raise
            self.dropped += 1
            log.error("store: a row of %s was refused (%s)", key[0], type(error).__name__)

    async def _upsert(self, rows: Iterable[tuple[Key, Row]]) -> None:
        """Rows of the same table and columns go in one statement."""
        alike: dict[tuple[str, ...], list[Row]] = {}
        for key, row in rows:
            alike.setdefault((key[0], *sorted(row)), []).append(row)
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        async with self._engine.begin() as connection:
            for (name, *columns), group in alike.items():
                table = schema.metadata.tables[name]
                keys = [column.name for column in table.primary_key.columns]
                statement = insert(table)
                changed = {column: statement.excluded[column] for column in columns if column not in keys}
                await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), group)
            touched = {row.get("call_id") or row["id"] for rows in alike.values() for row in rows}
            await derive(connection, touched)

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            cause = error.orig if isinstance(error, DBAPIError) else error
            log.error("store: cannot write, keeping rows in memory and trying again: %s", cause)
        self._failing = True

    def _succeed(self, upto: int) -> None:
        if self._failing:
            log.warning("store: writing again; %d rows were lost", self.dropped)
        self._failing = False
        self._written = upto
        for target, done in self._flushes:
            if target <= upto and not done.done():
                done.set_result(None)
        self._flushes = [flush for flush in self._flushes if not flush[1].done()]


def _joined(earlier: Mapping[Key, Row], later: Mapping[Key, Row]) -> dict[Key, Row]:
    joined = dict(earlier)
    for key, row in later.items():
        joined[key] = {**joined.get(key, {}), **row}
    return joined
