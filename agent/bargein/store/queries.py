"""Queries of interruptions, and the orders of lists. Plain SQL; reader.py chooses among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, literal_column, select

from . import schema
from .conditions import Conditions, between
from .filters import CallFilter, CallSort, InterruptionSort

ROWID: ColumnElement[int] = literal_column("interruptions.rowid")  # SQLite: every index has it
FIRST = 5_000  # interruptions in the wanted order that are looked through before those of all matching calls
FEW = 5_000  # interruptions whose calls are looked up in a moment
CALL_ORDER: Mapping[CallSort, ColumnElement[Any]] = {
    "started": schema.calls.c.started_at,
    "duration": schema.calls.c.duration_ms,
    "interruptions": schema.calls.c.interruption_count,
    "caller": schema.calls.c.caller,
    "called": schema.calls.c.called,
    "queue": schema.calls.c.queue,
    "flow": schema.calls.c.dialogue,
    "outcome": schema.calls.c.outcome,
}
INTERRUPTION_ORDER: Mapping[InterruptionSort, ColumnElement[Any]] = {
    "at": schema.interruptions.c.at,
    "noticed": schema.interruptions.c.detect_latency_ms,
    "silent": schema.interruptions.c.stop_latency_ms,
    "kind": schema.interruptions.c.kind,
    "step": schema.interruptions.c.step,
}


def interruptions(calls: Literal["", "with", "before", "after"] = "") -> Select[Any]:
    """Interruptions, each with the queue of its call; "": also if the row of the call was dropped.

    SQLite looks up the calls `before` or `after` the interruptions: of the other way, no index has the expression.
    """
    call_id, of_call = schema.calls.c.id, schema.interruptions.c.call_id
    joined = of_call == call_id
    if calls == "before":
        joined = of_call == call_id.concat("")
    elif calls == "after":
        joined = of_call.concat("") == call_id
    cuts = schema.interruptions
    both = schema.calls.join(cuts, joined) if calls else cuts.outerjoin(schema.calls, joined)
    return select(cuts, schema.calls.c.queue.label("call_queue")).select_from(both)


def interruptions_that(
    which: CallFilter,
    call_id: str | None,
    kind: str | None,
    slow_ms: int | None,
    walk: Literal["", "time", "calls"] = "",
) -> Conditions:
    """What an interruption must meet, whatever its call is. `walk`: SQLite goes through the interruptions in the order
    of time, or through calls, because many meet it; an index of those that do would have to be sorted."""
    cuts = schema.interruptions.c
    found = between(cuts.at, which)
    if which.step is not None:
        found.append((cuts.step.concat("") if walk == "calls" else cuts.step) == which.step)
    if call_id is not None:
        found.append(cuts.call_id == call_id)
    if kind is not None:
        found.append(cuts.kind == kind)
    if slow_ms is not None:
        found.append((cuts.stop_latency_ms + 0 if walk else cuts.stop_latency_ms) >= slow_ms)
    return found


def ordered(columns: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    """Sort by the first column, then by the others."""
    distinct = list(dict.fromkeys(columns))
    return [column.desc() if descending else column.asc() for column in distinct]
