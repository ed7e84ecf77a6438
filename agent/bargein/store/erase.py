"""Deletes calls with all that belongs to them, a few at a time, so that a server that writes never waits long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from . import daily, schema
from .privacy import NUMBERS

TARGET_S = 0.015  # one transaction; a writer waits a little longer
MOST = 200  # calls in one transaction
PAGE = 2000  # calls that are looked at together

Row = Mapping[str, Any]


class Eraser:
    """Erases calls in transactions of about TARGET_S, and leaves as much time between them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._size = 20
        self.turns = self.interruptions = 0

    async def erase(self, found: Sequence[Row], *, scrub: bool = False) -> None:
        """Delete these rows of `calls` with all that belongs to them. `scrub` leaves of the call that there is a
        recording to be deleted."""
        loop, first = asyncio.get_running_loop(), 0
        while first < len(found):
            some = found[first : first + self._size]
            began = loop.time()
            async with self._engine.begin() as connection:
                await self._erase(connection, some, scrub)
            took, first = loop.time() - began, first + len(some)
            await asyncio.sleep(took)
            self._size = max(1, self._size // 2) if took > TARGET_S else min(MOST, self._size + 5)

    async def _erase(self, connection: AsyncConnection, found: Sequence[Row], scrub: bool) -> None:
        ids = [row["id"] for row in found]
        calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
        self.turns += await _deleted(connection, turns, turns.c.call_id.in_(ids))
        self.interruptions += await _deleted(connection, cuts, cuts.c.call_id.in_(ids))
        await _forget_words(connection, found)
        if scrub:
            nothing = dict.fromkeys((*NUMBERS, "summary", "slots", "steps", "last_step"), "")
            await connection.execute(update(calls).where(calls.c.id.in_(ids)).values(**nothing, forgotten=1))
        else:
            await connection.execute(delete(calls).where(calls.c.id.in_(ids)))
        await daily.forget_days(connection, {row["started_at"][:10] for row in found})

    async def orphans(self, before: str) -> None:
        """Delete turns and interruptions, logged before then, of calls that have no row: it was lost."""
        for table, key in ((schema.turns, ("call_id", "seq")), (schema.interruptions, ("id",))):
            columns = [table.c[name] for name in key]
            lost = ~select(schema.calls.c.id).where(schema.calls.c.id == table.c.call_id).exists()
            query = select(*columns).where(table.c.logged_at < before, lost).limit(PAGE)
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
            for first in range(0, len(rows), MOST):
                some = [tuple(row) for row in rows[first : first + MOST]]
                async with self._engine.begin() as connection:
                    gone = await _deleted(connection, table, tuple_(*columns).in_(some))
                self.turns += gone if table is schema.turns else 0
                self.interruptions += gone if table is schema.interruptions else 0


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


def is_elsewhere(row: Row, server: str) -> bool:
    """Whether the call has a recording on another server, which alone can delete it."""
    return bool(row["recording"]) and bool(server) and row["server"] not in ("", server)


async def _deleted(connection: AsyncConnection, table: Table, condition: ColumnElement[bool]) -> int:
    return int((await connection.execute(delete(table).where(condition))).rowcount)


async def _forget_words(connection: AsyncConnection, found: Sequence[Row]) -> None:
    """Take the words out of the search index."""
    if connection.dialect.name == "sqlite":
        numbers = [row["number"] for row in found if row["number"] is not None]
        if numbers:
            await connection.execute(text("DELETE FROM said WHERE rowid = :number"), [{"number": n} for n in numbers])
        return
    statement = text("DELETE FROM said WHERE call_id IN :ids").bindparams(bindparam("ids", expanding=True))
    await connection.execute(statement, {"ids": [row["id"] for row in found]})
