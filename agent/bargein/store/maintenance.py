"""Maintenance of the log: delete old calls or a caller, free disk space, test the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ..clock import SystemClock
from . import migrations, schema
from .connect import connect, create_file, explaining, shown
from .erase import Eraser, is_elsewhere, pages
from .rows import LONGEST_CALL, iso
from .url import sqlite_file


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, deleted; `recordings` are paths as they were logged, still to be deleted.

    `elsewhere` counts the calls that stay because their recordings are on other servers.
    """

    calls: int
    turns: int
    interruptions: int
    recordings: tuple[str, ...]
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted of a caller. `failed` are recordings that could not be deleted. `elsewhere` counts recordings on
    other servers, which delete them at their next `prune` or `forget`."""

    calls: int
    recordings: int
    failed: tuple[str, ...]
    elsewhere: int


async def prune(
    url: str,
    before: datetime,
    *,
    dry_run: bool = False,
    keep: Collection[str] = (),
    server: str = "",
    progress: Callable[[int], object] = lambda done: None,
) -> Pruned:
    """Delete calls begun before `before` with all that is of them, and rows of calls that were never logged.

    Calls whose recording is in `keep` stay: without their row nobody would know of the file. So do, if `server` names
    this one, calls whose recording is on another. `progress` gets the number of calls done so far, now and then.
    Raises UserError when the database cannot be used.
    """
    engine = connect(url, synchronous="NORMAL")
    try:
        with explaining(url):
            return await _prune(engine, iso(before), dry_run, frozenset(keep), server, progress)
    finally:
        await engine.dispose()


async def _prune(
    engine: AsyncEngine,
    before: str,
    dry_run: bool,
    keep: Collection[str],
    server: str,
    progress: Callable[[int], object],
) -> Pruned:
    calls, eraser, elsewhere, count = schema.calls, Eraser(engine), 0, 0
    over = (calls.c.ended_at != "") | (calls.c.started_at < iso(SystemClock().utc() - LONGEST_CALL))
    old = (or_(calls.c.started_at < before, calls.c.forgotten == 1), over)
    if dry_run:
        return await _counted(engine, [*old, calls.c.recording.not_in(keep)], server)
    recordings: list[str] = []
    async for page in pages(engine, *old):
        away = [row for row in page if is_elsewhere(row, server)]
        chosen = [row for row in page if row not in away and row["recording"] not in keep]
        elsewhere, count = elsewhere + len(away), count + len(chosen)
        recordings += [row["recording"] for row in chosen if row["recording"]]
        await eraser.erase(chosen)
        progress(count)
    await eraser.orphans(before)
    return Pruned(count, eraser.turns, eraser.interruptions, tuple(recordings), elsewhere)


async def _counted(engine: AsyncEngine, old: Sequence[ColumnElement[bool]], server: str) -> Pruned:
    """What `prune` would delete."""
    calls, cuts = schema.calls, schema.interruptions
    away = (calls.c.recording != "") & calls.c.server.not_in(["", server]) if server else false()
    async with engine.connect() as connection:

        async def one(query: Any) -> Any:
            return (await connection.execute(query)).one()

        count, turns = await one(select(func.count(), func.sum(calls.c.turn_count)).where(*old, ~away))
        (elsewhere,) = await one(select(func.count()).select_from(calls).where(*old, away))
        both = calls.join(cuts, cuts.c.call_id == calls.c.id)
        (interruptions,) = await one(select(func.count()).select_from(both).where(*old, ~away))
        recorded = select(calls.c.recording).where(*old, ~away, calls.c.recording != "")
        recordings = tuple((await connection.execute(recorded)).scalars())
    return Pruned(count, int(turns or 0), interruptions, recordings, elsewhere)


async def forget(url: str, number: str, delete_recording: Callable[[str], bool], *, server: str = "") -> Forgotten:
    """Delete every call of the caller `number`, with its words in the search index and its recording.

    `delete_recording(path)` deletes a file of this server and says whether it is gone. It comes before the row, so
    after a crash the same command finds what is left. Of a call whose recording is on another server nothing is left
    but that: the next `forget` or `prune` there deletes it. Rows that still wait in the spool of a server are not
    found. Raises UserError when the database cannot be used.
    """
    engine = connect(url, synchronous="NORMAL")
    try:
        with explaining(url):
            gone = await _forget(engine, number, delete_recording, server)
            await _sync(engine)
            return gone
    finally:
        await engine.dispose()


async def _forget(engine: AsyncEngine, number: str, delete_recording: Callable[[str], bool], server: str) -> Forgotten:
    calls, eraser = schema.calls, Eraser(engine)
    count, recordings, elsewhere = 0, 0, 0
    failed: list[str] = []
    async for page in pages(engine, or_(calls.c.caller == number, calls.c.forgotten == 1)):
        away = [row for row in page if is_elsewhere(row, server)]
        gone = []
        for row in (row for row in page if row not in away):
            if not row["recording"] or delete_recording(row["recording"]):
                gone.append(row)
                recordings += bool(row["recording"])
            else:
                failed.append(row["recording"])
        fresh = [row for row in away if not row["forgotten"]]
        await eraser.erase(gone)
        await eraser.erase(fresh, scrub=True)
        count, elsewhere = count + len(gone) + len(fresh), elsewhere + len(away)
    return Forgotten(count, recordings, tuple(failed), elsewhere)


async def _sync(engine: AsyncEngine) -> None:
    """SQLite: also remove the deleted data from the disk and the write-ahead log, if nobody reads at the moment."""
    if engine.dialect.name == "sqlite":
        async with engine.connect() as connection:
            await connection.execution_options(begin="")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


async def vacuum(url: str) -> None:
    """Free the disk space of deleted rows. SQLite blocks writers meanwhile.

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
    """Bring the database up to date and make a test write that leaves nothing behind. Raises UserError."""
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
