"""`bargein forget`: delete every call of a caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..config import Config
from ..errors import UserError
from .log import database, with_log
from .options import log_options
from .progress import ProgressLine
from .prune import deleter, exists
from .terminal import counted


@click.command("forget")
@click.argument("number")
@log_options
def forget_command(number: str, config_path: Path | None, db: str | None) -> None:
    """Delete every call of the caller NUMBER, with all words, the search index and the recordings.

    NUMBER is written as `bargein calls` shows it. The command can be repeated, for example after a crash. Recordings
    that are on other servers are deleted by `bargein prune` or `bargein forget` there.

    \b
    Example:
      bargein forget +15550100
    """
    from ..store import forget

    config, url = Config.load(config_path), database(config_path, db)
    with_log(url, exists)
    delete = deleter(config.recording.directory)
    with ProgressLine("cleaning the search index, steps") as line:
        gone = asyncio.run(forget(url, number, delete, server=config.store.server_name, progress=line.at))
    click.echo(f"deleted {counted(gone.calls, 'call')}, {counted(gone.recordings, 'recording')}")
    if not gone.wiped:
        click.echo("parts of the search index are still in the file, without the caller, until the next `bargein prune "
                   "--vacuum`", err=True)  # fmt: skip
    if gone.elsewhere:
        click.echo(f"{gone.elsewhere} recordings are on other servers: run `bargein prune` there", err=True)
    if gone.failed:
        raise UserError(f"{len(gone.failed)} recordings could not be deleted: run this again; nothing else is left of "
                        "their calls")  # fmt: skip
