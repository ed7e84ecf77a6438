"""Access to the call log: which database, and questions to it. Loads the database library only when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..config import Config
from ..errors import UserError
from ..store.url import database_url

if TYPE_CHECKING:
    from ..store import Reader

Result = TypeVar("Result")


def database(config_path: Path | None, db: str | None) -> str:
    """The URL of the database that the options and the configuration name. Raises UserError."""
    return as_url(db) if db is not None else Config.load(config_path).store.url


def as_url(db: str) -> str:
    """The URL for the value of `--db`: a file or a URL. Raises UserError."""
    if not db:
        raise UserError("--db needs a file or a URL", 2)
    if Path(db).is_dir():
        raise UserError(f"--db: {db} is a directory, not a database", 2)
    return database_url(db)


def with_log(url: str, ask: Callable[[Reader], Awaitable[Result]]) -> Result:
    """Open the log, return the answer of `ask`, and close the log. Raises UserError."""
    from ..store import Reader

    async def run() -> Result:
        async with await Reader.open(url) as log:
            return await ask(log)

    return asyncio.run(run())
