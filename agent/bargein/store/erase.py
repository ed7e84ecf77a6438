"""Deletes calls, or some of what they hold, a few at a time, so that a server that writes never waits long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine

from . import daily, said, schema
from .connect import connect_in_thread
from .privacy import NUMBERS, WORDS

TARGET_S = 0.01  # one transaction
BETWEEN_S = 0.025  # SQLite's writers look at the lock after 1, 3, 8, 18, 33, 53 ms: so this pause meets one by 33 ms
MERGE_EVERY = 4  # transactions: a step merges what they wrote
CHECKPOINT_EVERY = 16  # transactions: before a server would do it in its own commit
MERGES = 200  # steps at the end
FIRST, MOST = 1, 200  # calls in one transaction
GROWTH = 1.25  # a call with many turns may come next
PAGE = 2000  # calls that are looked at together

CallRow = Mapping[str, Any]  # what `pages` reads of a call
Result = TypeVar("Result")
What = Literal["call", "caller", "words", "numbers", "audio"]  # caller: leaves only that there is a recording to delete
INDEXED = ("call", "caller", "words")  # of which the search index and the statistics of the day have words


class Eraser:
    """Erases in transactions of about TARGET_S, at least BETWEEN_S apart. Use as a context manager."""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self._engine = engine
        self._in_thread = connect_in_thread(url) if engine.dialect.name == "sqlite" else None
        self._size = FIRST  # calls in the next transaction, or rows without a call
        self._transactions = 0
        self.turns = self.interruptions = 0
        self.longest_s = 0.0  # the longest transaction: so long a writer was held up

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_thread is not None:
            self._in_thread.dispose()

    async def erase(self, found: Sequence[CallRow], what: What = "call") -> None:
        """Delete `what` of these rows of `calls`."""
        first = 0
        while first < len(found):
            some = found[first : first + self._size]
            await self._read(some)
            _, took = await self._run(partial(self._erase, some, what))
            first += len(some)
            self._size = next_size(self._size, took)
            self._transactions += 1
            if what in INDEXED and self._transactions % MERGE_EVERY == 0:
                await self._run(said.merge)

    async def merge(self) -> None:
        """Let the search index have few parts again."""
        for _ in range(MERGES):
            if not (await self._run(said.merge))[0]:
                return

    async def wipe(self, progress: Callable[[int], object] = lambda done: None) -> bool:
        """Merge all of the search index: until then, words that were deleted are in the file, though nothing finds
        them. Returns False for a log that is too large; there `vacuum` does it."""
        if not (await self._run(said.is_small))[0]:
            return False
        steps, (more, _) = 0, await self._run(partial(said.merge, command=said.WHOLE))
        while more:
            steps, (more, _) = steps + 1, await self._run(said.merge)
            progress(steps)
        return True

    async def _run(self, work: Callable[[Connection], Result]) -> tuple[Result, float]:
        """Do it in one transaction, then let writers pass. Returns the result and how long it took, in seconds."""
        clock, engine = asyncio.get_running_loop().time, self._in_thread

        def run() -> tuple[Result, float]:
            assert engine is not None
            with engine.begin() as connection:
                began = clock()  # with the lock
                result = work(connection)
            took = clock() - began
            if self._transactions % CHECKPOINT_EVERY:
                return result, took
            with engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")  # locks no writer out
            return result, took

        if engine is None:
            began = clock()
            async with self._engine.begin() as connection:
                result = await connection.run_sync(work)
            took = clock() - began
        else:
            result, took = await asyncio.to_thread(run)
        self.longest_s = max(self.longest_s, took)
        await asyncio.sleep(max(took, BETWEEN_S))
        return result, took

    async def _read(self, found: Sequence[CallRow]) -> None:
        """Read what is to be deleted, so that no writer waits while it comes from the disk."""
        calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
        ids = [row["id"] for row in found]
        callers = select(calls.c.caller).where(calls.c.id.in_(ids))
        of_cuts = select(cuts.c.id).where(cuts.c.call_id.in_(ids))
        async with self._engine.connect() as connection:
            for read, which in (
                (func.length(turns.c.words), turns.c.call_id.in_(ids)),
                (func.length(cuts.c.heard_text), cuts.c.id.in_(of_cuts)),
                (func.length(calls.c.id), calls.c.caller.in_(callers)),
                (func.length(calls.c.steps), calls.c.started_at.in_([row["started_at"] for row in found])),
            ):
                await connection.execute(select(func.sum(read)).where(which))
            same = cuts.alias()  # beside which the rows are in the indexes
            for column in ("kind", "step", "stop_latency_ms"):
                beside = and_(same.c[column] == cuts.c[column], same.c.at == cuts.c.at)
                of_calls = select(func.count()).join_from(cuts, same, beside).where(cuts.c.call_id.in_(ids))
                await connection.execute(of_calls)
            if self._in_thread is not None:
                numbers = [row["number"] for row in found if row["number"] is not None]
                for of_words in said.ROWS:
                    await connection.execute(of_words, {"numbers": numbers})

    def _erase(self, found: Sequence[CallRow], what: What, connection: Connection) -> None:
        ids = [row["id"] for row in found]
        calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
        if what in ("call", "caller"):
            self.turns += _deleted(connection, turns, turns.c.call_id.in_(ids))
            self.interruptions += _deleted(connection, cuts, cuts.c.call_id.in_(ids))
            _deleted(connection, schema.callbacks, schema.callbacks.c.call_id.in_(ids))
        else:
            for table in (turns, cuts, schema.callbacks):
                blank = {name: "" for name in _columns(what) if name in table.c}
                if blank:
                    connection.execute(update(table).where(table.c.call_id.in_(ids)).values(**blank))
        if what in INDEXED:
            _forget_words(connection, found)
        if what == "call":
            connection.execute(delete(calls).where(calls.c.id.in_(ids)))
        else:
            connection.execute(update(calls).where(calls.c.id.in_(ids)).values(**_blank(what)))
        if what in INDEXED:
            daily.forget_days(connection, {row["started_at"][:10] for row in found})

    async def forget_live(self) -> None:
        """Delete what goes on in calls at the moment: the servers write it again within a second."""
        await self._run(lambda connection: connection.execute(delete(schema.live)))

    async def orphans(self, before: str) -> None:
        """Delete what was logged before then of calls that have no row: it was lost."""
        tables = ((schema.turns, ("call_id", "seq")), (schema.interruptions, ("id",)), (schema.callbacks, ("call_id",)))
        for table, key in tables:
            columns = [table.c[name] for name in key]
            lost = ~select(schema.calls.c.id).where(schema.calls.c.id == table.c.call_id).exists()
            query = select(*columns).where(table.c.logged_at < before, lost).limit(PAGE)
            async with self._engine.connect() as connection:
                rows = [dict(row) for row in (await connection.execute(query)).mappings()]
            while some := rows[: self._size]:
                del rows[: self._size]
                _, took = await self._run(partial(_delete_rows, table, some))
                self._size = next_size(self._size, took)
                self.turns += len(some) if table is schema.turns else 0
                self.interruptions += len(some) if table is schema.interruptions else 0


def next_size(size: int, took_s: float) -> int:
    """How many to delete at once, after deleting `size` took so long: as many as fit into TARGET_S, but never many more
    than the last time."""
    return max(1, min(MOST, int(size * GROWTH) + 1, int(size * TARGET_S / took_s) if took_s else MOST))


def _delete_rows(table: Table, keys: Sequence[Mapping[str, Any]], connection: Connection) -> None:
    """One by one: SQLite looks a list of pairs up in no index."""
    same = [table.c[name] == bindparam(f"b_{name}") for name in keys[0]]
    connection.execute(delete(table).where(*same), [{f"b_{name}": key[name] for name in key} for key in keys])


async def pages(engine: AsyncEngine, *conditions: ColumnElement[bool]) -> AsyncIterator[list[dict[str, Any]]]:
    """The calls that meet the conditions, the oldest first, a page at a time."""
    calls, at = schema.calls, ("", "")
    columns = (calls.c.id, calls.c.started_at, calls.c.number, calls.c.recording, calls.c.server, calls.c.forgotten)
    position = tuple_(calls.c.started_at, calls.c.id)
    while True:
        query = select(*columns).where(position > at, *conditions).order_by(calls.c.started_at, calls.c.id)
        async with engine.connect() as connection:
            rows = [dict(row) for row in (await connection.execute(query.limit(PAGE))).mappings()]
        if not rows:
            return
        at = (rows[-1]["started_at"], rows[-1]["id"])
        yield rows


def is_elsewhere(row: CallRow, server: str) -> bool:
    """Whether the call has a recording on another server, which alone can delete it."""
    return bool(row["recording"]) and bool(server) and row["server"] not in ("", server)


def _deleted(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(connection.execute(delete(table).where(condition)).rowcount)


def _blank(what: What) -> dict[str, Any]:
    """The values of the row of a call after this was deleted."""
    calls = schema.calls.c
    if what == "caller":
        blank = {name: "" for name in (*NUMBERS, "summary", "slots", "steps", "last_step") if name in calls}
        return {**blank, "forgotten": 1}
    return {**{name: "" for name in _columns(what) if name in calls}, "removed": calls.removed + f" {what}"}


def _columns(what: What) -> Collection[str]:
    return {"words": WORDS, "numbers": NUMBERS, "audio": {"recording"}}[what]


def _forget_words(connection: Connection, found: Sequence[CallRow]) -> None:
    """Take the words out of the search index."""
    if connection.dialect.name == "sqlite":
        numbers = [row["number"] for row in found if row["number"] is not None]
        if numbers:
            connection.execute(text("DELETE FROM said WHERE rowid = :number"), [{"number": n} for n in numbers])
        return
    statement = text("DELETE FROM said WHERE call_id IN :ids").bindparams(bindparam("ids", expanding=True))
    connection.execute(statement, {"ids": [row["id"] for row in found]})
