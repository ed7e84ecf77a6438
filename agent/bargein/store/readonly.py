"""Asks a database and changes nothing.

SQLite answers in a thread. So a command that reads a file loads none of the libraries for asynchronous databases, which
take longer to load than the answer takes. PostgreSQL answers through asyncpg.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from .connect import connect, connect_to_read, parsed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

Result = TypeVar("Result")


class ReadOnly:
    """The database at `url`. It connects at the first question. Raises UserError for a URL that is none."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = parsed(url).get_backend_name()  # sqlite | postgresql
        self._file: Engine | None = connect_to_read(url) if self.dialect == "sqlite" else None
        self._server: AsyncEngine | None = connect(url) if self._file is None else None

    async def ask(self, question: Callable[[Connection], Result]) -> Result:
        """The answer of `question`, which gets a connection. Raises what the driver raises."""
        if self._server is not None:
            async with self._server.connect() as connection:
                return await connection.run_sync(question)
        assert self._file is not None
        engine, asked = self._file, list[Connection]()

        def ask() -> Result:
            with engine.connect() as connection:
                asked.append(connection)
                return question(connection)

        try:
            return await asyncio.to_thread(ask)
        except asyncio.CancelledError:
            for busy in asked:  # else the thread, and with it the process, would go on until the answer
                with contextlib.suppress(SQLAlchemyError):  # it has just been closed
                    busy.connection.driver_connection.interrupt()  # type: ignore[union-attr]
            raise

    async def hold(self) -> Connection:
        """SQLite: a connection outside any transaction."""
        assert self._file is not None
        return await asyncio.to_thread(lambda engine: engine.connect().execution_options(begin=""), self._file)

    async def close(self) -> None:
        """Disconnect."""
        if self._server is not None:
            await self._server.dispose()
        if self._file is not None:
            self._file.dispose()
