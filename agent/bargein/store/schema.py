"""The tables, and the migrations that make them in SQLite and PostgreSQL alike.

Times of day are UTC in ISO 8601 with milliseconds and a Z, as text, so that they sort and compare in both databases;
durations and positions are ms from the start of the call.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..errors import UserError

metadata = MetaData()


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False, server_default="") for name in names]


def _integer(*names: str) -> list[Column[int]]:
    return [Column(name, Integer, nullable=False, server_default="0") for name in names]


calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    *_text("started_at", "ended_at", "caller", "caller_name", "called", "queue", "dialogue", "outcome"),
    *_text("exten", "summary", "server", "recording"),
    *_integer("duration_ms"),
)

turns = Table(
    "turns",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    *_text("speaker", "text", "heard_text", "unheard_text", "step", "cut_word", "words", "logged_at"),
    *_integer("started_ms", "ended_ms", "cut_played_ms"),
    Column("confidence", Float),
)

interruptions = Table(
    "interruptions",
    metadata,
    Column("id", Text, primary_key=True),
    *_text("call_id", "step", "agent_text", "heard_text", "unheard_text", "cut_word", "caller_text"),
    *_text("kind", "resolution", "logged_at"),
    *_integer("turn_seq", "onset_ms", "paused_ms", "silent_ms", "detect_latency_ms", "stop_latency_ms"),
    *_integer("played_ms"),
    Column("decided_ms", Integer),
    Column("evidence", Float, nullable=False, server_default="0"),
)

versions = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Text, nullable=False),
)

Migration = Sequence[str]  # statements that both databases understand


def _create(table: str, key: str, texts: str, integers: str, more: Sequence[str] = ()) -> str:
    columns = [f"{name} TEXT NOT NULL DEFAULT ''" for name in texts.split()]
    columns += [f"{name} INTEGER NOT NULL DEFAULT 0" for name in integers.split()]
    return f"CREATE TABLE {table} ({', '.join([*columns, *more])}, PRIMARY KEY ({key}))"


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
)

LOCK_KEY = 0x62617267  # any number that only we use: "barg"


async def version(connection: AsyncConnection) -> int:
    """The schema's version; 0 for an empty database. Raises UserError if the tables are not ours."""
    tables = await connection.run_sync(lambda sync: set(sync.dialect.get_table_names(sync)))
    if versions.name in tables:
        found = await connection.execute(select(versions.c.version).order_by(versions.c.version.desc()).limit(1))
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
                found = await version(connection)
                refuse_newer(found, len(migrations), name)
                if found >= wanted:
                    continue
                if found == 0:
                    await connection.run_sync(lambda sync: versions.create(sync, checkfirst=True))
                for statement in migrations[wanted - 1]:
                    try:
                        await connection.execute(text(statement))
                    except DBAPIError as error:
                        raise UserError(f"{name}: cannot be brought to schema {wanted}: {error.orig}") from error
                await connection.execute(versions.insert().values(version=wanted, applied_at=applied_at))
