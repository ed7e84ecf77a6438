"""`bargein export`: calls as JSON lines or CSV."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ..core.turns.records import WAITS, Interruption, Turn
from ..errors import UserError
from ..store.filters import EVERY_CALL, CallFilter
from .filters import filter_options
from .log import database, with_log
from .options import log_options, redact_option
from .progress import ProgressLine
from .rows import interruption_row, turn_row
from .terminal import counted, plain, to_csv, to_json

if TYPE_CHECKING:
    from ..store import Reader, WholeCall

TABLES = ("calls", "turns", "interruptions")


@click.command("export")
@click.argument("call", required=False)
@filter_options
@click.option("--csv", "table", type=click.Choice(TABLES), help="Print this table as CSV instead of JSON lines.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write instead of "
              "stdout.")  # fmt: skip
@redact_option
@log_options
def export_command(
    call: str | None,
    which: CallFilter,
    table: str | None,
    output: Path | None,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """Export one call, or all calls that match the options, oldest first.

    The output is JSON lines: one call per line with its turns and interruptions. CALL is an id, the beginning of one,
    or `last`. Only the owner can read the written file.

    \b
    Examples:
      bargein export last
      bargein export --since 30d --csv interruptions -o interruptions.csv
    """
    if call is not None and which != EVERY_CALL:
        raise click.UsageError("CALL names one call: leave the options that choose calls out")

    async def ask(log: Reader) -> int:
        count = 0
        total = 1 if call else await log.count_calls(which)
        with _opened(output) as file, ProgressLine("exporting calls", total) as progress:
            if table:
                file.write(f"{to_csv(_columns(table), [])[0]}\n")
            async for line in _lines(log, call, which, table):
                file.writelines(f"{row}\n" for row in line)
                count += 1
                progress.at(count)
        return count

    count = with_log(database(config_path, db), ask, redact=redact)
    if output:
        click.echo(f"{counted(count, 'call')} exported to {output}", err=True)


def _columns(table: str) -> list[str]:
    from ..store import Call

    if table == "calls":
        return [field.name for field in fields(Call)]
    if table == "turns":
        return ["call_id", *(field.name for field in fields(Turn) if field.name != "waits"), *WAITS]
    return ["at", "queue", *(field.name for field in fields(Interruption))]


async def _lines(log: Reader, name: str | None, which: CallFilter, table: str | None) -> AsyncIterator[list[str]]:
    """For each call: one line of JSON, or its rows of one table as CSV."""
    if name is not None:
        yield _exported(await _whole(log, name), table)
        return
    async for whole in log.export(which):
        yield _exported(whole, table)


async def _whole(log: Reader, name: str) -> WholeCall:
    from ..store import WholeCall

    call = await log.call(name)
    cuts = await log.interruptions(call_id=call.id, descending=False)
    return WholeCall(call, await log.turns(call.id), cuts)


def _exported(whole: WholeCall, table: str | None) -> list[str]:
    if table == "calls":
        return to_csv(_columns(table), [plain(whole.call)])[1:]
    turns = [turn_row(logged.call_id, logged.turn) for logged in whole.turns]
    if table == "turns":
        return to_csv(_columns(table), turns)[1:]
    cuts = [interruption_row(cut) for cut in whole.interruptions]
    if table == "interruptions":
        return to_csv(_columns(table), cuts)[1:]
    return [to_json({**plain(whole.call), "turns": turns, "interruptions": cuts}, indent=None)]


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file, which gets its name when it is complete; or stdout."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    output = output.resolve()  # a link stays a link
    whole = output.is_file() or not output.exists()  # a pipe or a device is written directly
    written = output.with_name(f"{output.name}.part") if whole else output
    try:
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        if whole:
            written.replace(output)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from error
    finally:
        if whole:
            written.unlink(missing_ok=True)
