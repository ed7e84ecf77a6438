"""Maintenance of the log: delete old calls or a caller, free disk space, test the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, delete, false, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ..clock import SystemClock
from ..core.turns.records import ANNOUNCEMENT
from ..errors import UserError
from . import migrations, said, schema
from .connect import connect, create_file, shown
from .erase import CallRow, Eraser, is_elsewhere, pages
from .failures import explaining
from .rows import LONGEST_CALL, from_iso, iso
from .url import sqlite_file

Kept = Literal["words", "numbers", "audio"]


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
    """What was deleted. `failed` are recordings that could not be deleted. `elsewhere` counts recordings on
    other servers, which delete them at their next `prune` or `forget`. `wiped`: nothing is left in the file; else parts
    of the search index, without the caller, until `vacuum`."""

    calls: int
    recordings: int
    failed: tuple[str, ...]
    elsewhere: int
    wiped: bool = True


class _Tally:
    """Counts what was deleted."""

    def __init__(self) -> None:
        self.calls = self.recordings = self.elsewhere = 0
        self.failed: list[str] = []
        self.wiped = True

    def without_recording(self, page: Sequence[CallRow], delete: Callable[[str], bool], server: str) -> list[CallRow]:
        """Delete the recordings of this server. Returns the calls of this server that have none any more."""
        away, gone = [row for row in page if is_elsewhere(row, server)], []
        for row in (row for row in page if row not in away):
            if not row["recording"] or delete(row["recording"]):
                gone.append(row)
                self.recordings += bool(row["recording"])
            else:
                self.failed.append(row["recording"])
        self.elsewhere += len(away)
        return gone

    def counted(self) -> Forgotten:
        return Forgotten(self.calls, self.recordings, tuple(self.failed), self.elsewhere, self.wiped)


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
    engine = connect(url)
    try:
        with explaining(url), Eraser(url, engine) as eraser:
            return await _prune(engine, eraser, iso(before), dry_run, frozenset(keep), server, progress)
    finally:
        await engine.dispose()


async def _prune(
    engine: AsyncEngine,
    eraser: Eraser,
    before: str,
    dry_run: bool,
    keep: Collection[str],
    server: str,
    progress: Callable[[int], object],
) -> Pruned:
    calls, elsewhere, count = schema.calls, 0, 0
    old = (or_(calls.c.started_at < before, calls.c.forgotten == 1), _over())
    if dry_run:
        return await _counted(engine, [*old, calls.c.recording.not_in(keep)], before, server)
    recordings: list[str] = []
    async for page in pages(engine, *old):
        away = [row for row in page if is_elsewhere(row, server)]
        chosen = [row for row in page if row not in away and row["recording"] not in keep]
        elsewhere, count = elsewhere + len(away), count + len(chosen)
        recordings += [row["recording"] for row in chosen if row["recording"]]
        await eraser.erase(chosen)
        progress(count)
    await eraser.merge()
    await eraser.orphans(before)
    return Pruned(count, eraser.turns, eraser.interruptions, tuple(recordings), elsewhere)


def _over() -> ColumnElement[bool]:
    """Whether a call is over. One that began so long ago is, though no end was logged."""
    calls = schema.calls
    return (calls.c.ended_at != "") | (calls.c.started_at < iso(SystemClock().utc() - LONGEST_CALL))


async def _counted(engine: AsyncEngine, old: Sequence[ColumnElement[bool]], before: str, server: str) -> Pruned:
    """What `prune` would delete. Calls are read once; interruptions are counted by their own time, with two
    corrections, because half a million look-ups of a call would take seconds."""
    calls, cuts = schema.calls, schema.interruptions
    away = (calls.c.recording != "") & calls.c.server.not_in(["", server]) if server else false()
    gone = and_(*old, ~away)
    both = select(func.count()).select_from(calls.join(cuts, cuts.c.call_id == calls.c.id))
    async with engine.connect() as connection:

        async def one(query: Any) -> Any:
            return (await connection.execute(query)).one()

        begun = calls.c.started_at < before
        sums = [calls.c.turn_count, case((calls.c.recording != "", 1), else_=0), case((begun, 1), else_=0)]
        count, turns, recorded, chosen = await one(select(func.count(), *map(func.sum, sums)).where(gone))
        (all_begun,) = await one(select(func.count()).select_from(calls).where(begun))
        (elsewhere,) = await one(select(func.count()).select_from(calls).where(*old, away)) if server else (0,)
        (interruptions,) = await one(select(func.count()).select_from(cuts).where(cuts.c.at < before))
        late = cuts.c.at.between(before, iso(from_iso(before) + LONGEST_CALL))
        interruptions += (await one(both.where(late, begun, gone)))[0]
        if all_begun > (chosen or 0):  # some calls stay
            interruptions -= (await one(both.where(cuts.c.at < before, begun, ~gone)))[0]
        recordings: tuple[str, ...] = ()
        if recorded:
            query = select(calls.c.recording).where(gone, calls.c.recording != "")
            recordings = tuple((await connection.execute(query)).scalars())
    return Pruned(count, int(turns or 0), interruptions, recordings, elsewhere)


async def withhold(
    url: str,
    what: Kept,
    before: datetime,
    delete_recording: Callable[[str], bool],
    *,
    server: str = "",
    dry_run: bool = False,
    progress: Callable[[int], object] = lambda done: None,
) -> Forgotten:
    """Delete words, numbers or recordings of the calls begun before `before`; the calls stay.

    `delete_recording` is as in `forget`. Raises UserError when the database cannot be used.
    """
    calls = schema.calls
    old = [calls.c.started_at < iso(before), _over(), calls.c.removed.not_like(f"%{what}%")]
    old += [calls.c.recording != ""] if what == "audio" else []
    engine, found = connect(url), _Tally()
    try:
        with explaining(url), Eraser(url, engine) as eraser:
            async for page in pages(engine, *old):
                gone = page if what != "audio" else found.without_recording(page, delete_recording, server)
                if not dry_run:
                    await eraser.erase(gone, what)
                found.calls += len(gone)
                progress(found.calls)
            if what == "words" and found.calls and not dry_run:
                found.wiped = await eraser.wipe()
            return found.counted()
    finally:
        await engine.dispose()


async def forget(
    url: str,
    number: str,
    delete_recording: Callable[[str], bool],
    *,
    server: str = "",
    progress: Callable[[int], object] = lambda done: None,
) -> Forgotten:
    """Delete every call of the caller `number`, with its words in the search index and its recording, what members
    of a queue were told of it, and promises to call that number back.

    `delete_recording(path)` deletes a file of this server and says whether it is gone. It comes before the row, so
    after a crash the same command finds what is left. Of a call whose recording is on another server, or cannot be
    deleted, nothing is left but that: the next `forget` or `prune` there deletes it. Rows that still wait in the spool
    of a server are not found. `progress` gets how many steps of cleaning the search index are done. Raises UserError
    when the database cannot be used, and for an empty number: calls without one have many callers.
    """
    if not number.strip():
        raise UserError("forget: an empty number is no caller", 2)
    engine = connect(url)
    try:
        with explaining(url), Eraser(url, engine) as eraser:
            gone = await _forget(engine, eraser, number, delete_recording, server, progress)
            await _sync(engine)
            return gone
    finally:
        await engine.dispose()


async def _forget(
    engine: AsyncEngine,
    eraser: Eraser,
    number: str,
    delete_recording: Callable[[str], bool],
    server: str,
    progress: Callable[[int], object],
) -> Forgotten:
    calls, found = schema.calls, _Tally()
    # An announcement tells a member what the caller said, and has the member's number. It goes first, because it is
    # found by the caller's call.
    callers = select(calls.c.linkedid).where(calls.c.caller == number, calls.c.linkedid != "")
    announced = and_(calls.c.dialogue == ANNOUNCEMENT, calls.c.linkedid.in_(callers))
    for which in (announced, or_(calls.c.caller == number, calls.c.forgotten == 1)):
        found.elsewhere, found.failed = 0, []  # the second of these finds them all
        await _forget_pages(engine, eraser, found, which, delete_recording, server)
    async with engine.begin() as connection:  # those of other callers, too
        await connection.execute(delete(schema.callbacks).where(schema.callbacks.c.phone == number))
    await eraser.forget_live()
    found.wiped = await eraser.wipe(progress)  # also if nothing was found: a crash may have come before it
    return found.counted()


async def _forget_pages(
    engine: AsyncEngine,
    eraser: Eraser,
    found: _Tally,
    which: ColumnElement[bool],
    delete_recording: Callable[[str], bool],
    server: str,
) -> None:
    async for page in pages(engine, which):
        gone = found.without_recording(page, delete_recording, server)
        kept = [row for row in page if row not in gone and not row["forgotten"]]  # for their recordings
        await eraser.erase(gone)
        await eraser.erase(kept, "caller")
        found.calls += len(gone) + len(kept)


async def _sync(engine: AsyncEngine) -> None:
    """SQLite: also remove the deleted data from the disk and the write-ahead log, if nobody reads at the moment."""
    if engine.dialect.name == "sqlite":
        async with engine.connect() as connection:
            await connection.execution_options(begin="")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


async def vacuum(url: str) -> None:
    """Free the disk space of deleted rows, and of their words in the search index. SQLite blocks writers meanwhile.

    Raises UserError when the database cannot be used.
    """
    engine = connect(url)
    try:
        with explaining(url):
            async with engine.connect() as connection:
                plain = {"begin": ""} if sqlite_file(url) else {"isolation_level": "AUTOCOMMIT"}
                await connection.execution_options(**plain)  # VACUUM runs in no transaction
                if sqlite_file(url):
                    await connection.exec_driver_sql(said.OPTIMIZE)
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
