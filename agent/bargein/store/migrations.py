"""How a database gets its tables: migrations, each in one transaction, from every older schema to the newest.

To change the tables, append a migration here and change schema.py. Never edit one that was released.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from ..errors import UserError
from . import derive
from .failures import is_away
from .schema import calls, interruptions, turns, versions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Only(NamedTuple):
    """A statement for one of the two databases."""

    dialect: str  # sqlite | postgresql
    sql: str


Fill = Callable[["AsyncConnection"], Awaitable[None]]
Migration = Sequence[str | Only | Fill]  # a plain statement is one that both databases understand


def _create(table: str, key: str, texts: str, integers: str, more: Sequence[str] = ()) -> str:
    columns = [f"{name} TEXT NOT NULL DEFAULT ''" for name in texts.split()]
    columns += [f"{name} INTEGER NOT NULL DEFAULT 0" for name in integers.split()]
    return f"CREATE TABLE {table} ({', '.join([*columns, *more])}, PRIMARY KEY ({key}))"


def _add(table: str, column: str) -> str:
    return f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT ''"


def _add_integer(table: str, column: str) -> str:
    return f"ALTER TABLE {table} ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"


FILTER_COLUMNS = (
    "started_at, queue, dialogue, outcome, caller, called, duration_ms, interruption_count, steps, number, id"
)
CALL_START = "(SELECT nullif(started_at, '') FROM calls WHERE calls.id = interruptions.call_id)"
ONSET_IN_SQLITE = (
    f"coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', {CALL_START}, (onset_ms / 1000.0) || ' seconds'), logged_at)"
)
ONSET_IN_POSTGRESQL = (
    f"coalesce(to_char(({CALL_START}::timestamptz + onset_ms * interval '1 ms') AT TIME ZONE 'UTC', "
    '\'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\'), logged_at)'
)

# FTS5 merges only when said.py tells it to, and only 16 parts of like size, so that a large part is never merged
MERGES = (("automerge", 0), ("crisismerge", 1000), ("usermerge", 16))

MIGRATIONS: Sequence[Migration] = (
    (
        _create(
            "calls",
            "id",
            "id started_at ended_at caller caller_name called queue dialogue outcome exten summary server recording",
            "duration_ms",
        ),
        "CREATE INDEX calls_started_at ON calls (started_at)",
        _create(
            "turns",
            "call_id, seq",
            "call_id speaker text heard_text unheard_text step cut_word words logged_at",
            "seq started_ms ended_ms cut_played_ms",
            ["confidence DOUBLE PRECISION"],
        ),
        "CREATE INDEX turns_logged_at ON turns (logged_at)",
        _create(
            "interruptions",
            "id",
            "id call_id step agent_text heard_text unheard_text cut_word caller_text kind resolution logged_at",
            "turn_seq onset_ms paused_ms silent_ms detect_latency_ms stop_latency_ms played_ms",
            ["decided_ms INTEGER", "evidence DOUBLE PRECISION NOT NULL DEFAULT 0"],
        ),
        "CREATE INDEX interruptions_call_id ON interruptions (call_id)",
        "CREATE INDEX interruptions_logged_at ON interruptions (logged_at)",
    ),
    (
        *(_add("calls", column) for column in ("slots", "last_step", "run", "steps")),
        *(_add_integer("calls", column) for column in ("turn_count", "interruption_count", "forgotten")),
        "ALTER TABLE calls ADD COLUMN number INTEGER",
        _add("interruptions", "at"),
        _create("day_figures", "day, queue, dialogue", "day queue dialogue figures", ""),
        Only("sqlite", "CREATE VIRTUAL TABLE said USING fts5(words, tokenize = 'unicode61 remove_diacritics 2')"),
        Only("postgresql", "CREATE TABLE said (call_id TEXT PRIMARY KEY, words TSVECTOR NOT NULL)"),
        Only("postgresql", "CREATE INDEX said_words ON said USING gin (words)"),
        "CREATE INDEX calls_number ON calls (number)",
        Only("sqlite", f"UPDATE interruptions SET at = {ONSET_IN_SQLITE}"),
        Only("postgresql", f"UPDATE interruptions SET at = {ONSET_IN_POSTGRESQL}"),
        derive.everything,
        "DROP INDEX calls_started_at",
        # SQLite answers every filter, and counts what it finds, from this index alone. PostgreSQL limits the size of
        # an index row, and reads the table in parallel instead.
        Only("sqlite", f"CREATE INDEX calls_started_at ON calls ({FILTER_COLUMNS})"),
        Only("postgresql", "CREATE INDEX calls_started_at ON calls (started_at, id)"),
        "CREATE INDEX calls_caller ON calls (caller)",
        "CREATE INDEX interruptions_at ON interruptions (at, kind, stop_latency_ms, call_id, step)",
    ),
    (
        *(_add("calls", column) for column in ("cause", "uniqueid", "linkedid", "channel")),
        "CREATE INDEX calls_linkedid ON calls (linkedid)",
    ),
    (
        *(_add("calls", column) for column in ("trunk", "codec")),
        "CREATE INDEX calls_uniqueid ON calls (uniqueid)",
        "CREATE INDEX calls_trunk ON calls (trunk, started_at)",
    ),
    (
        *(_add("calls", column) for column in ("after_queue", "after_exten", "after_status", "member", "hung_up_by")),
        *(f"ALTER TABLE calls ADD COLUMN {column} INTEGER" for column in ("waited_ms", "talked_ms", "hangup_cause")),
        "DELETE FROM day_figures",  # the server makes them again, with what became of the calls
    ),
    (
        *(
            f"ALTER TABLE turns ADD COLUMN {name} INTEGER"
            for name in ("endpoint_ms", "recognition_ms", "planning_ms", "synthesis_ms", "wait_ms")
        ),
        "DELETE FROM day_figures",  # without these waits; they are made again
    ),
    (
        _add("calls", "removed"),
        *(Only("sqlite", f"INSERT INTO said (said, rank) VALUES ('{name}', {value})") for name, value in MERGES),
        Only("sqlite", "INSERT INTO said (said) VALUES ('optimize')"),
    ),
    ("DELETE FROM day_figures",),  # without misunderstood phrases; they are made again
    (_add("calls", "answered_by"),),
    (_create("callbacks", "call_id", "call_id phone wanted note logged_at done_at", ""),),
    (_create("live", "run", "run at calls", ""),),
    (  # what became of calls is counted from the index, too
        Only("sqlite", "DROP INDEX calls_started_at"),
        Only("sqlite", f"CREATE INDEX calls_started_at ON calls ({FILTER_COLUMNS}, ended_at, after_status)"),
    ),
    (  # every search and order of interruptions has an index with all that it needs
        "DROP INDEX interruptions_at",
        "CREATE INDEX interruptions_at ON interruptions (at, kind, stop_latency_ms, call_id, step, detect_latency_ms)",
        "CREATE INDEX interruptions_step ON interruptions (step, at, kind, stop_latency_ms)",
        "CREATE INDEX interruptions_silent ON interruptions (stop_latency_ms, at, kind, step)",
    ),
)

LOCK_KEY = 0x62617267  # any number that only we use: "barg"


def version(connection: Connection) -> int:
    """The schema's version; 0 for an empty database. Raises UserError if the tables are not ours."""
    tables = set(connection.dialect.get_table_names(connection))
    if versions.name in tables:
        found = connection.execute(select(versions.c.version).order_by(versions.c.version.desc()).limit(1))
        return int(found.scalar() or 0)
    if tables & {calls.name, turns.name, interruptions.name}:
        raise UserError("the database has tables of another program: point [store] url at a new one")
    return 0


def refuse_newer(found: int, known: int, name: str) -> None:
    """Raises UserError when the database was made by a later version of this program."""
    if found > known:
        raise UserError(f"{name}: made by a newer bargein (schema {found}, this one knows {known}): upgrade bargein")


async def migrate(
    engine: AsyncEngine, name: str, applied_at: str, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the database up to date, each migration and its record in one transaction.

    Two processes may do this at once: the second waits for the first's transaction, then finds nothing to do.
    """
    for wanted in range(1, len(migrations) + 1):
        async with engine.connect() as connection:
            await connection.execution_options(begin="BEGIN IMMEDIATE")
            async with connection.begin():
                if engine.dialect.name == "postgresql":
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
                found = await connection.run_sync(version)
                refuse_newer(found, len(migrations), name)
                if found >= wanted:
                    continue
                if found == 0:
                    await connection.run_sync(lambda sync: versions.create(sync, checkfirst=True))
                try:
                    for step in migrations[wanted - 1]:
                        await _apply(connection, step)
                except DBAPIError as error:
                    if is_away(error):
                        raise
                    raise UserError(f"{name}: cannot be brought to schema {wanted}: {error.orig}") from error
                await connection.execute(versions.insert().values(version=wanted, applied_at=applied_at))


async def _apply(connection: AsyncConnection, step: str | Only | Fill) -> None:
    if callable(step):
        await step(connection)
        return
    if isinstance(step, Only):
        if step.dialect != connection.dialect.name:
            return
        step = step.sql
    await connection.exec_driver_sql(step)
