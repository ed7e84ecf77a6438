"""Delivers rows to the database in a separate thread, so that nothing here can delay a call.

Rows wait in memory for a moment and are written together. What the database has not taken after SPOOL_AFTER_S is
saved to the spool, so that a crash does not lose it. The database gets the batches in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import daily
from .database import Database, key_of
from .failures import explained, is_away
from .spool import DeadRun, Row, Spool

log = logging.getLogger(__name__)

GATHER_S = 0.2  # rows that come within this time are written together
SPOOL_AFTER_S = 0.4
LOOK_S = 0.1  # how often the age of the waiting rows is checked
SHOW_S = 0.5  # how long the end waits for a row of `live`
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0
BETWEEN_DAYS_S = 2.0
LOOK_FOR_DAYS_S = 900.0
BATCH_ROWS = 1000  # in one file of the spool


@dataclass(slots=True, eq=False)
class Batch:
    """Rows for one write, or calls that a crash left open."""

    rows: list[Row] | None = None  # None: they are on disk only
    since: float = 0.0  # loop time
    count: int = 0
    path: Path | None = None
    upto: int = 0  # the last put that is in it
    closes: DeadRun | None = None  # close the calls of this run
    closes_old: bool = False  # close the calls that are older than any call can be


@dataclass(slots=True)
class _Flush:
    """Somebody waits until the database has all up to this put."""

    upto: int
    done: Future[None] = field(default_factory=Future)


class Delivery:
    """`put` from any thread; the rest happens in the thread that `start` begins and `stop` ends."""

    def __init__(self, url: str, database: Database, spool: Spool, most: int) -> None:
        self._url = url
        self._database = database
        self._spool = spool
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Any, ...], Row] = {}
        self._batches: deque[Batch] = deque()
        self._in_hand: Batch | None = None
        self._put = self._written = 0
        self._flushes: list[_Flush] = []
        self._overflown = self._reported = 0
        self._loop: asyncio.AbstractEventLoop
        self._wake: asyncio.Event
        self._deliverable: asyncio.Event
        self._stop: asyncio.Event
        self._showing: Mapping[str, Any] = {}  # the last row of `live`
        self._shown: asyncio.Event  # there is a new one
        self._writing: asyncio.Lock  # one connection is enough
        self._hurry = False
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="store", daemon=True)
        self.failing = False

    @property
    def dropped(self) -> int:
        """Rows that were lost: no room, or refused by the database."""
        return self._overflown + self._database.refused

    @property
    def backlog(self) -> int:
        """Rows that the database does not have yet, in memory and in the spool."""
        with self._lock:
            return len(self._waiting) + sum(batch.count for batch in self._batches)

    def start(self) -> Future[None]:
        """Begin. The future is done when the database has been tried; it holds a UserError if it can never be used."""
        self._thread.start()
        return self._opened

    def put(self, row: Row) -> None:
        """Take a row; it joins an earlier one of the same key that still waits. Returns at once."""
        key = key_of(row)
        with self._lock:
            known = self._waiting.get(key)
            if known is None and self._in_memory() >= self._most:
                self._overflown += 1
                first = self._overflown == 1
            else:
                self._waiting[key] = row if known is None else (row[0], {**known[1], **row[1]})
                self._put += 1
                first = False
        if first:
            log.error("store: %d rows wait and no more fit: new rows are dropped", self._most)
        self._call(self._wake.set)

    def show(self, row: Mapping[str, Any]) -> None:
        """Write this row of `live` when there is time. Only the last one matters, and none is kept."""
        self._showing = row
        self._call(self._shown.set)

    def waits(self, key: tuple[Any, ...]) -> bool:
        """Whether a row of this key waits in memory."""
        with self._lock:
            rows = [row for batch in self._batches for row in batch.rows or ()]
            return key in self._waiting or any(key_of(row) == key for row in rows)

    async def flush(self, timeout_s: float) -> bool:
        """Wait until the database has all that was put so far; False when it has not within `timeout_s`."""
        with self._lock:
            if self._written >= self._put:
                return True
            flush = _Flush(self._put)
            self._flushes.append(flush)
        self._call(self._make_haste)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(flush.done), timeout_s)
        return flush.done.done() and not flush.done.cancelled()

    async def stop(self, timeout_s: float) -> None:
        """End the thread. Rows that the database has not taken are left in the spool. Waits at most `timeout_s`."""
        self._call(self._stop.set)
        await asyncio.to_thread(self._thread.join, timeout_s)

    # ------------------------------------------------------------ in the thread

    def _call(self, function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the thread has ended
            self._loop.call_soon_threadsafe(function)

    def _make_haste(self) -> None:
        self._hurry = True
        self._wake.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake, self._deliverable, self._stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._shown, self._writing = asyncio.Event(), asyncio.Lock()
        try:
            await self._open()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        showing = asyncio.create_task(self._show())
        tasks = [asyncio.create_task(work()) for work in (self._gather, self._deliver, self._complete_days)]
        await self._stop.wait()
        with contextlib.suppress(TimeoutError):  # a row that is being written might appear after its deletion below
            async with asyncio.timeout(SHOW_S), self._writing:
                showing.cancel()
        for task in (showing, *tasks):
            task.cancel()
        await asyncio.gather(showing, *tasks, return_exceptions=True)
        self._take()
        self._save(older_than=0.0)
        for batch in self._batches:
            if batch.closes is not None:
                self._spool.release(batch.closes)
        self._spool.close()
        if self._showing and not self.failing:
            with contextlib.suppress(Exception):
                await self._database.show({**self._showing, "calls": "{}"})
        await self._database.close()

    async def _open(self) -> None:
        """Open the database and the spool. A database that is away is tried again later."""
        try:
            await self._database.ready()
        except BaseException as error:
            if not is_away(error):
                raise
            self._fail(error)
        for run in self._spool.open():
            self._adopt(run)
        self._append(Batch(closes_old=True))

    def _adopt(self, run: DeadRun) -> None:
        if run.batches:
            log.warning("store: %d batches of rows are left from a server that ended; they are written now",
                        len(run.batches))  # fmt: skip
        for path in run.batches:
            self._append(Batch(count=len(self._spool.load(path)), path=path))
        self._append(Batch(closes=run))

    def _append(self, batch: Batch) -> None:
        """Queue a batch from the spool, so that `flush` waits for it too."""
        self._put += 1
        batch.upto = self._put
        self._batches.append(batch)
        self._deliverable.set()

    async def _gather(self) -> None:
        while True:
            if not self._batches:
                await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_S)
            if self._wake.is_set() and not self._hurry:
                await asyncio.sleep(GATHER_S)
            self._hurry = False
            self._wake.clear()
            self._take()
            self._save(older_than=SPOOL_AFTER_S)

    def _take(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            rows, self._waiting = list(self._waiting.values()), {}
            self._batches.append(Batch(rows, self._loop.time(), len(rows), upto=self._put))
        self._deliverable.set()

    def _save(self, older_than: float) -> None:
        """Save old batches. A small one is appended to the file before it."""
        before: Batch | None = None
        for batch in list(self._batches):
            if batch.rows is not None and batch.path is None and self._loop.time() - batch.since >= older_than:
                fits = before is not None and before.path is not None and before.count + batch.count <= BATCH_ROWS
                joins = before if fits and before is not self._in_hand and batch is not self._in_hand else None
                path = self._spool.save(batch.rows, joins.path if joins else None)
                if path is None:
                    return  # no room: it stays in memory, and with it those behind it
                self._saved(batch, path, joins)
                batch = joins or batch
            before = batch

    def _saved(self, batch: Batch, path: Path, joins: Batch | None) -> None:
        with self._lock:
            if joins is not None:
                joins.rows, joins.count, joins.upto = None, joins.count + batch.count, batch.upto
                self._batches.remove(batch)
            else:
                batch.path = path
                if batch is not self._in_hand:
                    batch.rows = None

    async def _deliver(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            await self._deliverable.wait()
            batch = self._in_hand = self._batches[0]
            try:
                async with self._writing:
                    await self._write(batch)
            except Exception as error:
                self._in_hand = None
                self._fail(error)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LAST_RETRY_S)
                continue
            self._in_hand, delay_s = None, FIRST_RETRY_S
            self._succeed(batch)

    async def _show(self) -> None:
        """Write the row of `live`. If that fails, the next one may do."""
        while True:
            await self._shown.wait()
            self._shown.clear()
            if not self.failing:
                try:
                    async with self._writing:
                        await self._database.show(self._showing)
                except Exception as error:
                    log.debug("store: calls in progress are not shown: %s", type(error).__name__)

    async def _complete_days(self) -> None:
        """Make the statistics of days that are over, one day at a time, while there is nothing else to do."""
        day = ""
        while True:
            await asyncio.sleep(BETWEEN_DAYS_S)
            if self.failing or self._batches:
                continue
            try:
                done = await daily.complete_day(await self._database.ready(), day)
            except Exception as error:  # locked or away: try again later
                log.debug("store: no statistics of a day: %s", type(error).__name__)
                done = None
            day = done or ""
            if done is None:
                await asyncio.sleep(LOOK_FOR_DAYS_S)

    async def _write(self, batch: Batch) -> None:
        if batch.closes is not None or batch.closes_old:
            run = batch.closes.name if batch.closes else ""
            if closed := await self._database.close_crashed(run):
                log.warning("store: %d calls were in progress when their server ended; they are closed", closed)
        elif batch.rows is not None:
            await self._database.write(batch.rows)
        elif batch.path is not None:
            await self._database.write(self._spool.load(batch.path))

    def _fail(self, error: BaseException) -> None:
        if not self.failing:
            log.error("store: cannot write, so rows wait: %s", explained(error, self._url))
        self.failing = True

    def _succeed(self, batch: Batch) -> None:
        if batch.path is not None:
            self._spool.remove(batch.path)
        if batch.closes is not None:
            self._spool.remove_run(batch.closes)
        if self.failing:
            log.warning("store: writing again; %d rows were lost so far", self.dropped)
            self._reported = self.dropped
        self.failing = False
        with self._lock:
            self._batches.popleft()
            caught_up = not self._batches
            if caught_up:
                self._deliverable.clear()
            self._written = max(self._written, batch.upto)
            done = [flush for flush in self._flushes if flush.upto <= self._written]
            self._flushes = [flush for flush in self._flushes if flush.upto > self._written]
        if caught_up and self.dropped > self._reported:
            log.error("store: %d rows were lost so far", self.dropped)
            self._reported = self.dropped
        for flush in done:
            if flush.done.set_running_or_notify_cancel():
                flush.done.set_result(None)

    def _in_memory(self) -> int:
        return len(self._waiting) + sum(batch.count for batch in self._batches if batch.rows is not None)
