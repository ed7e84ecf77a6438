"""`bargein prune`: delete old calls."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clock import SystemClock
from ..config import Config
from ..core.language.neutral import neutral
from ..errors import UserError
from .log import database, with_log
from .options import age, log_options, typed
from .progress import ProgressLine
from .terminal import counted

if TYPE_CHECKING:
    from ..store import Reader

RECENT = timedelta(days=1)  # a command that deletes calls of today may be a typing error


@click.command("prune")
@click.option(
    "--older-than", "before", type=typed(age), required=True, metavar="90d", help="Age of the calls to delete."
)
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting calls of the last 24 hours.")
@click.option("--vacuum", "shrink", is_flag=True, help="Then shrink the database file.")
@log_options
def prune_command(
    before: datetime, dry_run: bool, yes: bool, shrink: bool, config_path: Path | None, db: str | None
) -> None:
    """Delete old calls with their turns, interruptions and recordings.

    Deletes recordings only from the configured directory. If a recording cannot be deleted, its call stays, and the
    exit code is 1. An age of less than a day asks first; without a terminal it needs --yes.

    \b
    Example:
      bargein prune --older-than 90d --dry-run
    """
    config, url = Config.load(config_path), database(config_path, db)
    server = config.store.server_name
    with_log(url, exists)
    if not dry_run and not yes and before > SystemClock().utc() - RECENT:
        _confirm()
    from ..store import prune, vacuum

    with ProgressLine("looking for old calls") as line:
        pruned = asyncio.run(prune(url, before, dry_run=True, server=server, progress=line.at))
    root = Path(config.recording.directory).resolve()
    there = {recording: path for recording in pruned.recordings if (path := Path(recording).resolve()).is_file()}
    kept = [recording for recording, path in there.items() if not inside(root, path)]
    if not dry_run:  # recordings first: without its call, nobody would know of a file that is left
        kept += [recording for recording, path in there.items() if recording not in kept and not deleted(path, root)]
        with ProgressLine("deleting calls", pruned.calls) as line:
            pruned = asyncio.run(prune(url, before, keep=kept, server=server, progress=line.at))
    click.echo(
        f"{'would delete' if dry_run else 'deleted'} {counted(pruned.calls, 'call')}, "
        f"{counted(pruned.turns, 'turn')}, {counted(pruned.interruptions, 'interruption')}, "
        f"{counted(len(there) - len(kept), 'recording')}"
    )
    if pruned.elsewhere:
        click.echo(f"{pruned.elsewhere} calls stay: their recordings are on other servers. Run this there.", err=True)
    if dry_run:
        return
    if shrink:
        asyncio.run(vacuum(url))
    if kept:
        raise UserError(f"{len(kept)} recordings could not be deleted; their calls stay in the log")


async def exists(_log: Reader) -> None:
    """Opening the log was the whole test."""


def _confirm() -> None:
    """Ask on a terminal. Raises UserError without one, or if the answer is no."""
    if not sys.stdin.isatty():
        raise UserError("this would delete calls of the last 24 hours: add --yes if you mean it", 2)
    if not click.confirm("This also deletes calls of the last 24 hours. Continue?"):
        raise UserError("nothing was deleted")


def inside(root: Path, path: Path) -> bool:
    """Whether the path is a recording in our directory; paths from a database are not trusted."""
    inside = root in path.parents and path.suffix == ".wav"
    if not inside:
        click.echo(f"bargein: {neutral(str(path))}: not a recording in {root}, so it is not deleted", err=True)
    return inside


def deleted(path: Path, root: Path) -> bool:
    """Delete the file, and the directories that it leaves empty."""
    try:
        path.unlink()
    except OSError as error:
        click.echo(f"bargein: {neutral(str(path))}: cannot be deleted: {error.strerror}", err=True)
        return False
    with contextlib.suppress(OSError):  # not empty
        for directory in path.parents[: path.parents.index(root)]:
            directory.rmdir()
    return True
