"""`bargein calls`: list the calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..clock import SystemClock
from ..store.filters import CallFilter, CallSort
from ..view.wording import length, outcome_text
from .filters import filter_options
from .log import database, unknown_queue, with_log
from .options import either, format_options, log_options, redact_option
from .paging import page_options, position_text
from .render import then_text
from .rows import print_rows
from .terminal import SHORT_ID, UNLIMITED, Column, Screen, local, plain, write, write_list

if TYPE_CHECKING:
    from ..store import Call, Reader

SORTS = ("started", "duration", "interruptions", "caller", "called", "queue", "flow", "outcome")
COLUMNS = (
    Column("started"),
    Column("call"),
    Column("caller"),
    Column("name", flexible=True, optional=True),
    Column("outcome"),
    Column("cut in", right=True, optional=True),
    Column("length", right=True, optional=True),
    Column("then", optional=True),
    Column("called", optional=True),
    Column("queue", optional=True),
    Column("flow", optional=True),
    Column("trunk", optional=True),
    Column("summary", flexible=True, optional=True),
)


@click.command("calls")
@filter_options
@page_options(SORTS, "started")
@click.option("--ids", "only_ids", is_flag=True, help="Print only the ids, one per line, for other commands.")
@format_options
@redact_option
@log_options
def calls_command(
    which: CallFilter,
    sort: CallSort,
    ascending: bool,
    limit: int,
    page: int,
    only_ids: bool,
    as_json: bool,
    as_csv: bool,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """List calls, newest first.

    \b
    Examples:
      bargein calls --since 2d --queue support --interrupted
      bargein calls --since today --ids | xargs -n1 bargein show
    """
    either(as_json, as_csv)

    async def ask(log: Reader) -> tuple[list[Call], int, str]:
        rows = await log.calls(which, sort=sort, descending=not ascending, limit=limit, offset=(page - 1) * limit)
        return rows, await log.count_calls(which), "" if rows else await unknown_queue(log, which)

    found, total, why = with_log(database(config_path, db), ask, redact=redact)
    if only_ids:
        write(call.id for call in found)
        return
    from dataclasses import fields

    from ..store import Call as Row

    if print_rows([field.name for field in fields(Row)], [plain(call) for call in found], as_json, as_csv):
        return
    screen = Screen.of_stdout()
    cells = _rows(found, screen)
    write_list(COLUMNS, cells, screen, f"no calls{why}")
    write(position_text(len(found), total, page, limit, "call", screen))


def _rows(found: Sequence[Call], screen: Screen) -> list[list[str]]:
    """A terminal has room for a year only where it is not this one."""
    this_year = f"{SystemClock().utc().astimezone():%Y-}"
    times = [local(call.started_at) for call in found]
    if screen.width < UNLIMITED and all(time.startswith(this_year) for time in times):
        times = [time.removeprefix(this_year) for time in times]
    return [_cells(call, time) for call, time in zip(found, times, strict=True)]


def _cells(call: Any, started: str) -> list[str]:
    return [
        started,
        call.id[:SHORT_ID],
        call.caller,
        call.caller_name,
        outcome_text(call),
        str(call.interruptions),
        length(call.duration_ms) if call.ended_at else "",
        then_text(call, short=True),
        call.called,
        call.queue,
        call.dialogue,
        call.trunk,
        call.summary,
    ]
