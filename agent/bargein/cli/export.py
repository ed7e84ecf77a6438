"""`bargein export` and `bargein prune`: taking calls out of the log, to keep or to forget."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from ..config import Config
from ..core.language.neutral import neutral
from ..core.turns.records import Interruption, Turn
from ..errors import UserError
from ..store import Call, Reader, prune, vacuum
from .options import age, chosen, database, interruption_row, log_options, range_options, turn_row, with_log
from .terminal import plain, to_csv, to_json

CSV_COLUMNS = {
    "calls": [field.name for field in fields(Call)],
    "turns": ["call_id", *(field.name for field in fields(Turn))],
    "interruptions": ["at", "queue", *(field.name for field in fields(Interruption))],
}


@click.command("export")
@click.argument("call", required=False)
@range_options
@click.option("--csv", "table", type=click.Choice(list(CSV_COLUMNS)), help="CSV of these instead of JSON lines.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write, else stdout.")
@log_options
def export_command(
    call: str | None,
    since: datetime | None,
    until: datetime | None,
    queue: str | None,
    table: str | None,
    output: Path | None,
    config_path: str | None,
    db: str | None,
) -> None:
    """Export a call, or all calls of a range, oldest first.

    JSON lines: one call a line with its turns and interruptions. CALL is an id, the beginning of one, or
    `last`; without it the range counts. A file is only readable by its owner.

    \b
    Example:
      bargein export --since 30d --csv interruptions -o interruptions.csv
    """

    async def ask(log: Reader) -> int:
        which = chosen(since, until, queue)
        calls = [await log.call(call)] if call else list(reversed(await log.calls(which)))
        with _opened(output) as file:
            if table:
                file.writelines(f"{line}\n" for line in to_csv(CSV_COLUMNS[table], []))
            for one in calls:
                for line in await _exported(log, one, table):
                    file.write(f"{line}\n")
        return len(calls)

    count = with_log(database(config_path, db), ask)
    if output:
        click.echo(f"{count} call{'s' * (count != 1)} exported to {output}", err=True)


async def _exported(log: Reader, call: Call, table: str | None) -> list[str]:
    """Lines for one call: one of JSON, or its rows of one table as CSV."""
    if table == "calls":
        return to_csv(CSV_COLUMNS[table], [plain(call)])[1:]
    cuts = [interruption_row(cut) for cut in reversed(await log.interruptions(call_id=call.id))]
    if table == "interruptions":
        return to_csv(CSV_COLUMNS[table], cuts)[1:]
    turns = [turn_row(turn) for turn in await log.turns(call.id)]
    if table == "turns":
        return to_csv(CSV_COLUMNS[table], turns)[1:]
    return [to_json({**plain(call), "turns": turns, "interruptions": cuts}, indent=None)]


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file, which appears under its name when all is written; or stdout."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    output = output.resolve()  # a link stays one
    whole = output.is_file() or not output.exists()  # a pipe or a device is written as it stands
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


@click.command("prune")
@click.option("--older-than", "before", type=age, required=True, metavar="90d", help="Age of the calls to delete.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--vacuum", "shrink", is_flag=True, help="Then shrink the database file.")
@log_options
def prune_command(before: datetime, dry_run: bool, shrink: bool, config_path: str | None, db: str | None) -> None:
    """Delete old calls, with their turns, interruptions and recordings.

    Recordings are only deleted from the configured directory. A call whose recording cannot be deleted
    stays, and the exit code is 1.

    \b
    Example:
      bargein prune --older-than 90d --dry-run
    """
    config, url = Config.load(config_path), database(config_path, db)
    with_log(url, _nothing)  # says it if there is no database
    pruned = asyncio.run(prune(url, before, dry_run=True))
    root = Path(config.recording.directory).resolve()
    there = {recording: path for recording in pruned.recordings if (path := Path(recording).resolve()).is_file()}
    kept = [recording for recording, path in there.items() if not _inside(root, path)]
    if not dry_run:  # recordings first: a call whose file is left must keep its row, else nobody knows of the file
        kept += [recording for recording, path in there.items() if recording not in kept and not _deleted(path, root)]
    pruned = asyncio.run(prune(url, before, dry_run=dry_run, keep=kept))
    click.echo(
        f"{'would delete' if dry_run else 'deleted'} {pruned.calls} calls, {pruned.turns} turns, "
        f"{pruned.interruptions} interruptions, {len(there) - len(kept)} recordings"
    )
    if dry_run:
        return
    if shrink:
        asyncio.run(vacuum(url))
    if kept:
        raise UserError(f"{len(kept)} recordings are left, and the calls they are of")


async def _nothing(_log: Reader) -> None:
    pass


def _inside(root: Path, path: Path) -> bool:
    """Whether it is a recording in that directory: a path out of a database is not to be trusted."""
    inside = root in path.parents and path.suffix == ".wav"
    if not inside:
        click.echo(f"bargein: {neutral(str(path))}: not a recording in {root}, so it is not deleted", err=True)
    return inside


def _deleted(path: Path, root: Path) -> bool:
    """Delete the file, and the directories of days that it leaves empty."""
    try:
        path.unlink()
    except OSError as error:
        click.echo(f"bargein: {neutral(str(path))}: cannot be deleted: {error.strerror}", err=True)
        return False
    with contextlib.suppress(OSError):  # not empty
        for directory in path.parents[: path.parents.index(root)]:
            directory.rmdir()
    return True
