"""`bargein prune`: delete old calls."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
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
    from ..store import Kept, Pruned, Reader

LOOK_S = 0.5  # how often the line of progress gets the time
RECENT = timedelta(days=1)  # a command that deletes calls of today may be a typing error


@click.command("prune")
@click.option(
    "--older-than", "before", type=typed(age), metavar="90d", help="Age of the calls to delete, instead of the "
    "configured one."
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting calls of the last 24 hours.")
@click.option("--vacuum", "shrink", is_flag=True, help="Then shrink the database file.")
@log_options
def prune_command(
    before: datetime | None, dry_run: bool, yes: bool, shrink: bool, config_path: Path | None, db: str | None
) -> None:
    """Delete old calls with their turns, interruptions and recordings.

    Then deletes words, numbers and recordings of the calls that stay, as [privacy] keep_words_days, keep_numbers_days
    and keep_audio_days say. Without --older-than, [privacy] keep_calls_days is the age of the calls to delete.

    Deletes recordings only from the configured directory. If a recording cannot be deleted, its call stays, and the
    exit code is 1. An age of less than a day asks first; without a terminal it needs --yes.

    \b
    Example:
      bargein prune --older-than 90d --dry-run
    """
    config, url = Config.load(config_path), database(config_path, db)
    keep = config.privacy
    before = before or _since(keep.keep_calls_days)
    kinds: dict[Kept, int] = {
        "words": keep.keep_words_days, "numbers": keep.keep_numbers_days, "audio": keep.keep_audio_days,
    }  # fmt: skip
    if before is None and not any(kinds.values()):
        raise click.UsageError("nothing says how old: --older-than 90d, or [privacy] keep_calls_days")
    with_log(url, exists)
    if not dry_run and not yes and before is not None and before > SystemClock().utc() - RECENT:
        _confirm()
    left = _prune_calls(config, url, before, dry_run) if before is not None else 0
    for what, days in kinds.items():
        if oldest := _since(days):
            left += _withhold(config, url, what, oldest, dry_run)
    if dry_run:
        return
    if shrink:
        from ..store import vacuum

        asyncio.run(vacuum(url))
    if left:
        raise UserError(f"{left} recordings could not be deleted; their calls stay in the log")


def _since(days: int) -> datetime | None:
    """From when the oldest may be; None: from any time."""
    return SystemClock().utc() - timedelta(days=days) if days else None


def _prune_calls(config: Config, url: str, before: datetime, dry_run: bool) -> int:
    """Delete calls. Returns how many recordings are left that should not be."""
    from ..store import prune

    server = config.store.server_name
    with ProgressLine("looking for old calls, seconds") as line:
        pruned = asyncio.run(_looked_for(url, before, server, line))
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
    return len(kept)


async def _looked_for(url: str, before: datetime, server: str, line: ProgressLine) -> Pruned:
    """What would be deleted. The database does not say how far it is, so the line has the time."""
    from ..store import prune

    clock = SystemClock()
    began = clock.monotonic()
    looking = asyncio.create_task(prune(url, before, dry_run=True, server=server))
    while not (await asyncio.wait([looking], timeout=LOOK_S))[0]:
        line.at(round(clock.monotonic() - began))
    return looking.result()


def _withhold(config: Config, url: str, what: Kept, before: datetime, dry_run: bool) -> int:
    """Delete words, numbers or recordings of calls that stay. Returns how many recordings are left."""
    from ..store import withhold

    delete = (lambda recording: True) if dry_run else deleter(config.recording.directory)
    with ProgressLine(f"deleting {what}, calls") as line:
        server = config.store.server_name
        gone = asyncio.run(withhold(url, what, before, delete, server=server, dry_run=dry_run, progress=line.at))
    click.echo(f"{'would delete' if dry_run else 'deleted'} the {what} of {counted(gone.calls, 'call')}")
    if gone.elsewhere:
        click.echo(f"{counted(gone.elsewhere, 'recording')} on other servers stay. Run this there.", err=True)
    return len(gone.failed)


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


def deleter(directory: str) -> Callable[[str], bool]:
    """Deletes a recording and says whether it is gone."""
    root = Path(directory).resolve()

    def delete(recording: str) -> bool:
        path = Path(recording).resolve()
        return not path.is_file() or (inside(root, path) and deleted(path, root))

    return delete
