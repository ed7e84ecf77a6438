"""Forgetting: calls that are older than they may be kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..clock import SystemClock
from . import migrations, schema
from .connect import connect, create_file, explaining, shown
from .rows import iso
from .url import sqlite_file

LONGEST_CALL = timedelta(days=1)  # a row without an end is older than that: its server was killed
CHUNK = 200  # calls deleted in one transaction: a server that writes to the same file waits no longer than that


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, deleted; `recordings` are paths as they were logged, still to be deleted."""

    calls: int
    turns: int
    interruptions: int
    recordings: tuple[str, ...]


async def prune(url: str, before: datetime, *, dry_run: bool = False, keep: Collection[str] = ()) -> Pruned:
    """Delete calls begun before `before` with all that is of them, and rows of calls that were never logged.

    Calls whose recording is in `keep` stay: without their row nobody would know of the file.

    Raises UserError when the database cannot be used.
    """
    engine = connect(url)
    try:
        with explaining(url):
            return await _prune(engine, iso(before), dry_run, keep)
    finally:
        await engine.dispose()


async def _prune(engine: AsyncEngine, before: str, dry_run: bool, keep: Collection[str]) -> Pruned:
    calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
    async with engine.connect() as connection:
        over = (calls.c.ended_at != "") | (calls.c.started_at < iso(SystemClock().utc() - LONGEST_CALL))
        chosen = select(calls.c.id, calls.c.recording).where(calls.c.started_at < before, over)
        found = await connection.execute(chosen)
        old = [row for row in found if row.recording not in keep]
    take = _count if dry_run else _delete
    taken = {turns: 0, cuts: 0}
    for first in range(0, len(old), CHUNK):
        some = [row.id for row in old[first : first + CHUNK]]
        async with engine.begin() as connection:
            for table in taken:
                taken[table] += await take(connection, table, table.c.call_id.in_(some))
            await take(connection, calls, calls.c.id.in_(some))
    async with engine.begin() as connection:
        for table in taken:
            taken[table] += await take(connection, table, _of_no_call(table, before))
    return Pruned(len(old), taken[turns], taken[cuts], tuple(row.recording for row in old if row.recording))


def _of_no_call(table: Table, before: str) -> ColumnElement[bool]:
    return (table.c.logged_at < before) & table.c.call_id.not_in(select(schema.calls.c.id))


async def _count(connection: AsyncConnection, table: Table, condition: ColumnElement[bool]) -> int:
    found = await connection.execute(select(func.count()).select_from(table).where(condition))
    return int(found.scalar_one())


async def _delete(connection: AsyncConnection, table: Table, condition: ColumnElement[bool]) -> int:
    return int((await connection.execute(delete(table).where(condition))).rowcount)


async def vacuum(url: str) -> None:
    """Give the space of what was deleted back to the disk; SQLite holds up writers while it does.

    Raises UserError when the database cannot be used.
    """
    engine = connect(url)
    try:
        with explaining(url):
            async with engine.connect() as connection:
                plain = {"begin": ""} if sqlite_file(url) else {"isolation_level": "AUTOCOMMIT"}
                await connection.execution_options(**plain)  # VACUUM runs in no transaction
                await connection.execute(text("VACUUM"))
    finally:
        await engine.dispose()


async def try_to_write(url: str) -> None:
    """Bring the database up to date and write to it, leaving nothing behind. Raises UserError when that fails."""
    engine = connect(url)
    try:
        with explaining(url):
            create_file(url)
            await migrations.migrate(engine, shown(url), iso(SystemClock().utc()))
            async with engine.connect() as connection, connection.begin() as transaction:
                await connection.execute(schema.calls.insert().values(id="doctor"))
                await transaction.rollback()
    finally:
        await engine.dispose()
