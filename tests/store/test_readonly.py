"""Reading a database: what is loaded for it, and how a question is given up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bargein.store import Store
from bargein.store.readonly import ReadOnly

SLOW = ("numpy", "sqlalchemy.orm", "sqlalchemy.ext.asyncio", "aiosqlite", "rich", "jinja2", "starlette")
READ = """
import sys
from bargein.cli import cli
for command in (["calls"], ["show", "last"], ["interruptions"], ["stats"], ["export"]):
    cli([*command, "--db", sys.argv[1]], standalone_mode=False)
print("loaded:", *(name for name in sys.argv[2:] if name in sys.modules), file=sys.stderr)
"""
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT begun() UNION ALL SELECT x + 1 FROM n LIMIT 100000000) SELECT max(x) FROM n"


async def test_commands_that_read_load_nothing_that_is_slow_to_load(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    store.call_started("c")
    await store.close()
    command = [sys.executable, "-c", READ, str(tmp_path / "a.db"), *SLOW]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "loaded:"


async def test_a_question_that_is_cancelled_ends_at_once(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    begun, ended, errors = threading.Event(), threading.Event(), list[str]()

    def question(connection: Connection) -> None:
        def begin() -> int:
            begun.set()
            return 1

        connection.connection.driver_connection.create_function("begun", 0, begin)  # type: ignore[union-attr]
        try:
            connection.exec_driver_sql(ENDLESS).all()
        except OperationalError as error:
            errors.append(str(error.orig))
        ended.set()

    database = ReadOnly(f"sqlite:///{tmp_path}/a.db")
    asking = asyncio.create_task(database.ask(question))
    assert await asyncio.to_thread(begun.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(ended.wait, 60)
    assert errors == ["interrupted"]
    await database.close()
    await store.close()
