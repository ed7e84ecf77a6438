"""Tells when the log has changed, so that who shows it need not ask all the time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Self

from sqlalchemy import Connection

from .connect import listening
from .failures import is_failure
from .readonly import ReadOnly

CHANNEL = "bargein"
NOTIFY = f"NOTIFY {CHANNEL}"  # PostgreSQL sends it when the transaction is committed
LOOK_S = 0.1  # SQLite: how often to look, which reads one number of the file's header
ASK_S = 0.5  # without notices


class Notices:
    """Use as `async with Notices(database) as notices`. PostgreSQL sends notices, whichever server writes.
    SQLite has a number that changes. If neither can be had, `wait` returns now and then."""

    def __init__(self, database: ReadOnly) -> None:
        self._database = database
        self._changed = asyncio.Event()
        self._listener: Any = None
        self._reader: Connection | None = None
        self._seen = 0  # the number of the last time

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            await self._listener.close(timeout=1)
        if self._reader is not None:
            self._reader.close()

    async def wait(self, longest_s: float) -> None:
        """Return when the log has changed since the last time, or after `longest_s`."""
        if self._database.dialect == "sqlite":
            if self._reader is None:
                await self._open()
            await self._look(longest_s)
            return
        if self._listener is None or self._listener.is_closed():
            await asyncio.sleep(min(ASK_S, longest_s))
            await self._open()
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), longest_s)
        self._changed.clear()

    async def _open(self) -> None:
        try:
            if self._database.dialect == "postgresql":
                self._listener = await listening(self._database.url, CHANNEL, self._changed.set)
            else:
                self._reader = await self._database.hold()  # the number changes only outside a transaction
        except Exception as error:
            if not is_failure(error):
                raise

    async def _look(self, longest_s: float) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + longest_s
        while (now := await self._number()) == self._seen and clock() < until:  # noqa: ASYNC110 - SQLite tells nobody
            await asyncio.sleep(LOOK_S)
        self._seen = now

    async def _number(self) -> int:
        if self._reader is None:
            return 0
        reader = self._reader
        try:
            return int(await asyncio.to_thread(lambda: reader.exec_driver_sql("PRAGMA data_version").scalar_one()))
        except Exception as error:
            if not is_failure(error):
                raise
            self._reader.close()
            self._reader = None
            return 0
