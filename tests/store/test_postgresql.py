"""The log in a real PostgreSQL, where this machine has one."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bargein.core.audio.utterance import Word
from bargein.core.turns.records import Interruption, Turn
from bargein.store import Range, Reader, Store, prune, try_to_write, vacuum

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
pytest.importorskip("asyncpg", reason="no asyncpg: pip install 'bargein[postgresql]'")
pytestmark = pytest.mark.skipif(not FOUND, reason="no PostgreSQL server here: apt-get install postgresql")


class Cluster:
    """A server of our own on a free port, which will not run as root."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user)
        self.run("initdb", "-D", f"{directory}/data", "-A", "trust", "-U", "bargein", "--no-sync")
        self.start()
        self.url = f"postgresql://bargein@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *words: str) -> None:
        command = [str(FOUND[-1].parent / program), *words]
        subprocess.run(command, user=self.user, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", f"{self.directory}/data", "-o", options, "-l", f"{self.directory}/log", "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.directory}/data", "-m", "immediate", "-w", "stop")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory() as directory:
        made = Cluster(Path(directory))
        yield made
        made.stop()


def cut(name: str, call_id: str, **more: object) -> Interruption:
    values: dict[str, object] = dict.fromkeys(Interruption.__dataclass_fields__, 0) | {
        "id": name, "call_id": call_id, "decided_ms": None, "kind": "correct", "stop_latency_ms": 120,
    }  # fmt: skip
    for text in ("step", "agent_text", "heard_text", "unheard_text", "cut_word", "caller_text", "resolution"):
        values[text] = text
    return Interruption(**(values | more))  # type: ignore[arg-type]


async def test_the_whole_log(cluster: Cluster) -> None:
    url, began = cluster.url, datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))  # at once, in an empty database
    store = stores[0]
    turn = Turn(0, "agent", 0, 900, "a b", "a", "b", "s", "b", 30, None, (Word("a", 0, 800),))
    for number, node in enumerate(stores):
        node.call_started(f"c{number}", caller="+49\0\ud800", queue="sales", started_at=began + timedelta(hours=number))
        node.turn(f"c{number}", turn)
        node.interruption(cut(f"i{number}", f"c{number}"))
        node.interruption(cut(f"i{number}", f"c{number}", kind="stop", decided_ms=700))
        node.call_ended(f"c{number}", outcome="queue", duration_ms=1000)
    store.interruption(cut("huge", "c0", onset_ms=2**40))  # does not fit: refused, and nothing else with it
    assert all([await node.flush() for node in stores])
    assert [node.dropped for node in stores] == [1, 0, 0, 0]
    for node in stores[1:]:
        await node.close()
    async with await Reader.open(url) as log:
        assert [call.id for call in await log.calls()] == ["c3", "c2", "c1", "c0"]
        assert (await log.call("c1")).caller == "+49\ufffd?"
        assert (await log.turns("c2"))[0].turn == turn
        found = await log.interruptions(Range(since=began + timedelta(hours=1)), kind="stop", slow_ms=100)
        assert [row.interruption.id for row in found] == ["i3", "i2", "i1"]
        assert found[0].interruption == cut("i3", "c3", kind="stop", decided_ms=700)
        stats = await log.stats()
        assert (stats.calls, stats.calls_interrupted, stats.duration_ms) == (4, 4, 4000)
        assert await log.last_logged() is not None
    await try_to_write(url)
    assert (await prune(url, began + timedelta(hours=2))).calls == 2
    await vacuum(url)
    assert [call.id for call in await store.calls()] == ["c3", "c2"]
    await store.close()


async def test_a_server_that_is_away_for_a_while_loses_nothing(cluster: Cluster) -> None:
    store = await Store.open(cluster.url)
    await asyncio.to_thread(cluster.stop)
    for number in range(50):
        store.interruption(cut(f"away{number}", "away"))
    assert not await store.flush(timeout_s=0.5)
    assert store.failing
    await asyncio.to_thread(cluster.start)
    assert await store.flush(timeout_s=15)
    assert (store.dropped, store.failing) == (0, False)
    assert len(await store.interruptions(call_id="away")) == 50
    await store.close()
