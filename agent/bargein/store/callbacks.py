"""Promises to call back: reads them, and marks them as kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select, update

from ..clock import SystemClock
from ..errors import UserError
from .conditions import of_call
from .connect import connect
from .failures import explaining
from .filters import CallFilter
from .rows import iso
from .schema import callbacks, calls


def matching(which: CallFilter, dialect: str, *, kept: bool) -> Select[Any]:
    """The promises of matching calls, the oldest first; those that are kept only if asked for, at the end.

    A promise to a caller whom a member answered in the same call is kept.
    """
    columns = (callbacks, calls.c.caller, calls.c.caller_name, calls.c.queue)
    both = callbacks.join(calls, calls.c.id == callbacks.c.call_id)
    query = select(*columns).select_from(both).where(*of_call(which, dialect))
    open_only = [] if kept else [callbacks.c.done_at == "", calls.c.member == ""]
    return query.where(*open_only).order_by(callbacks.c.done_at != "", callbacks.c.logged_at, callbacks.c.call_id)


async def keep(url: str, call_id: str) -> None:
    """Mark the promise of this call as kept, now. Raises UserError if there is none, or it was kept before."""
    engine = connect(url)
    try:
        with explaining(url):
            async with engine.begin() as connection:
                query = select(callbacks.c.done_at).where(callbacks.c.call_id == call_id)
                row = (await connection.execute(query)).first()
                if row is None:
                    raise UserError(f"call {call_id}: nobody was promised to be called back")
                if row.done_at:
                    raise UserError(f"call {call_id}: the callback is done since {row.done_at}")
                now = iso(SystemClock().utc())
                await connection.execute(update(callbacks).where(callbacks.c.call_id == call_id).values(done_at=now))
    finally:
        await engine.dispose()
