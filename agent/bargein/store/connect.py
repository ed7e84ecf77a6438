"""Opening a database: SQLite through aiosqlite, PostgreSQL through asyncpg, and one clear line when it cannot be."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..errors import UserError
from .url import SQLITE, sqlite_file, sqlite_uri

BUSY_S = 5.0  # how long one statement waits for another process's lock
RETRY_S = 0.01
CONNECT_S = 5.0  # PostgreSQL: how long a connection may take
COMMAND_S = 30.0  # PostgreSQL: how long a statement may take
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def parsed(url: str) -> URL:
    """The URL with our driver in it. Raises UserError."""
    if url.startswith(SQLITE):
        file = sqlite_file(url)
        return URL.create(DRIVERS["sqlite"], database=":memory:" if file is None else str(file))
    try:
        made = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UserError("[store] url: expected sqlite:///FILE or postgresql://USER@HOST/NAME", 2) from error
    if made.drivername not in DRIVERS:
        raise UserError(f"[store] url: no such database {made.drivername!r}: sqlite or postgresql", 2)
    return made.set(drivername=DRIVERS[made.drivername])


def shown(url: str) -> str:
    """The database's name for a person: the file, or the URL without its password."""
    made = parsed(url)
    if made.drivername.startswith("sqlite"):
        return made.database or ":memory:"
    return made.set(drivername="postgresql").render_as_string(hide_password=True)


def connect(url: str, *, readonly: bool = False) -> AsyncEngine:
    """An engine whose transactions include CREATE TABLE. It connects at the first use. Raises UserError."""
    made = parsed(url)
    if made.drivername.startswith("postgresql"):
        limits = {"timeout": CONNECT_S, "command_timeout": COMMAND_S}
        try:
            return create_async_engine(
                made, connect_args=limits, pool_size=2, max_overflow=3, pool_pre_ping=True, hide_parameters=True
            )
        except ModuleNotFoundError as error:
            raise UserError("PostgreSQL needs asyncpg: pip install 'bargein[postgresql]'") from error
    file = sqlite_file(url)
    if file and not readonly:
        _create(file)
    if file:
        options = {"mode": "ro", **_still(file)} if readonly else {"mode": "rw"}
        made = made.set(database=sqlite_uri(file), query={"uri": "true", **options})
    engine = create_async_engine(made, connect_args={"timeout": BUSY_S}, hide_parameters=True)
    _prepare_sqlite(engine, readonly=readonly)
    return engine


def _create(file: Path) -> None:
    """An empty file that only its owner and group can read: it will hold what callers say. SQLite's -wal and -shm
    files get the same mode."""
    if file.exists():
        return
    try:
        file.touch(mode=0o640)
    except OSError as error:
        raise UserError(f"{file}: the database cannot be created: {error.strerror}") from error


def _still(file: Path) -> dict[str, str]:
    """Options for a person who may read the file but not write beside it, while nobody writes: WAL would need to."""
    quiet = not Path(f"{file}-wal").exists()
    return {"immutable": "1"} if quiet and not os.access(file.absolute().parent, os.W_OK) else {}


def _prepare_sqlite(engine: AsyncEngine, *, readonly: bool) -> None:
    """Explicit BEGIN, for sqlite3 would begin none before DDL; WAL, so that readers never hold up the writer."""

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        if not readonly:
            connection.run_async(_into_wal)
            cursor.execute("PRAGMA synchronous=FULL")  # on disk means on disk: the commit outlives a power cut
        cursor.close()

    def on_begin(connection: Connection) -> None:
        if begin := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)


async def _into_wal(connection: Any) -> None:
    """Where another process does the same, SQLite says "locked" at once, for to wait might be for ever: try again."""
    until = asyncio.get_running_loop().time() + BUSY_S
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or asyncio.get_running_loop().time() >= until:
                raise
        await asyncio.sleep(RETRY_S)


def explained(error: Exception, url: str) -> UserError:
    """One line for a database that cannot be opened or read."""
    name = shown(url)
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    if "not a database" in said:
        return UserError(f"{name}: this file is not a database: move it away, or set [store] url")
    if "unable to open" in said:
        return UserError(f"{name}: the database cannot be opened: is the directory there and may you write in it?")
    if "malformed" in said:
        return UserError(f"{name}: the database is damaged: restore a copy, or try `sqlite3 {name} .recover`")
    if "locked" in said:
        return UserError(f"{name}: the database is locked by another program: try again when it is done")
    return UserError(f"{name}: the database does not answer: {said}")


FAILURES = (DBAPIError, sqlite3.Error, OSError)  # what a database that cannot be used raises


def is_refusal(error: Exception) -> bool:
    """Whether the database refused what a row holds; else it is the database that failed, and may be well again."""
    if not isinstance(error, DBAPIError):
        return not isinstance(error, FAILURES)  # UnicodeEncodeError, OverflowError: before it got that far
    if state := getattr(error.orig, "sqlstate", None):  # PostgreSQL, appendix A: 22 data, 23 integrity
        return str(state)[:2] in ("22", "23")
    if isinstance(error.orig, sqlite3.Error):
        return isinstance(error, (IntegrityError, DataError, ProgrammingError, InterfaceError))
    return error.orig is not None and isinstance(error.orig.__cause__, ValueError)  # asyncpg could not encode it
