"""A filter as conditions of SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, false, func, literal_column, select, table

from . import schema
from .fates import FATE
from .filters import HANDED_OVER, CallFilter
from .rows import LONGEST_CALL, iso

SAID = table("said")
Conditions = Sequence[ColumnElement[bool]]


def of_call(which: CallFilter, dialect: str, *, newest: int = 0) -> Conditions:
    """What a row of `calls` must meet. `newest`: SQLite searches only this number of the last calls with the text."""
    text = [] if which.text is None else [_said(which, dialect, newest)]
    return [*between(schema.calls.c.started_at, which), *_of_columns(which, dialect), *text]


def of_its_call(which: CallFilter, dialect: str, *, newest: int = 0) -> Conditions:
    """What the call of an interruption must meet; nothing if the filter is not about calls."""
    conditions = of_call(replace(which, since=None, until=None, step=None), dialect, newest=newest)
    if not conditions:
        return ()
    since = which.since - LONGEST_CALL if which.since else None
    return [*between(schema.calls.c.started_at, CallFilter(since, which.until)), *conditions]


def matching_text(text: str) -> Any:
    """SQLite: the rows of `said` in which all words are."""
    query: Any = select(literal_column("said.rowid")).select_from(SAID)
    return query.where(literal_column("said").op("MATCH")(" ".join(f'"{word}"' for word in _words(text))))


def _of_columns(which: CallFilter, dialect: str) -> list[ColumnElement[bool]]:
    calls, found = schema.calls, []
    for column, wanted in (
        (calls.c.queue, which.queue),
        (calls.c.dialogue, which.flow),
        (calls.c.outcome, which.outcome),
        (calls.c.linkedid, which.linkedid),
        (calls.c.uniqueid, which.uniqueid),
    ):
        if wanted is not None:
            found.append(column == wanted)
    for column, name in ((calls.c.caller, which.caller), (calls.c.called, which.called), (calls.c.trunk, which.trunk)):
        if name is not None:
            prefix = name.removesuffix("*")
            found.append(column == name if prefix == name else column.startswith(prefix, autoescape=True))
    if which.fate is not None:
        found.append(FATE.in_(HANDED_OVER if which.fate == "handed over" else (which.fate,)))
    if which.interrupted is not None:
        count = calls.c.interruption_count
        found.append(count > 0 if which.interrupted else count == 0)
    if which.longer_than_ms is not None:
        found.append(calls.c.duration_ms > which.longer_than_ms)
    if which.step is not None:
        position = func.instr if dialect == "sqlite" else func.strpos
        found.append(position(calls.c.steps, which.step) > 0)  # a fast way to exclude calls
        found.append(position("\n" + calls.c.steps + "\n", f"\n{which.step}\n") > 0)
    return found


def between(column: ColumnElement[str], which: CallFilter) -> list[ColumnElement[bool]]:
    found = []
    if which.since:
        found.append(column >= iso(which.since))
    if which.until:
        found.append(column < iso(which.until))
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _said(which: CallFilter, dialect: str, newest: int) -> ColumnElement[bool]:
    """All words were said in the call, in any order."""
    text, calls = which.text or "", schema.calls
    words = _words(text)
    if not words:
        return false()
    if dialect == "sqlite":
        rows = matching_text(text)
        rowid: ColumnElement[int] = literal_column("said.rowid")
        number = calls.c.number + 0  # else SQLite would walk through the numbers from the first one on
        if which.since:  # the words of older and newer calls need not be read
            first = select(func.min(number)).where(calls.c.started_at >= iso(which.since)).scalar_subquery()
            rows = rows.where(rowid >= first)
        if which.until:
            last = select(func.max(number)).where(calls.c.started_at < iso(which.until)).scalar_subquery()
            rows = rows.where(rowid <= last)
        return calls.c.number.in_(rows.order_by(rowid.desc()).limit(newest) if newest else rows)
    ids: Any = select(literal_column("call_id")).select_from(SAID)
    query = func.plainto_tsquery(literal_column("'simple'"), " ".join(words))
    return calls.c.id.in_(ids.where(literal_column("words").op("@@")(query)))
