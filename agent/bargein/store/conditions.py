"""A filter as conditions of SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, false, func, literal_column, select, table

from . import schema
from .filters import CallFilter
from .rows import iso

SAID = table("said")
Conditions = Sequence[ColumnElement[bool]]


def of_call(which: CallFilter, dialect: str, *, in_time: bool = True) -> Conditions:
    """What a row of `calls` must meet; without `since` and `until` unless `in_time`."""
    calls, found = schema.calls, []
    if in_time:
        found += between(calls.c.started_at, which)
    for column, wanted in (
        (calls.c.queue, which.queue),
        (calls.c.dialogue, which.flow),
        (calls.c.outcome, which.outcome),
    ):
        if wanted is not None:
            found.append(column == wanted)
    for column, number in ((calls.c.caller, which.caller), (calls.c.called, which.called)):
        if number is not None:
            prefix = number.removesuffix("*")
            found.append(column == number if prefix == number else column.startswith(prefix, autoescape=True))
    if which.interrupted is not None:
        count = calls.c.interruption_count
        found.append(count > 0 if which.interrupted else count == 0)
    if which.longer_than_ms is not None:
        found.append(calls.c.duration_ms > which.longer_than_ms)
    if which.step is not None and in_time:
        found.append(("\n" + calls.c.steps + "\n").contains(f"\n{which.step}\n", autoescape=True))
    if which.text is not None:
        found.append(_said(which.text, dialect))
    return found


def of_interruption(which: CallFilter, dialect: str) -> Conditions:
    """What a row of `interruptions` must meet."""
    calls, cuts = schema.calls, schema.interruptions
    found = [*between(cuts.c.at, which)]
    if which.step is not None:
        found.append(cuts.c.step == which.step)
    if conditions := of_call(which, dialect, in_time=False):
        found.append(cuts.c.call_id.in_(select(calls.c.id).where(*conditions)))
    return found


def between(column: ColumnElement[str], which: CallFilter) -> list[ColumnElement[bool]]:
    found = []
    if which.since:
        found.append(column >= iso(which.since))
    if which.until:
        found.append(column < iso(which.until))
    return found


def _said(words: str, dialect: str) -> ColumnElement[bool]:
    """All words were said in the call, in any order."""
    plain = re.findall(r"\w+", words)
    if not plain:
        return false()
    if dialect == "sqlite":
        rows: Any = select(literal_column("rowid")).select_from(SAID)
        match = literal_column("said").op("MATCH")(" ".join(f'"{word}"' for word in plain))
        return schema.calls.c.number.in_(rows.where(match))
    ids: Any = select(literal_column("call_id")).select_from(SAID)
    query = func.plainto_tsquery(literal_column("'simple'"), " ".join(plain))
    return schema.calls.c.id.in_(ids.where(literal_column("words").op("@@")(query)))
