"""Opens a database: SQLite with aiosqlite or in a thread, PostgreSQL with asyncpg."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from ..errors import UserError
from ..machine import install_extra
from .url import SQLITE, sqlite_file, sqlite_uri

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_S = 5.0  # how long one statement waits for another process's lock
RETRY_S = 0.01
CACHE_KIB = 65_536  # SQLite: a query of a large log reads many more pages than the default of 2 MB holds
CONNECT_S = 5.0  # PostgreSQL: how long a connection may take
COMMAND_S = 30.0  # PostgreSQL: how long a statement may take
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
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
    if made.drivername == "sqlite":
        raise UserError(f"[store] url: write three slashes: sqlite:///{url.partition('://')[2] or 'FILE'}", 2)
    if "@" in (made.host or ""):  # and what is before it belongs to the password
        raise UserError("[store] url: write a @ in the user or in the password as %40, a / as %2F", 2)
    if made.port is not None and not 0 < made.port < 65536:
        raise UserError(f"[store] url: no such port {made.port}", 2)
    return made.set(drivername=DRIVERS[made.drivername])


def shown(url: str) -> str:
    """The database's name for a person: the file, or the URL without its password."""
    made = parsed(url)
    if made.drivername.startswith("sqlite"):
        return made.database or ":memory:"
    return made.set(drivername="postgresql").render_as_string(hide_password=True)


def connect(url: str, *, pool: int = 2) -> AsyncEngine:
    """An engine of at most `pool` connections, whose transactions include CREATE TABLE. It connects at the first use.

    Raises UserError.
    """
    from sqlalchemy.ext.asyncio import create_async_engine  # loads slowly, so a command that only reads does without

    made = parsed(url)
    if made.drivername.startswith("postgresql"):
        limits = {"timeout": CONNECT_S, "command_timeout": COMMAND_S}
        try:
            return create_async_engine(
                made, connect_args=limits, pool_size=pool, max_overflow=0, pool_pre_ping=True, hide_parameters=True
            )
        except ModuleNotFoundError as error:
            raise UserError(f"PostgreSQL needs asyncpg: {install_extra('postgresql')}") from error
    if file := sqlite_file(url):
        made = made.set(database=sqlite_uri(file), query={"uri": "true", "mode": "rw"})
    engine = create_async_engine(made, connect_args={"timeout": BUSY_S}, hide_parameters=True)
    _prepare_sqlite(engine)
    return engine


def connect_to_read(url: str) -> Engine:
    """An engine for SQLite that changes nothing; a connection is used by one thread at a time."""
    made = URL.create("sqlite+pysqlite", database=":memory:")
    if file := sqlite_file(url):
        made = made.set(database=sqlite_uri(file), query={"uri": "true", "mode": "ro", **_still(file)})
    engine = create_engine(made, connect_args={"timeout": BUSY_S}, hide_parameters=True)

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: _begin(connection, "BEGIN"))
    return engine


def connect_in_thread(url: str) -> Engine:
    """An engine for SQLite that runs a whole transaction in one thread: every switch between threads would make the
    time longer for which it locks others out. Transactions begin with the lock. A commit does not wait for the disk
    and leaves the write-ahead log as it is: whoever commits must empty it. What is deleted is overwritten with zeroes.
    """
    file = sqlite_file(url)
    assert file is not None
    made = URL.create("sqlite+pysqlite", database=sqlite_uri(file), query={"uri": "true", "mode": "rw"})
    engine = create_engine(made, connect_args={"timeout": BUSY_S}, hide_parameters=True)

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (f"cache_size=-{CACHE_KIB}", "synchronous=NORMAL", "secure_delete=ON", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: _begin(connection, "BEGIN IMMEDIATE"))
    return engine


def _begin(connection: Connection, how: str) -> None:
    """Begin a transaction, unless this connection's options say otherwise."""
    if begin := connection.get_execution_options().get("begin", how):
        connection.exec_driver_sql(begin)


async def listening(url: str, channel: str, changed: Callable[[], object]) -> Any:
    """A PostgreSQL connection that calls `changed` at every notice on the channel. Raises what asyncpg raises."""
    import asyncpg

    name = parsed(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(name, timeout=CONNECT_S)
    await connection.add_listener(channel, lambda *_: changed())
    return connection


def create_file(url: str) -> None:
    """Make the file of an SQLite database that is not there yet. Only its owner and group can read it: it will hold
    what callers say. SQLite's -wal and -shm files get the same mode.

    Raises UserError, or OSError if it may well be possible later.
    """
    file = sqlite_file(url)
    if file is None or os.path.exists(file):
        return
    try:
        file.touch(mode=0o640)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise UserError(f"{file}: the database cannot be created: {error.strerror}") from error


def _still(file: Path) -> dict[str, str]:
    """Options for a person who may read the file but not write beside it, while nobody writes: WAL would need to."""
    quiet = not os.path.exists(f"{file}-wal")
    return {"immutable": "1"} if quiet and not os.access(file.absolute().parent, os.W_OK) else {}


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Explicit BEGIN, because sqlite3 begins no transaction before DDL. WAL, so that readers never block the writer."""

    def on_connect(connection: Any, _record: object) -> None:
        try:
            set_up(connection)
        except BaseException:  # no database; SQLAlchemy may leave it open, and its thread keeps the process alive
            connection.close()
            raise

    def set_up(connection: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.run_async(_into_wal)
        cursor.execute("PRAGMA synchronous=FULL")  # a commit outlives a power cut
        cursor.execute("PRAGMA secure_delete=FAST")
        cursor.close()

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", lambda connection: _begin(connection, "BEGIN"))


async def _into_wal(connection: Any) -> None:
    """If another process does the same, SQLite reports "locked" at once, because waiting could deadlock: try again."""
    until = asyncio.get_running_loop().time() + BUSY_S
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or asyncio.get_running_loop().time() >= until:
                raise
        await asyncio.sleep(RETRY_S)
