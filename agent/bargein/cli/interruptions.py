"""`bargein interruptions`: where callers interrupted the agent."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.language.kinds import Kind
from ..core.turns.records import Interruption
from ..store.filters import CallFilter, InterruptionSort
from ..view.wording import latency
from .filters import filter_options
from .log import database, unknown_queue, with_log
from .options import MILLISECONDS, either, format_options, log_options, redact_option
from .paging import page_options, position_text
from .rows import interruption_row, print_rows
from .terminal import SHORT_ID, Column, Screen, local, write, write_list

if TYPE_CHECKING:
    from ..store import LoggedInterruption, Reader

COUNTED = 10_000  # counting more is slow in a large log
WORDS_BEFORE = 3  # of the agent, before the word that was cut
SORTS = ("at", "noticed", "silent", "kind", "step")
COLUMNS = (
    Column("at"),
    Column("call"),
    Column("kind"),
    Column("resolution", spare=True),
    Column("noticed", right=True, spare=True),
    Column("silent", right=True),
    Column("step", optional=True),
    Column("caller said", flexible=True, optional=True),
    Column("cut at", flexible=True, optional=True, keep_end=True),
)


@click.command("interruptions")
@filter_options
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Interruptions of this kind.")
@click.option("--call", "name", metavar="CALL", help="Interruptions of one call: its id, the beginning of it, or "
              "`last`.")  # fmt: skip
@click.option("--slow", type=MILLISECONDS, metavar="MS", help="Only stops that took at least MS.")
@page_options(SORTS, "at")
@click.option("--ids", "only_ids", is_flag=True, help="Print only the ids, one per line, for other commands.")
@format_options
@redact_option
@log_options
def interruptions_command(
    which: CallFilter,
    kind: str | None,
    name: str | None,
    slow: int | None,
    sort: InterruptionSort,
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
    """List interruptions, newest first.

    Backchannels and noise are listed too; `calls` and `stats` do not count them as interruptions.
    `noticed` is the time from the caller's onset to the decision to pause, `silent` to the last audible sample of the
    agent. The last of the interrupted words is the one that was cut.

    \b
    Examples:
      bargein interruptions --since 1h --queue support
      bargein interruptions --kind correct --slow 100
    """
    either(as_json, as_csv)

    most = max(COUNTED, page * limit) + 1

    async def ask(log: Reader) -> tuple[list[LoggedInterruption], int, str]:
        call_id = (await log.call(name)).id if name else None
        rows = await log.interruptions(
            which,
            call_id=call_id,
            kind=kind,
            slow_ms=slow,
            sort=sort,
            descending=not ascending,
            limit=limit,
            offset=(page - 1) * limit,
        )
        total = await log.count_interruptions(which, call_id=call_id, kind=kind, slow_ms=slow, most=most)
        return rows, total, "" if rows else await unknown_queue(log, which)

    found, total, why = with_log(database(config_path, db), ask, redact=redact)
    if only_ids:
        write(cut.interruption.id for cut in found)
        return
    names = ["at", "queue", *(field.name for field in fields(Interruption))]
    if print_rows(names, [interruption_row(cut) for cut in found], as_json, as_csv):
        return
    screen = Screen.of_stdout()
    cells = [_cells(logged) for logged in found]
    write_list(COLUMNS, cells, screen, f"no interruptions{why}")
    write(position_text(len(found), total, page, limit, "interruption", screen, at_least=total == most))


def _cells(logged: LoggedInterruption) -> list[str]:
    cut = logged.interruption
    return [
        local(logged.at)[5:],  # without the year
        cut.call_id[:SHORT_ID],
        cut.kind or "undecided",
        cut.resolution.replace("_", " "),
        latency(cut.detect_latency_ms),
        latency(cut.stop_latency_ms),
        cut.step,
        cut.caller_text,
        " ".join([*cut.heard_text.split()[-WORDS_BEFORE:], cut.cut_word]),
    ]
