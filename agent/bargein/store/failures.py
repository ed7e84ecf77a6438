"""What a failure of the database means, and its one line: nothing is there, it is away for now, or it refused a row."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import UserError
from .connect import shown

AWAY = ("08", "53", "57")  # PostgreSQL, appendix A: no connection, no resources, shutting down or starting
REFUSED = ("22", "23", "54")  # bad data, a constraint, a limit
SQLITE_AWAY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
)


def explained(error: BaseException, url: str) -> UserError:
    """One line for a database that cannot be opened or read."""
    name = shown(url)
    cause = _cause(error)
    said = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    if "not a database" in said:
        return UserError(f"{name}: this file is not a database: move it away, or set [store] url")
    if "unable to open" in said:
        told = "is its directory there, and may you read and write both?"
        return UserError(f"{name}: the database cannot be opened: {told}")
    if "malformed" in said:
        return UserError(f"{name}: the database is damaged: restore a copy, or try `sqlite3 {name} .recover`")
    if "locked" in said:
        return UserError(f"{name}: the database is locked by another program: try again when it is done")
    return UserError(f"{name}: the database does not answer: {said}")


@contextlib.contextmanager
def explaining(url: str) -> Iterator[None]:
    """Any failure of the database within becomes a UserError, one line."""
    try:
        yield
    except Exception as error:
        if not is_failure(error):
            raise
        raise explained(error, url) from error


def is_failure(error: BaseException) -> bool:
    """Whether a database or its driver raised it. SQLAlchemy 2.0 lets some of asyncpg's own errors through."""
    ours = isinstance(error, (SQLAlchemyError, sqlite3.Error, OSError))
    return ours or type(error).__module__.partition(".")[0] == "asyncpg"


def is_away(error: BaseException) -> bool:
    """Whether the database cannot be used now but perhaps later. False if it is not ours, or no database."""
    cause = _cause(error)
    if state := getattr(cause, "sqlstate", None):
        return str(state)[:2] in AWAY
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in SQLITE_AWAY
    return is_failure(cause)


def is_refusal(error: BaseException) -> bool:
    """Whether the database refused what a row holds. Anything else is a failure, and the row is tried again."""
    cause = _cause(error)
    if state := getattr(cause, "sqlstate", None):
        return str(state)[:2] in REFUSED
    if isinstance(cause, (sqlite3.IntegrityError, sqlite3.DataError)):
        return True
    if isinstance(cause, sqlite3.Error):  # of the other kinds, only that a value has a type that SQLite does not take
        return "binding parameter" in str(cause)
    if type(cause).__module__.startswith("asyncpg"):
        return isinstance(cause, ValueError)  # asyncpg could not encode a value
    return isinstance(cause, (OverflowError, UnicodeError))


def _cause(error: BaseException) -> BaseException:
    """The driver's own error. SQLAlchemy wraps it, and its asyncpg adapter once more."""
    while isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    wrapped = type(error).__module__.startswith("sqlalchemy")
    return error.__cause__ if wrapped and error.__cause__ is not None else error
