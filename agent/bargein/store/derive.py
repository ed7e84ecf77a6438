"""What follows from the turns and interruptions of a call: its counts, its steps, and the words to search for.

The writer derives them again for every call that it writes to, in the same transaction, so they never differ from
the rows that they come from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, text, tuple_

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.turns.records import Resolution
from .schema import calls, interruptions, turns

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

CHUNK = 500  # calls at a time
MAX_WORDS = 200_000  # characters of one call that can be searched: PostgreSQL limits a tsvector to 1 MB

Found = dict[str, Any]


async def derive(connection: AsyncConnection, call_ids: Collection[str]) -> set[str]:
    """Bring the derived columns of these calls up to date. Returns the days of these calls.

    Calls that have no row are left out.
    """
    query = select(calls.c.id, calls.c.started_at, calls.c.ended_at, calls.c.number).where(calls.c.id.in_(call_ids))
    found = [dict(row) for row in (await connection.execute(query)).mappings()]
    if not found:
        return set()
    spoken, cuts = await _turns(connection, call_ids), await _interruption_counts(connection, call_ids)
    rows = []
    for call in found:
        said = spoken.get(call["id"], [])
        steps = dict.fromkeys(turn.step for turn in said if turn.speaker == "agent" and turn.step)
        rows.append(
            {
                "b_id": call["id"],
                "turn_count": len(said),
                "interruption_count": cuts.get(call["id"], 0),
                "steps": "\n".join(steps),
            }
        )
    await connection.execute(calls.update().where(calls.c.id == bindparam("b_id")), rows)
    over = [call for call in found if call["ended_at"]]
    texts = {call["id"]: " ".join(t.heard_text for t in spoken.get(call["id"], []))[:MAX_WORDS] for call in over}
    if over:
        await (_index_in_sqlite if connection.dialect.name == "sqlite" else _index)(connection, over, texts)
    return {call["started_at"][:10] for call in found}


async def everything(connection: AsyncConnection) -> None:
    """Derive the columns of all calls, the oldest first."""
    at = ("", "")
    while True:
        position = tuple_(calls.c.started_at, calls.c.id)
        query = select(calls.c.started_at, calls.c.id).where(position > at).order_by(calls.c.started_at, calls.c.id)
        found = (await connection.execute(query.limit(CHUNK))).all()
        if not found:
            return
        await derive(connection, [row.id for row in found])
        at = tuple(found[-1])


async def _turns(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, list[Any]]:
    columns = (turns.c.call_id, turns.c.speaker, turns.c.step, turns.c.heard_text)
    query = select(*columns).where(turns.c.call_id.in_(call_ids)).order_by(turns.c.call_id, turns.c.seq)
    rows = (await connection.execute(query)).all()
    return {call_id: list(group) for call_id, group in groupby(rows, lambda row: str(row.call_id))}


async def _interruption_counts(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, int]:
    cuts = interruptions
    query = select(cuts.c.call_id, func.count()).group_by(cuts.c.call_id)
    by_caller = cuts.c.kind.not_in(FALSE_INTERRUPTIONS), cuts.c.resolution != Resolution.RETRACTED
    query = query.where(cuts.c.call_id.in_(call_ids), *by_caller)
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def _index(connection: AsyncConnection, over: Sequence[Found], texts: dict[str, str]) -> None:
    statement = text(
        "INSERT INTO said (call_id, words) VALUES (:id, to_tsvector('simple', :words)) "
        "ON CONFLICT (call_id) DO UPDATE SET words = excluded.words"
    )
    await connection.execute(statement, [{"id": call["id"], "words": texts[call["id"]]} for call in over])


async def _index_in_sqlite(connection: AsyncConnection, over: Sequence[Found], texts: dict[str, str]) -> None:
    """FTS5 knows a row by a number only. A call keeps its number."""
    last = (await connection.execute(select(func.coalesce(func.max(calls.c.number), 0)))).scalar_one()
    fresh = [call for call in over if call["number"] is None]
    for number, call in enumerate(fresh, last + 1):
        call["number"] = number
    if fresh:
        numbers = [{"b_id": call["id"], "number": call["number"]} for call in fresh]
        await connection.execute(calls.update().where(calls.c.id == bindparam("b_id")), numbers)
    statement = text("INSERT OR REPLACE INTO said (rowid, words) VALUES (:number, :words)")
    await connection.execute(statement, [{"number": c["number"], "words": texts[c["id"]]} for c in over])
