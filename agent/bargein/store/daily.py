"""Statistics of days that are over, kept in `day_figures`, so that a year takes no longer than a week.

A day has a row for each queue and flow, and one for all of them together. Whoever changes a
call deletes the rows of its day in the same transaction; the server makes them again. So they are never wrong, only
missing, and then the reader counts the calls themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, select, text

from ..clock import SystemClock
from ..core.turns.records import WAITS
from . import schema
from .conditions import of_call
from .connect import connect
from .failures import explaining
from .fates import FATE
from .figures import Figures, Group
from .filters import CallFilter
from .rows import iso

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

LOCK_KEY = 0x64617973  # any number that only this file uses: "days"
OPEN_DAYS = timedelta(days=2)  # a younger day still changes
AT_ONCE = 10_000  # rows that are fetched together
COUNTED_FIRST, COUNTED_AT_ONCE = 250, 1_000  # calls, while somebody waits for statistics of a filter
PATIENCE_S = 0.5  # then no more are counted
NAMED = 10_000  # calls that a query names at most; both databases allow 32,766
MARK = "\n"  # the queue and the flow in the row of a whole day: no real one has this name

days = schema.day_figures


def figures(
    connection: Connection, which: CallFilter, most: int | None = None
) -> tuple[list[tuple[str, Figures]], str]:
    """The figures of the matching calls, each with its day: those that are kept, and a count of the rest.

    If the figures of whole days do not answer the filter, at most the `most` newest calls are counted, fewer on a slow
    disk. Then the text is the start of the first that was, else "".
    """
    if not which.by_day:
        return _of_chosen(connection, which, most)
    start = schema.calls.c.started_at
    complete, found = saved(connection, which)
    for low, high in _gaps(complete):
        between = [start >= low] if low else []
        between += [start < high] if high else []
        found += _by_day(counted(connection, [*between, *of_call(which, connection.dialect.name)]))
    return found, ""


def _of_chosen(connection: Connection, which: CallFilter, most: int | None) -> tuple[list[tuple[str, Figures]], str]:
    """Search the calls once, and count those found; without `most`, in one go if there are too many to name them.

    With `most`, the newest are counted first, until PATIENCE_S: 5,000 calls that are in no cache take seconds.
    """
    calls, limit, clock = schema.calls, most or NAMED, SystemClock()
    began = clock.monotonic()
    dialect = connection.dialect.name
    for newest in (4 * limit, 0) if which.text and dialect == "sqlite" else (0,):  # the last are found faster
        query = select(calls.c.id, calls.c.started_at).where(*of_call(which, dialect, newest=newest))
        rows = connection.execute(query.order_by(calls.c.started_at.desc()).limit(limit + 1)).all()
        if len(rows) > limit:
            break
    if len(rows) > limit and most is None:
        return _by_day(counted(connection, of_call(which, dialect))), ""
    found, done, wanted = list[tuple[str, Figures]](), 0, min(limit, len(rows))
    at_once, searched = COUNTED_FIRST if most else NAMED, clock.monotonic()
    while done < wanted and at_once:
        some = rows[done : min(done + at_once, wanted)]
        found += _by_day(counted(connection, [calls.c.id.in_([row.id for row in some])]))
        done += len(some)
        now = clock.monotonic()
        left = max(0.0, began + PATIENCE_S - now) / (now - searched)  # of what the count took until now
        at_once = min(COUNTED_AT_ONCE, round(done * left))
    return found, rows[done - 1].started_at if done < len(rows) else ""


def _by_day(counts: Mapping[Group, Figures]) -> list[tuple[str, Figures]]:
    return [(group.day, of_group) for group, of_group in counts.items()]


def _gaps(complete: Iterable[str]) -> list[tuple[str, str]]:
    """The times between these days, which are in order: (from, until), "" at either end."""
    found, low = [], ""
    for day in complete:
        if low != day:
            found.append((low, day))
        low = next_day(day)
    return [*found, (low, "")]


def saved(connection: Connection, which: CallFilter) -> tuple[list[str], list[tuple[str, Figures]]]:
    """The days within the filter that are complete, in order; and their figures, each with its day."""
    within = []
    if which.since:
        within.append(days.c.day + "T00:00:00.000Z" >= iso(which.since))
    if which.until:
        within.append(days.c.day + "T24" <= iso(which.until))
    whole = select(days.c.day).where(days.c.queue == MARK, *within).order_by(days.c.day)
    complete = [str(day) for day in connection.execute(whole).scalars()]
    query = select(days.c.day, days.c.figures).where(*within)
    if which.queue is None and which.flow is None:
        query = query.where(days.c.queue == MARK)
    else:
        query = query.where(days.c.queue != MARK if which.queue is None else days.c.queue == which.queue)
        query = query if which.flow is None else query.where(days.c.dialogue == which.flow)
    rows = connection.execute(query)
    return complete, [(row.day, Figures.from_json(row.figures)) for row in rows]


def counted(connection: Connection, conditions: Collection[ColumnElement[bool]]) -> dict[Group, Figures]:
    """Count the calls that meet the conditions, their interruptions, and the waits before the agent's replies."""
    calls, cuts = schema.calls, schema.interruptions
    found: dict[Group, Figures] = {}

    def group(row: Any) -> Figures:
        key = Group(row.started_at[:10], row.queue, row.dialogue)
        if key not in found:
            found[key] = Figures()
        return found[key]

    keys = (calls.c.started_at, calls.c.queue, calls.c.dialogue)
    columns = (calls.c.outcome, calls.c.duration_ms, calls.c.interruption_count, calls.c.after_queue)
    for row in _streamed(connection, select(*keys, *columns, FATE.label("fate")).where(*conditions)):
        of_group = group(row)
        of_group.count_call(row.started_at[:13], row.outcome, row.duration_ms, row.interruption_count)
        of_group.count_fate(row.fate, row.after_queue or row.queue, row.dialogue)
    of_cut = (cuts.c.kind, cuts.c.resolution, cuts.c.step, cuts.c.cut_word, cuts.c.detect_latency_ms)
    query = select(*keys, *of_cut, cuts.c.stop_latency_ms)
    both = query.join_from(calls, cuts, cuts.c.call_id == calls.c.id).where(*conditions)
    for row in _streamed(connection, both):
        group(row).count_interruption(Group(row.started_at[:10], row.queue, row.dialogue), *row[3:])
    turns = schema.turns
    query = select(*keys, *(turns.c[name] for name in WAITS)).join_from(calls, turns, turns.c.call_id == calls.c.id)
    for row in _streamed(connection, query.where(*conditions, turns.c.wait_ms.is_not(None))):
        group(row).count_waits(row[3:])
    for row in _streamed(connection, _asked_again(keys).where(*conditions)):
        group(row).count_asked_again(row.heard_text)
    return found


def _asked_again(keys: Sequence[Any]) -> Select[Any]:
    """The turns of callers after which the agent is in the same step as before."""
    said = schema.turns
    before, after = said.alias(), said.alias()

    def beside(turn: Any, by: int) -> ColumnElement[bool]:
        return and_(turn.c.call_id == said.c.call_id, turn.c.seq == said.c.seq + by, turn.c.speaker == "agent")

    same = (said.c.speaker == "caller", before.c.step == after.c.step, after.c.step != "")
    query: Any = select(*keys, said.c.heard_text).join_from(schema.calls, said, said.c.call_id == schema.calls.c.id)
    found: Select[Any] = query.join(before, beside(before, -1)).join(after, beside(after, 1)).where(*same)
    return found


def _streamed(connection: Connection, query: Any) -> Iterator[Any]:
    for rows in connection.execute(query.execution_options(yield_per=AT_ONCE)).partitions():
        yield from rows


def forget_days(connection: Connection, of_days: Collection[str]) -> None:
    """Delete the figures of these days: their calls change in this transaction."""
    if old := [day for day in of_days if day < _open_day()]:
        _lock(connection, shared=True)
        connection.execute(delete(days).where(days.c.day.in_(old)))


async def complete_day(engine: AsyncEngine, after: str) -> str | None:
    """Make the figures of the next finished day after `after` that has none. Returns the day; None if there is none.

    Raises what the driver raises; in SQLite that is "locked" if a call of the database changed meanwhile.
    """
    calls = schema.calls
    async with engine.begin() as connection:
        await connection.run_sync(_lock)
        day = func.substr(calls.c.started_at, 1, 10)
        has_figures = select(days.c.day).where(days.c.day == day).exists()
        query = select(calls.c.started_at).where(calls.c.started_at >= next_day(after), ~has_figures)
        first = (await connection.execute(query.order_by(calls.c.started_at).limit(1))).scalar()
        if first is None or (chosen := str(first)[:10]) >= _open_day():
            return None
        within = (calls.c.started_at >= chosen, calls.c.started_at < next_day(chosen))
        found = await connection.run_sync(partial(counted, conditions=within))
        rows = [{"day": chosen, "queue": g.queue, "dialogue": g.flow, "figures": f.to_json()} for g, f in found.items()]
        whole = Figures()
        for of_group in found.values():
            whole.add(of_group)
        rows.append({"day": chosen, "queue": MARK, "dialogue": MARK, "figures": whole.to_json()})
        await connection.execute(days.insert(), rows)
        return chosen


async def complete_days(url: str) -> int:
    """Make the figures of all days that are over. Returns how many. Raises UserError."""
    engine, day, count = connect(url), "", 0
    try:
        with explaining(url):
            while (done := await complete_day(engine, day)) is not None:
                day, count = done, count + 1
            return count
    finally:
        await engine.dispose()


def next_day(day: str) -> str:
    """The day after; "" after ""."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat() if day else ""


def _open_day() -> str:
    return iso(SystemClock().utc() - OPEN_DAYS)[:10]


def _lock(connection: Connection, *, shared: bool = False) -> None:
    """PostgreSQL: no call of a day changes between reading the day and writing its figures. SQLite itself refuses to
    write after such a change."""
    if connection.dialect.name == "postgresql":
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {function}(:key)"), {"key": LOCK_KEY})
