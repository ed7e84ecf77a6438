"""Access to the call log: which database, and questions to it. Loads the database library only when asked."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import UserError
from ..store.url import database_url

if TYPE_CHECKING:
    from ..store import Reader
    from ..store.filters import CallFilter

Result = TypeVar("Result")


def database(config_path: Path | None, db: str | None) -> str:
    """The URL of the database that the options and the configuration name. Raises UserError."""
    if db is not None:
        return as_url(db)
    from ..config import Config

    return Config.load(config_path).store.url


def as_url(db: str) -> str:
    """The URL for the value of `--db`: a file or a URL. Raises UserError."""
    if not db:
        raise UserError("--db needs a file or a URL", 2)
    if Path(db).is_dir():
        raise UserError(f"--db: {db} is a directory, not a database", 2)
    return database_url(db)


async def unknown_queue(log: Reader, which: CallFilter) -> str:
    """For a list without rows: `; no queue 'sales': the log has billing, support` if the filter's queue has no call."""
    queues = await log.queues() if which.queue else []
    if not which.queue or which.queue in queues:
        return ""
    return f"; no queue {which.queue!r}: the log has {', '.join(queues) or 'none'}"


def with_log(url: str, ask: Callable[[Reader], Awaitable[Result]], *, redact: bool = False) -> Result:
    """Open the log, return the answer of `ask`, and close the log. `redact`: without words, numbers and recordings.

    Raises UserError.
    """
    loaded = "bargein.store.reader" in sys.modules
    gc.disable()  # it would look for garbage among all that a library makes when it loads
    from ..store import Reader
    from ..store.privacy import REDACTED

    if not loaded:
        gc.freeze()  # nor later: while `prune` deletes, a look at all of it would hold up a writer
    gc.enable()

    async def run() -> Result:
        async with await Reader.open(url) as log:
            log.shows = REDACTED if redact else log.shows
            return await ask(log)

    return asyncio.run(run())
