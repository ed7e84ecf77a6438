"""A database that an older version made, in every older schema, comes to hold what this version expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bargein.store import CallFilter, Reader, Store
from bargein.store.connect import connect, create_file
from bargein.store.migrations import MIGRATIONS, migrate

OLD_ROWS = (
    "INSERT INTO calls (id, started_at, ended_at, caller, outcome, duration_ms) VALUES "
    "('c1', '2026-03-01T09:30:00.125Z', '2026-03-01T09:31:00.125Z', '+491', 'queue', 60000), "
    "('c2', '2026-03-01T10:30:00.000Z', '', '+492', '', 0)",
    "INSERT INTO turns (call_id, seq, speaker, text, heard_text, step) VALUES "
    "('c1', 0, 'agent', 'Which mug would you like?', 'Which mug', 'offer'), "
    "('c1', 1, 'caller', 'the blue one', 'the blue one', ''), ('c1', 2, 'agent', 'Fine.', 'Fine.', 'end'), "
    "('c2', 0, 'agent', 'Hello.', 'Hello.', 'offer')",
    "INSERT INTO interruptions (id, call_id, onset_ms, kind, logged_at) VALUES "
    "('i1', 'c1', 4100, 'correct', '2026-03-01T09:30:05.000Z'), "
    "('i2', 'c1', 70500, 'noise', '2026-03-01T09:31:11.000Z'), "
    "('i3', 'lost', 4100, 'correct', '2026-03-01T11:00:00.000Z')",
)


@pytest.mark.parametrize("older", range(1, len(MIGRATIONS)))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_an_older_schema_is_brought_up_to_date(
    kind: str, older: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/calls.db" if kind == "sqlite" else request.getfixturevalue("cluster").fresh()
    create_file(url)
    engine = connect(url)
    await migrate(engine, "old", "2026-03-01", MIGRATIONS[:older])
    async with engine.begin() as connection:
        for statement in OLD_ROWS:
            await connection.execute(text(statement))
    await engine.dispose()
    await (await Store.open(url)).close()
    async with await Reader.open(url) as log:
        c2, c1 = await log.calls()
        if older == 1:
            assert (c1.turns, c1.interruptions, c1.steps) == (3, 1, ("offer", "end"))
            assert (c2.turns, c2.interruptions, c2.steps) == (1, 0, ("offer",))
            assert [call.id for call in await log.calls(CallFilter(text="mug blue"))] == ["c1"]
            times = [row.at.isoformat() for row in await log.interruptions()]
            assert times == [f"2026-03-01T{at}+00:00" for at in ("11:00:00", "09:31:10.625000", "09:30:04.225000")]
        assert (c1.slots, c1.last_step) == ({}, "")
        assert len(await log.turns("c1")) == 3
