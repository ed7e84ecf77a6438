"""Reads the log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, Select, func, select, tuple_

from ..core.turns.records import CallNow
from ..errors import UserError
from . import migrations, schema
from .callbacks import matching
from .conditions import Conditions, between, matching_text, of_call, of_its_call
from .connect import shown
from .failures import explaining
from .filters import EVERY_CALL, EVERYTHING, CallFilter, CallSort, InterruptionSort
from .notices import Notices
from .privacy import EVERYTHING_STORED
from .queries import CALL_ORDER, FEW, FIRST, INTERRUPTION_ORDER, ROWID, interruptions, interruptions_that, ordered
from .readonly import ReadOnly
from .rows import (
    Call,
    LoggedCallback,
    LoggedInterruption,
    LoggedTurn,
    WholeCall,
    from_iso,
    iso,
    to_call,
    to_callback,
    to_interruption,
    to_live,
    to_turn,
)
from .url import SQLITE, sqlite_file

if TYPE_CHECKING:
    from .stats import Stats

Logged = TypeVar("Logged", LoggedTurn, LoggedInterruption)

LAST_CHARACTER = "\U0010ffff"
PAGE = 500  # calls that an export reads at a time
LIVE = timedelta(seconds=10)  # a server writes every second; the clocks of two machines may differ


class Reader:
    """Reads the log and changes nothing. Use as `async with await Reader.open(url) as log`."""

    common = 20_000  # words that occur in this many calls are common

    shows = EVERYTHING_STORED  # what rows come with; filters see everything

    def __init__(self, url: str) -> None:
        self._url = url
        self._database = ReadOnly(url)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Raises UserError, one line: no such database, not a database, made by another version."""
        file = sqlite_file(url)
        if file is None and url.startswith(SQLITE):
            raise UserError(f"{url}: a database in memory is empty for everybody else: name a file, sqlite:///FILE", 2)
        if file and not file.exists():
            told = "the first `bargein serve` makes it; --db names another, such as bargein-demo.db of `bargein demo`"
            if str(file).startswith("~/"):
                told = "`~` stands for no directory here: write its whole name"
            raise UserError(f"{file}: no database yet: {told}")
        reader = cls(url)
        known = len(migrations.MIGRATIONS)
        try:
            with explaining(url):
                found = await reader._database.ask(migrations.version)
            migrations.refuse_newer(found, known, shown(url))
            if not found:
                told = "is it another program's? `bargein serve` makes them in its own"
                raise UserError(f"{shown(url)}: this database holds no tables of bargein: {told}")
            if found < known:
                raise UserError(f"{shown(url)}: an older version made it: `bargein doctor` brings it up to date")
        except BaseException:
            await reader.close()
            raise
        return reader

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.dialect

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def calls(
        self,
        which: CallFilter = EVERY_CALL,
        *,
        sort: CallSort = "started",
        descending: bool = True,
        limit: int = EVERYTHING,
        offset: int = 0,
    ) -> list[Call]:
        """One page of the matching calls, by default the newest first."""
        calls = schema.calls
        order = ordered([CALL_ORDER[sort], calls.c.started_at, calls.c.id], descending)
        if sort != "started":  # the rows are sorted without reading them
            ids = select(calls.c.id).where(*of_call(which, self.dialect)).order_by(*order).limit(limit).offset(offset)
            return [to_call(row) for row in await self._rows(select(calls).where(calls.c.id.in_(ids)).order_by(*order))]
        for newest in await self._last_first(which, descending):
            query = select(calls).where(*of_call(which, self.dialect, newest=newest)).order_by(*order)
            rows = await self._rows(query.limit(limit).offset(offset))
            if len(rows) == limit:
                break
        return [to_call(row) for row in rows]

    async def count_calls(self, which: CallFilter = EVERY_CALL) -> int:
        """How many calls match."""
        if self.dialect == "sqlite" and which.text and replace(which, text=None) == EVERY_CALL:
            return await self._size(matching_text(which.text)) if re.search(r"\w", which.text) else 0
        return await self._size(select(schema.calls.c.id).where(*of_call(which, self.dialect)))

    async def call(self, name: str) -> Call:
        """Find a call by its id, the beginning of its id, or `last`. Raises UserError if no call or several match."""
        if name == "last":
            newest = await self.calls(limit=1)
            if not newest:
                raise UserError("no calls yet")
            return newest[0]
        calls, begin = schema.calls, name.lower()
        exact = await self._rows(select(calls).where(calls.c.id == begin))
        if exact:
            return to_call(exact[0])
        begins = [calls.c.id.startswith(begin, autoescape=True)]
        if self.dialect == "sqlite":  # its index on the ids does not help LIKE
            begins += [calls.c.id >= begin, calls.c.id < begin + LAST_CHARACTER]
        found = [to_call(row) for row in await self._rows(select(calls).where(*begins).order_by(calls.c.id).limit(4))]
        if not found:
            raise UserError(f"no call {name!r}: `bargein calls` lists them")
        if len(found) > 1:
            ids = ", ".join(call.id for call in found[:3])
            raise UserError(f"{name!r} begins more than one call's id: {ids}{' ...' if len(found) > 3 else ''}")
        return found[0]

    async def has_call(self, call_id: str) -> bool:
        """Whether there is a call of exactly this id."""
        return bool(await self._rows(select(schema.calls.c.id).where(schema.calls.c.id == call_id)))

    async def turns(self, call_id: str) -> list[LoggedTurn]:
        """The turns of a call, in the order in which they began."""
        of_call = select(schema.turns).where(schema.turns.c.call_id == call_id)
        return [to_turn(row) for row in await self._rows(of_call.order_by(schema.turns.c.seq))]

    async def interruptions(
        self,
        which: CallFilter = EVERY_CALL,
        *,
        call_id: str | None = None,
        kind: str | None = None,
        slow_ms: int | None = None,
        sort: InterruptionSort = "at",
        descending: bool = True,
        limit: int = EVERYTHING,
        offset: int = 0,
    ) -> list[LoggedInterruption]:
        """One page of the interruptions of matching calls, by default the newest first; where the filter is about
        calls, those of the newest call first.

        `slow_ms`: only those whose stop took at least this long.
        """
        calls, cuts = schema.calls, schema.interruptions
        conditions = interruptions_that(which, call_id, kind, slow_ms)
        of_calls = bool(of_its_call(which, self.dialect))
        columns = [INTERRUPTION_ORDER[sort], cuts.c.at, cuts.c.id]
        if sort != "at" and self.dialect == "sqlite":
            rows = await self._sorted(which, conditions, ordered(columns, descending), limit, offset)
            return [to_interruption(row) for row in rows]
        if sort == "at" and of_calls:  # a walk through the calls ends as soon as there are enough
            columns = [calls.c.started_at, calls.c.id, *columns]
        few = await self._few(conditions, which)
        if few == 0:
            return []
        if self.dialect == "sqlite" and few is None:
            conditions = interruptions_that(which, call_id, kind, slow_ms, "calls" if of_calls else "time")
        for newest in (0,) if few else await self._last_first(which, descending and of_calls):
            of_call = of_its_call(which, self.dialect, newest=newest)
            query = interruptions(("after" if few else "with") if of_calls else "").where(*conditions, *of_call)
            rows = await self._rows(query.order_by(*ordered(columns, descending)).limit(limit).offset(offset))
            if len(rows) == limit:
                break
        return [to_interruption(row) for row in rows]

    async def _sorted(
        self, which: CallFilter, found: Conditions, order: list[Any], limit: int, offset: int
    ) -> Sequence[Mapping[str, Any]]:
        """SQLite: it sorts an index, without reading the rows."""
        of_call = of_its_call(which, self.dialect)
        sorted_ids = select(ROWID).select_from(schema.interruptions).where(*found).order_by(*order[:-1], ROWID)
        if not of_call:
            page = sorted_ids.limit(limit).offset(offset)
            return await self._rows(interruptions().where(ROWID.in_(page)).order_by(*order))
        looked_through = FIRST + offset * FIRST // PAGE
        first = sorted_ids.limit(looked_through)
        query = interruptions("after").where(ROWID.in_(first), *of_call)
        rows = await self._rows(query.order_by(*order).limit(limit).offset(offset))
        if len(rows) < limit and await self._size(first) == looked_through:  # few calls match
            query = interruptions("before").where(*found, *of_call)
            rows = await self._rows(query.order_by(*order).limit(limit).offset(offset))
        return rows

    async def _few(self, found: Conditions, which: CallFilter) -> int | None:
        """How many interruptions meet the conditions if they are few, so that SQLite had better begin with them than
        with calls."""
        if self.dialect != "sqlite" or len(found) == len(between(schema.interruptions.c.at, which)):
            return None
        count = await self._size(select(ROWID).select_from(schema.interruptions).where(*found).limit(FEW))
        return count if count < FEW else None

    async def queues(self) -> list[str]:
        """The names of all queues that calls came from, in order."""
        name = schema.calls.c.queue
        return [row["queue"] for row in await self._rows(select(name).where(name != "").distinct().order_by(name))]

    async def callbacks(
        self, which: CallFilter = EVERY_CALL, *, kept: bool = False, limit: int = EVERYTHING, offset: int = 0
    ) -> list[LoggedCallback]:
        """One page of the promises to call back, the oldest first. `kept`: then also those that are done."""
        query = matching(which, self.dialect, kept=kept).limit(limit).offset(offset)
        return [to_callback(row) for row in await self._rows(query)]

    async def count_callbacks(self, which: CallFilter = EVERY_CALL, *, kept: bool = False) -> int:
        """How many of them match."""
        return await self._size(matching(which, self.dialect, kept=kept))

    async def count_interruptions(
        self,
        which: CallFilter = EVERY_CALL,
        *,
        call_id: str | None = None,
        kind: str | None = None,
        slow_ms: int | None = None,
        most: int = EVERYTHING,
    ) -> int:
        """How many interruptions match. It stops counting at `most`, because counting all can take long."""
        calls, cuts = schema.calls, schema.interruptions
        conditions = interruptions_that(which, call_id, kind, slow_ms)
        if self.dialect == "sqlite" and of_its_call(which, self.dialect):
            number = await self._few(conditions, which)
            if number is not None:
                few = interruptions("after").where(*conditions, *of_its_call(which, self.dialect))
                return number and await self._size(few.limit(most))
            conditions = interruptions_that(which, call_id, kind, slow_ms, "calls")
        count = 0
        for newest in await self._last_first(which, most < EVERYTHING):
            query = select(cuts.c.call_id).where(*conditions)
            if (of_call := of_its_call(which, self.dialect, newest=newest)) and most < EVERYTHING:
                query = query.join_from(calls, cuts, cuts.c.call_id == calls.c.id).where(*of_call)
                query = query.order_by(calls.c.started_at.desc())
            elif of_call:
                query = query.where(cuts.c.call_id.in_(select(calls.c.id).where(*of_call)))
            count = await self._size(query if most == EVERYTHING else query.limit(most))
            if count == most:
                break
        return count

    async def export(self, which: CallFilter = EVERY_CALL) -> AsyncIterator[WholeCall]:
        """Every matching call with all that belongs to it, the oldest first. Reads a page at a time."""
        calls, turns, cuts = schema.calls, schema.turns, schema.interruptions
        position, at = tuple_(calls.c.started_at, calls.c.id), ("", "")
        matching = select(calls).where(*of_call(which, self.dialect)).order_by(calls.c.started_at, calls.c.id)
        while rows := await self._rows(matching.where(position > at).limit(PAGE)):
            at, ids = (rows[-1]["started_at"], rows[-1]["id"]), [row["id"] for row in rows]
            said = select(turns).where(turns.c.call_id.in_(ids)).order_by(turns.c.call_id, turns.c.seq)
            cut = interruptions().where(cuts.c.call_id.in_(ids)).order_by(cuts.c.onset_ms, cuts.c.id)
            turns_of = _by_call(map(to_turn, await self._rows(said)), lambda turn: turn.call_id)
            cuts_of = _by_call(map(to_interruption, await self._rows(cut)), lambda cut: cut.interruption.call_id)
            for row in rows:
                yield WholeCall(to_call(row), turns_of.get(row["id"], []), cuts_of.get(row["id"], []))

    async def logged_since(self, time: datetime) -> tuple[list[LoggedTurn], list[LoggedInterruption]]:
        """Turns and interruptions written at `time` or later, in the order of writing."""
        turns, cuts = schema.turns, schema.interruptions
        new_turns = select(turns).where(turns.c.logged_at >= iso(time)).order_by(turns.c.logged_at, turns.c.seq)
        new_cuts = interruptions().where(cuts.c.logged_at >= iso(time)).order_by(cuts.c.logged_at, cuts.c.onset_ms)
        return (
            [to_turn(row) for row in await self._rows(new_turns)],
            [to_interruption(row) for row in await self._rows(new_cuts)],
        )

    async def live(self, now: datetime) -> dict[str, CallNow]:
        """What goes on in the calls in progress, as their servers wrote it a moment before `now`; by call."""
        live, found = schema.live, dict[str, CallNow]()
        for row in await self._rows(select(live.c.calls).where(live.c.at >= iso(now - LIVE))):
            found |= to_live(row)
        return found if self.shows.words else {name: CallNow(*one[:2]) for name, one in found.items()}

    def notices(self) -> Notices:
        """Tells when the log changes. Use as a context manager."""
        return Notices(self._database)

    async def last_logged(self) -> datetime | None:
        """When a turn or an interruption was last written, None in an empty log."""
        newest = [
            await self._rows(select(func.max(table.c.logged_at).label("at")))
            for table in (schema.turns, schema.interruptions)
        ]
        times = [rows[0]["at"] for rows in newest if rows[0]["at"]]
        return from_iso(max(times)) if times else None

    async def stats(self, which: CallFilter = EVERY_CALL, *, most: int | None = None) -> Stats:
        """Figures over the matching calls and their interruptions.

        Conditions other than `since`, `until`, `queue` and `flow` take longer: matching calls are counted, some 10,000
        a second. Of these, `most` limits the count to the newest; then `Stats.counted_since` says when the first of
        them started.
        """
        from . import daily  # what only this question needs is loaded here
        from .stats import summarize

        with explaining(self._url):
            counted, since = await self._database.ask(partial(daily.figures, which=which, most=most))
        found = replace(summarize(counted), counted_since=since)
        return found if self.shows.words else replace(found, misunderstood={}, words=())

    async def _last_first(self, which: CallFilter, newest_are_wanted: bool) -> tuple[int, ...]:
        """In how many calls to look for the text, with a growing number until there are enough. 0: in all.

        SQLite: words that are in many calls are first looked for in the last of these.
        """
        if self.dialect != "sqlite" or not newest_are_wanted or not re.search(r"\w", which.text or ""):
            return (0,)
        many = await self._size(matching_text(which.text or "").limit(self.common)) == self.common
        return (self.common, 10 * self.common, 0) if many else (0,)

    async def _size(self, query: Select[Any]) -> int:
        rows = await self._rows(select(func.count().label("count")).select_from(query.subquery()))
        return int(rows[0]["count"])

    async def _rows(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        def read(connection: Connection) -> list[dict[str, Any]]:
            result = connection.execute(query)
            names = tuple(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result]

        with explaining(self._url):
            rows: Sequence[Mapping[str, Any]] = await self._database.ask(read)
        return rows if self.shows is EVERYTHING_STORED else [self.shows.applied(row) for row in rows]


def _by_call(rows: Iterable[Logged], call_of: Callable[[Logged], str]) -> dict[str, list[Logged]]:
    groups: dict[str, list[Logged]] = {}
    for row in rows:
        groups.setdefault(call_of(row), []).append(row)
    return groups
