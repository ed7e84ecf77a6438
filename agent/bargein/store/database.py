"""Writes rows to the tables: each row once, however often it comes. A bad row does not block the others."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..clock import Clock
from . import daily, migrations, said, schema
from .connect import connect, create_file, shown
from .derive import derive
from .failures import is_refusal
from .notices import NOTIFY
from .rows import LONGEST_CALL, from_iso, iso
from .spool import Row
from .url import sqlite_file

log = logging.getLogger(__name__)

AT_ONCE = 500  # rows in one transaction
CRASHED = "crashed"  # the outcome of a call whose server died
CLOSE_AT_ONCE = 100
FORGET_AFTER = timedelta(minutes=1)


class Database:
    """Writes rows. Its methods raise whatever the driver raises. It connects, and brings the tables up to date, at the
    first write and whenever the file of an SQLite database has been replaced."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._engine: AsyncEngine | None = None
        self._file: tuple[int, int] | None = None
        self.refused = 0  # rows that the database did not take

    async def ready(self) -> AsyncEngine:
        """An engine for a database that is up to date."""
        if self._engine is not None and self._identity() == self._file:
            return self._engine
        await self.close()
        create_file(self._url)
        engine = connect(self._url, pool=1)
        try:
            await migrations.migrate(engine, shown(self._url), iso(self._clock.utc()))
        except BaseException:
            await engine.dispose()
            raise
        self._engine, self._file = engine, self._identity()
        return engine

    async def close(self) -> None:
        """Disconnect."""
        if self._engine is not None:
            await self._engine.dispose()
        self._engine = None

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows in order. If several have the same key, the last one wins, column by column."""
        merged = _merged(rows)
        for first in range(0, len(merged), AT_ONCE):
            await self._write(merged[first : first + AT_ONCE])

    async def show(self, row: Mapping[str, Any]) -> None:
        """Replace the row of `live` of one run. Rows that are old belong to servers that ended, and go."""
        live = schema.live
        old = live.c.at < iso(self._clock.utc() - FORGET_AFTER)
        async with (await self.ready()).begin() as connection:
            await connection.execute(delete(live).where((live.c.run == row["run"]) | old))
            if row["calls"] != "{}":
                await connection.execute(live.insert().values(**row))

    async def close_crashed(self, run: str) -> int:
        """Close the calls that a dead run left open. "": those that are older than any call can be."""
        calls = schema.calls
        mine = calls.c.run == run if run else calls.c.started_at < iso(self._clock.utc() - LONGEST_CALL)
        closed = 0
        while True:
            async with (await self.ready()).begin() as connection:
                query = select(calls.c.id, calls.c.started_at).where(calls.c.ended_at == "", mine)
                found = (await connection.execute(query.limit(CLOSE_AT_ONCE))).all()
                rows: list[Row] = [("calls", await _ended(connection, call.id, call.started_at)) for call in found]
                await _upsert(connection, rows)
            closed += len(found)
            if len(found) < CLOSE_AT_ONCE:
                return closed

    async def _write(self, rows: Sequence[Row]) -> None:
        """Write all in one transaction. If the database refuses a row, write each in its own, without that row."""
        engine = await self.ready()
        try:
            async with engine.begin() as connection:
                await _upsert(connection, rows)
            with contextlib.suppress(DBAPIError):  # locked: another time
                async with engine.begin() as connection:
                    await connection.run_sync(said.merge)
        except Exception as error:
            if not is_refusal(error):
                raise
            if len(rows) > 1:
                for row in rows:
                    await self._write([row])
                return
            self.refused += 1
            log.error("store: a row of %s was refused (%s)", rows[0][0], type(error).__name__)

    def _identity(self) -> tuple[int, int] | None:
        """Identifies the file. None for PostgreSQL and for a file that is gone."""
        file = sqlite_file(self._url)
        if file is None:
            return (0, 0)
        try:
            found = os.stat(file)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def key_of(row: Row) -> tuple[Any, ...]:
    """The table and the primary key."""
    name, columns = row
    return (name, *(columns[column.name] for column in schema.metadata.tables[name].primary_key.columns))


def _merged(rows: Iterable[Row]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = key_of(row)
        found[key] = (row[0], {**found[key][1], **row[1]}) if key in found else row
    return list(found.values())


async def _upsert(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Rows of the same table and columns go in one statement."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for name, row in rows:
        alike.setdefault((name, *sorted(row)), []).append(row)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for (name, *columns), group in alike.items():
        table = schema.metadata.tables[name]
        keys = [column.name for column in table.primary_key.columns]
        statement = insert(table)
        changed = {column: statement.excluded[column] for column in columns if column not in keys}
        await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), group)
    touched = {row.get("call_id") or row["id"] for _, row in rows}
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(NOTIFY)
    of_days = await derive(connection, touched)
    await connection.run_sync(daily.forget_days, of_days)


async def _ended(connection: AsyncConnection, call_id: str, started_at: str) -> dict[str, Any]:
    """The end of a call that a crash cut off: the time of its last row."""
    turns, cuts = schema.turns, schema.interruptions

    async def newest(column: ColumnElement[Any], of_call: ColumnElement[Any], *more: ColumnElement[bool]) -> Any:
        query = select(column).where(of_call == call_id, *more).order_by(column.desc()).limit(1)
        return (await connection.execute(query)).scalar()

    times = [await newest(turns.c.ended_ms, turns.c.call_id), await newest(cuts.c.silent_ms, cuts.c.call_id)]
    duration_ms = max((time for time in times if time), default=0)
    spoken = select(turns.c.step).where(turns.c.call_id == call_id, turns.c.step != "")
    last_step = (await connection.execute(spoken.order_by(turns.c.seq.desc()).limit(1))).scalar()
    ended_at: datetime = from_iso(started_at) + timedelta(milliseconds=duration_ms)
    return {
        "id": call_id,
        "outcome": CRASHED,
        "ended_at": iso(ended_at),
        "duration_ms": duration_ms,
        "last_step": last_step or "",
    }
