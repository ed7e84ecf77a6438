"""`bargein forget`: delete every call of a caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..config import Config
from ..errors import UserError
from .log import database, with_log
from .options import log_options
from .prune import deleted, exists, inside
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
    root = Path(config.recording.directory).resolve()

    def delete(recording: str) -> bool:
        path = Path(recording).resolve()
        return not path.is_file() or (inside(root, path) and deleted(path, root))

    gone = asyncio.run(forget(url, number, delete, server=config.store.server_name))
    click.echo(f"deleted {counted(gone.calls, 'call')}, {counted(gone.recordings, 'recording')}")
    if gone.elsewhere:
        click.echo(f"{gone.elsewhere} recordings are on other servers: run `bargein prune` there", err=True)
    if gone.failed:
        raise UserError(f"{len(gone.failed)} recordings could not be deleted; their calls stay in the log")
