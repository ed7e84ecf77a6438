"""Questions to the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..errors import UserError
from . import schema
from .connect import FAILURES, connect, explained, shown, sqlite_file
from .rows import Call, LoggedInterruption, LoggedTurn, from_iso, iso, to_call, to_interruption, to_turn
from .stats import Sample, Stats, summarize

EVERYTHING = 1_000_000_000  # a limit that is none


@dataclass(frozen=True, slots=True)
class Range:
    """Which calls are meant: begun in [since, until), of one queue."""

    since: datetime | None = None
    until: datetime | None = None
    queue: str | None = None

    def apply(self, query: Select[Any]) -> Select[Any]:
        """The query, which has `calls` in it, with these conditions."""
        if self.since:
            query = query.where(schema.calls.c.started_at >= iso(self.since))
        if self.until:
            query = query.where(schema.calls.c.started_at < iso(self.until))
        if self.queue is not None:
            query = query.where(schema.calls.c.queue == self.queue)
        return query


EVER = Range()


class Reader:
    """Reads the log and changes nothing. Use as `async with await Reader.open(url) as log`."""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self._engine = engine
        self._url = url

    @classmethod
    async def open(cls, url: str) -> Self:
        """Raises UserError, one line: no such database, not a database, made by another version."""
        file = sqlite_file(url)
        if file and not file.exists():
            raise UserError(f"{file}: no database yet: the first `bargein serve` or `bargein demo` makes it")
        reader = cls(connect(url, readonly=True), url)
        known = len(schema.MIGRATIONS)
        try:
            async with reader._engine.connect() as connection:
                found = await schema.version(connection)
            schema.refuse_newer(found, known, shown(url))
            if found < known:
                raise UserError(f"{shown(url)}: not yet made ready for this version: `bargein doctor` does it")
        except FAILURES as error:
            await reader.close()
            raise explained(error, url) from error
        except UserError:
            await reader.close()
            raise
        return reader

    async def close(self) -> None:
        """Let go of the database."""
        await self._engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def calls(self, which: Range = EVER, *, outcome: str | None = None, limit: int = EVERYTHING) -> list[Call]:
        """Newest first."""
        query = which.apply(_calls())
        if outcome is not None:
            query = query.where(schema.calls.c.outcome == outcome)
        newest = query.order_by(schema.calls.c.started_at.desc(), schema.calls.c.id).limit(limit)
        return [to_call(row) for row in await self._rows(newest)]

    async def call(self, name: str) -> Call:
        """By id, by the beginning of one, or `last`. Raises UserError when that is no call or more than one."""
        if name == "last":
            newest = await self.calls(limit=1)
            if not newest:
                raise UserError("no calls yet")
            return newest[0]
        begins = _calls().where(schema.calls.c.id.startswith(name.lower(), autoescape=True))
        found = [to_call(row) for row in await self._rows(begins.order_by(schema.calls.c.id).limit(4))]
        if not found:
            raise UserError(f"no call {name!r}: `bargein calls` lists them")
        if len(found) > 1 and found[0].id != name.lower():
            ids = ", ".join(call.id for call in found[:3])
            raise UserError(f"{name!r} begins more than one call's id: {ids}{' ...' if len(found) > 3 else ''}")
        return found[0]

    async def has_call(self, call_id: str) -> bool:
        """Whether there is a call of exactly this id."""
        return bool(await self._rows(select(schema.calls.c.id).where(schema.calls.c.id == call_id)))

    async def turns(self, call_id: str) -> list[LoggedTurn]:
        """In the order in which they began."""
        of_call = select(schema.turns).where(schema.turns.c.call_id == call_id)
        return [to_turn(row) for row in await self._rows(of_call.order_by(schema.turns.c.seq))]

    async def interruptions(
        self,
        which: Range = EVER,
        *,
        call_id: str | None = None,
        kind: str | None = None,
        slow_ms: int | None = None,
        limit: int = EVERYTHING,
    ) -> list[LoggedInterruption]:
        """Newest first. `slow_ms`: only those after which the agent was heard for at least so long."""
        table = schema.interruptions
        query = which.apply(_interruptions())
        if call_id is not None:
            query = query.where(table.c.call_id == call_id)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if slow_ms is not None:
            query = query.where(table.c.stop_latency_ms >= slow_ms)
        newest = query.order_by(schema.calls.c.started_at.desc(), table.c.onset_ms.desc(), table.c.id)
        return [to_interruption(row) for row in await self._rows(newest.limit(limit))]

    async def logged_since(self, time: datetime) -> tuple[list[LoggedTurn], list[LoggedInterruption]]:
        """Turns and interruptions written at `time` or later, in the order of writing."""
        turns, cuts = schema.turns, schema.interruptions
        new_turns = select(turns).where(turns.c.logged_at >= iso(time)).order_by(turns.c.logged_at, turns.c.seq)
        new_cuts = _interruptions().where(cuts.c.logged_at >= iso(time)).order_by(cuts.c.logged_at, cuts.c.onset_ms)
        return (
            [to_turn(row) for row in await self._rows(new_turns)],
            [to_interruption(row) for row in await self._rows(new_cuts)],
        )

    async def last_logged(self) -> datetime | None:
        """When a turn or an interruption was last written, None in an empty log."""
        newest = [
            await self._rows(select(func.max(table.c.logged_at).label("at")))
            for table in (schema.turns, schema.interruptions)
        ]
        times = [rows[0]["at"] for rows in newest if rows[0]["at"]]
        return from_iso(max(times)) if times else None

    async def stats(self, which: Range = EVER) -> Stats:
        """Figures over the calls meant and their interruptions."""
        calls, cuts = schema.calls, schema.interruptions
        columns = (cuts.c.call_id, calls.c.started_at, cuts.c.kind, cuts.c.resolution)
        query = select(*columns, cuts.c.detect_latency_ms, cuts.c.stop_latency_ms)
        rows = await self._rows(which.apply(query.join_from(cuts, calls, cuts.c.call_id == calls.c.id)))
        count, duration = func.count().label("count"), func.sum(calls.c.duration_ms).label("duration_ms")
        per_outcome = select(calls.c.outcome, count, duration).group_by(calls.c.outcome).order_by(count.desc())
        outcomes = await self._rows(which.apply(per_outcome))
        return summarize(
            (
                Sample(
                    row["started_at"][:10],
                    row["kind"],
                    row["resolution"],
                    row["detect_latency_ms"],
                    row["stop_latency_ms"],
                )
                for row in rows
            ),
            calls=sum(row["count"] for row in outcomes),
            calls_interrupted=len({row["call_id"] for row in rows if row["kind"] not in FALSE_INTERRUPTIONS}),
            duration_ms=sum(int(row["duration_ms"] or 0) for row in outcomes),
            outcomes={row["outcome"] or "in progress": row["count"] for row in outcomes},
        )

    async def _rows(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        try:
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(query)).mappings()]
        except FAILURES as error:
            raise explained(error, self._url) from error


def _calls() -> Select[Any]:
    """Calls with the count of their turns and interruptions."""
    calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
    of_call = select(func.count()).where(turns.c.call_id == calls.c.id).scalar_subquery().label("turns")
    cut = select(func.count()).where(cuts.c.call_id == calls.c.id, cuts.c.kind.not_in(FALSE_INTERRUPTIONS))
    return select(calls, of_call, cut.scalar_subquery().label("interruptions"))


def _interruptions() -> Select[Any]:
    """Interruptions with what is needed of their call, which may be missing if its row was dropped."""
    calls, cuts = schema.calls, schema.interruptions
    both = cuts.outerjoin(calls, cuts.c.call_id == calls.c.id)
    started, queue = calls.c.started_at.label("call_started_at"), calls.c.queue.label("call_queue")
    return select(cuts, started, queue).select_from(both)
