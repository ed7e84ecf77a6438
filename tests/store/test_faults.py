"""Faults of the database and of the process: what the log has afterwards. docs/durability.md lists them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.records import Turn
from bargein.store import CallFilter, Reader, Store
from bargein.store.failures import is_away, is_refusal
from bargein.store.spool import Spool
from tests.store.postgresql import Cluster
from tests.store.victim import cut

VICTIM = [sys.executable, str(Path(__file__).with_name("victim.py"))]
ROOT = Path(__file__).parents[2]


@contextmanager
def victim(*words: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'agent'}:{ROOT}"}
    process = subprocess.Popen([*VICTIM, *words], stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def put_before(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Kill the process after `seconds`; the ids that it had put a second before that."""
    assert process.stdout is not None
    until, seen = time.monotonic() + seconds, []
    while time.monotonic() < until:
        seen.append((process.stdout.readline().strip(), time.monotonic()))
    process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    process.wait()
    return [name for name, at in seen if at < killed - 1.0]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("COMMIT")
        other.close()


async def ids(url: str) -> list[str]:
    async with await Reader.open(url) as log:
        return [row.interruption.id for row in await log.interruptions(descending=False)]


@pytest.mark.parametrize("away", [False, True], ids=["healthy", "locked"])
async def test_kill_9_loses_no_interruption_that_is_a_second_old(away: bool, tmp_path: Path) -> None:
    file, spool = tmp_path / "calls.db", tmp_path / "spool"
    url = f"sqlite:///{file}"
    with victim(url, str(spool)) as process:
        await asyncio.sleep(0.5)
        if away:
            with locked(file):
                due = await asyncio.to_thread(put_before, process, 2.5)
        else:
            due = await asyncio.to_thread(put_before, process, 2.5)
    assert len(due) > 20
    store = await Store.open(url, spool=str(spool))
    assert await store.flush(timeout_s=10)
    await store.close()
    found = await ids(url)
    assert set(due) <= set(found)
    assert len(found) == len(set(found))
    assert found == sorted(found, key=lambda name: int(name.partition("-")[2]))
    assert not list(spool.glob("*"))
    async with await Reader.open(url) as log:
        call = await log.call("c1")
        newest = max(row.interruption.silent_ms for row in await log.interruptions())
        assert (call.outcome, call.last_step, call.duration_ms) == ("crashed", "offer", max(2500, newest))
        assert call.ended_at is not None
        assert [c.id for c in await log.calls(CallFilter(outcome="crashed"))] == ["c1"]


async def test_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    file, spool = tmp_path / "calls.db", tmp_path / "spool"
    url = f"sqlite:///{file}"
    with victim(url, str(spool), "3"):
        await asyncio.sleep(1.0)
        store = await Store.open(url, spool=str(spool))
        await asyncio.sleep(0.5)
        assert (await store.call("c1")).outcome == ""
        assert len(list(spool.iterdir())) == 2
        await store.close()


async def test_a_locked_database_with_10000_rows_costs_the_event_loop_nothing(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/calls.db")
    await asyncio.sleep(0.3)
    with locked(tmp_path / "calls.db"):
        for number in range(10_000):
            store.turn("c1", Turn(number, "caller", 0, 900, "a" * 60, "a" * 60))
        longest, until = 0.0, time.monotonic() + 3.0
        while time.monotonic() < until:
            before = time.thread_time()  # of this thread: what the loop itself spends
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - before)
    assert longest < 0.005
    assert await store.flush(timeout_s=30)
    await store.close()
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        assert connection.execute("SELECT count(*) FROM turns").fetchone() == (10_000,)


async def test_a_database_that_is_deleted_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "calls.db"
    store = await Store.open(f"sqlite:///{file}")
    store.interruption(cut(0, "c1"))
    assert await store.flush()
    for path in (file, file.with_name("calls.db-wal"), file.with_name("calls.db-shm")):
        path.unlink(missing_ok=True)
    store.interruption(cut(1, "c1"))
    assert await store.flush(timeout_s=10)
    await store.close()
    assert await ids(f"sqlite:///{file}") == ["c1-1"]


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from bargein.store import Store
from tests.store.victim import cut

async def main(folder):
    url = f"sqlite:///{folder}/calls.db"
    warm = await Store.open(url)
    await warm.close()
    os.chmod(f"{folder}/calls.db", 0o444)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.setuid(65534)
    store = await Store.open(url)
    for number in range(50):
        store.interruption(cut(number, "c1"))
    assert not await store.flush(timeout_s=1.5)
    assert store.failing and store.dropped == 0
    await store.close(timeout_s=1)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


async def test_a_read_only_database_is_written_when_it_can_be(public: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'agent'}:{ROOT}"}
    made = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", READ_ONLY, str(public)], env=env, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "cannot write" in made.stderr
    (public / "calls.db").chmod(0o640)
    store = await Store.open(f"sqlite:///{public}/calls.db")
    assert await store.flush()
    await store.close()
    assert len(await ids(f"sqlite:///{public}/calls.db")) == 50


async def test_the_spool_is_bounded_and_drops_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "calls.db"
    store = await Store.open(f"sqlite:///{file}", queue=100, spool_mb=1)
    with locked(file):
        for number in range(3000):
            store.interruption(cut(number, "c1"))
            await asyncio.sleep(0.002 if number % 50 == 0 else 0)
        await asyncio.sleep(1.0)
        size = sum(path.stat().st_size for path in (tmp_path / "calls.db-spool").rglob("*.rows"))
        assert 0 < size <= 1024 * 1024
        assert store.dropped > 0
        assert store.dropped + store.backlog == 3000
    assert await store.flush(timeout_s=20)
    dropped = store.dropped
    await store.close()
    assert len(await ids(f"sqlite:///{file}")) == 3000 - dropped
    assert f"{dropped} rows were lost" in caplog.text


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10_000)
    spool.open()
    path = spool.save([("calls", {"id": "c1"}), ("calls", {"id": "c2"})])
    assert path is not None
    path.write_bytes(path.read_bytes()[:-5])
    assert spool.load(path) == [("calls", {"id": "c1"})]


def test_a_spool_that_cannot_be_made_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", 10_000)
    assert spool.open() == []
    assert spool.save([("calls", {"id": "c1"})]) is None
    assert len(caplog.records) == 1


def test_what_is_no_run_in_the_spool_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "spool"
    (directory / "a-run").mkdir(parents=True)
    (directory / "a-run" / "lock").symlink_to(directory / "a-run" / "lock")  # cannot be opened, by root either
    (directory / "notes.txt").write_text("")
    (directory / "gone").symlink_to(directory / "nowhere")
    spool = Spool(directory, 10_000)
    assert spool.open() == []
    assert spool.save([("calls", {"id": "c1"})]) is not None
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["store"] * 2


def test_a_batch_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100)
    spool.open()
    path = spool.save([("calls", {"id": "c1"})])
    assert spool.save([("calls", {"id": "x" * 100})]) is None
    assert path is not None
    assert [json.loads(line) for line in path.read_text().splitlines()] == [["calls", {"id": "c1"}]]
    spool.remove(path)
    assert spool.save([("calls", {"id": "c2"})]) is not None  # there is room again


async def test_a_server_whose_postgresql_is_down_comes_up_and_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.fresh()
    await asyncio.to_thread(cluster.stop)
    with victim(url, str(tmp_path / "spool")) as process:
        due = await asyncio.to_thread(put_before, process, 2.5)
    assert len(due) > 20
    store = await Store.open(url, spool=str(tmp_path / "spool"))
    assert store.failing
    store.interruption(cut(0, "c2"))
    assert not await store.flush(timeout_s=0.5)
    await asyncio.to_thread(cluster.start)
    assert await store.flush(timeout_s=20)
    await store.close()
    found = await ids(url)
    assert set(due) <= set(found)
    assert "c2-0" in found
    async with await Reader.open(url) as log:
        assert (await log.call("c1")).outcome == "crashed"


async def test_postgresql_restarted_under_load_loses_no_row(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.fresh()
    store = await Store.open(url, spool=str(tmp_path / "spool"))
    put = 0

    async def load() -> None:
        nonlocal put
        while True:
            store.interruption(cut(put, "c1"))
            put += 1
            await asyncio.sleep(0.003)

    task = asyncio.create_task(load())
    for _ in range(3):
        await asyncio.sleep(0.7)
        await asyncio.to_thread(cluster.stop)
        await asyncio.sleep(0.7)
        await asyncio.to_thread(cluster.start)
    await asyncio.sleep(0.5)
    task.cancel()
    assert await store.flush(timeout_s=20)
    assert store.dropped == 0
    await store.close()
    assert len(await ids(url)) == put > 500


async def test_a_clock_that_is_set_back_in_a_call_changes_no_time_in_its_rows(tmp_path: Path) -> None:
    class SetBack(SystemClock):
        day = began = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

        def utc(self) -> datetime:
            return self.day

    clock = SetBack()
    store = await Store.open(f"sqlite:///{tmp_path}/calls.db", clock=clock)
    store.call_started("c1")
    clock.day -= timedelta(hours=1)
    store.interruption(cut(0, "c1"))
    store.call_ended("c1", outcome="queue", duration_ms=60_000)
    await store.close()
    with sqlite3.connect(tmp_path / "calls.db") as database:
        times = database.execute("SELECT started_at, at, ended_at FROM calls JOIN interruptions ON call_id = calls.id")
        started, at, ended = map(datetime.fromisoformat, times.fetchone())
    assert started == clock.began
    assert at == started + timedelta(milliseconds=cut(0, "c1").onset_ms)
    assert ended == started + timedelta(minutes=1)


def test_a_drivers_error_is_a_failure_and_no_bad_row() -> None:
    import asyncpg

    for error in (
        asyncpg.InterfaceError("cannot perform operation: connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        ConnectionResetError(),
        TimeoutError(),
        sqlite3.OperationalError("database is locked"),
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
        ValueError("no active connection"),
    ):
        assert not is_refusal(error), error
    for error in (
        asyncpg.NumericValueOutOfRangeError("integer out of range"),
        asyncpg.DataError("invalid input for query argument $1"),
        sqlite3.IntegrityError("NOT NULL constraint failed"),
        OverflowError("Python int too large to convert to SQLite INTEGER"),
    ):
        assert is_refusal(error), error
    assert is_away(asyncpg.CannotConnectNowError("the database system is starting up"))
    assert not is_away(asyncpg.InvalidPasswordError("password authentication failed"))
    assert not is_away(asyncpg.InvalidCatalogNameError('database "x" does not exist'))
