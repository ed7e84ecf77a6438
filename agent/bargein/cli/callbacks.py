"""`bargein callbacks`: whom to call back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..store.filters import CallFilter
from .filters import filter_options
from .log import database, with_log
from .options import either, format_options, log_options, redact_option
from .paging import part_options, position_text
from .rows import print_rows
from .terminal import SHORT_ID, Column, Screen, local, plain, write, write_list

if TYPE_CHECKING:
    from ..store import LoggedCallback, Reader

COLUMNS = (
    Column("asked"),
    Column("call"),
    Column("number"),
    Column("when"),
    Column("caller", optional=True),
    Column("name", flexible=True, optional=True),
    Column("queue", optional=True),
    Column("note", flexible=True, optional=True),
    Column("done", optional=True),
)


@click.command("callbacks")
@filter_options
@click.option("--all", "kept", is_flag=True, help="Also those that are done, at the end.")
@click.option("--done", metavar="CALL", help="Mark the callback of this call as done.")
@part_options
@format_options
@redact_option
@log_options
def callbacks_command(
    which: CallFilter,
    kept: bool,
    done: str | None,
    limit: int,
    page: int,
    as_json: bool,
    as_csv: bool,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """List callers who were promised to be called back, the oldest first.

    CALL is the id of a call, or its beginning, as the list shows it. The column `caller` has a number only if it is not
    the number to call.

    \b
    Examples:
      bargein callbacks --queue support
      bargein callbacks --done 3f2a9c01
    """
    either(as_json, as_csv)
    url = database(config_path, db)
    if done is not None:
        return _mark(url, done)

    async def ask(log: Reader) -> tuple[list[LoggedCallback], int]:
        rows = await log.callbacks(which, kept=kept, limit=limit, offset=(page - 1) * limit)
        return rows, await log.count_callbacks(which, kept=kept)

    found, total = with_log(url, ask, redact=redact)
    from dataclasses import fields

    from ..store import LoggedCallback as Row

    if print_rows([field.name for field in fields(Row)], [plain(row) for row in found], as_json, as_csv):
        return
    screen = Screen.of_stdout()
    cells = [_cells(row) for row in found]
    write_list(COLUMNS, cells, screen, "nobody waits to be called back")
    write(position_text(len(found), total, page, limit, "callback", screen))


def _mark(url: str, name: str) -> None:
    from ..store import keep

    async def ask(log: Reader) -> str:
        return (await log.call(name)).id

    call_id = with_log(url, ask)
    asyncio.run(keep(url, call_id))
    click.echo(f"the callback of call {call_id[:SHORT_ID]} is done")


def _cells(row: LoggedCallback) -> list[str]:
    done = local(row.done_at) if row.done_at else ""
    caller = row.caller if row.caller != row.phone else ""
    return [local(row.asked_at), row.call_id[:SHORT_ID], row.phone, row.wanted, caller, row.caller_name, row.queue,
            row.note, done]  # fmt: skip
