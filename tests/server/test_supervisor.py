"""The supervisor alone, with small scripts as workers that speak its messages and carry no calls."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bargein.clock import SystemClock
from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import CallResult
from bargein.server.link import packed_outcome
from bargein.server.registry import CallOutcome, Registry
from bargein.server.supervisor import NoWorker, Supervisor
from tests.waiting import until

# Says "beat" only when it is told to reload. Is not ready as long as there is a file worker.py.wait. Tells of all its
# calls at once, and ends before anybody can have read it.
WORKER = """
import json, os, socket, sys, time
sock = socket.socket(fileno=int(sys.argv[1]))
link, answers = sock.makefile("r"), sock.makefile("w")  # one for both would lose what it has read ahead
calls = []
def say(op, **fields):
    answers.write(json.dumps({"op": op, **fields}) + chr(10))
    answers.flush()
for line in link:
    message = json.loads(line)
    match message["op"]:
        case "start":
            outcome, room = message["outcome"], message["room"]
            while os.path.exists(sys.argv[0] + ".wait"):
                time.sleep(0.01)
            say("ready", port=4000)
            say("beat", calls=0, room=room, reason="", numbers={})
        case "expect":
            calls.append(message["id"])
            say("expecting", id=message["id"])
        case "reload":
            say("beat", calls=len(calls), room=room, reason="", numbers={})
            say("reloaded", error="")
        case "drain":
            for call in calls:
                say("taken", id=call)
                say("over", id=call, outcome=outcome)
            os._exit(0)
"""
INFO = CallInfo("")


def supervisor(folder: Path, registry: Registry, room: int) -> Supervisor:
    script = folder / "worker.py"
    script.write_text(WORKER)
    outcome = packed_outcome(CallOutcome(CallResult.QUEUE, queue="sales"))
    return Supervisor(
        1, [sys.executable, str(script)], {0: {"outcome": outcome, "room": room}}, registry, SystemClock()
    )


async def placed(workers: Supervisor, registry: Registry, count: int) -> list[str]:
    ids = []
    for _ in range(count):
        call_id = registry.register(INFO)
        assert await workers.place(call_id, INFO) == 4000
        ids.append(call_id)
    return ids


def counted(workers: Supervisor, name: str) -> float:
    total: float = workers.meter.numbers()["counters"][name]["[]"]
    return total


async def test_between_two_reports_a_worker_is_given_no_more_calls_than_it_can_judge(tmp_path: Path) -> None:
    registry = Registry(SystemClock(), ttl_s=60)
    workers = supervisor(tmp_path, registry, room=2)
    await workers.start()
    try:
        await workers.reload()  # this worker reports then
        await placed(workers, registry, 2)
        assert not workers.admits()
        assert counted(workers, "bargein_worker_restarts") == 0  # from the start: Prometheus has to see it grow
        assert counted(workers, "bargein_refused_calls") == 1
        with pytest.raises(NoWorker):
            await workers.place(registry.register(INFO), INFO)
        assert counted(workers, "bargein_refused_calls") == 2
        await workers.reload()
        assert workers.admits()
        await placed(workers, registry, 1)
    finally:
        await workers.close()


async def test_what_became_of_the_last_calls_is_read_though_their_worker_has_ended(tmp_path: Path) -> None:
    registry = Registry(SystemClock(), ttl_s=60)
    workers = supervisor(tmp_path, registry, room=1000)
    await workers.start()
    await workers.reload()  # this worker reports then
    ids = await placed(workers, registry, 200)
    await workers.drain(5)
    outcomes = [await registry.outcome(call_id, 0.0) for call_id in ids]
    assert {outcome.queue for outcome in outcomes} == {"sales"}


async def test_a_worker_that_starts_during_a_reload_reads_the_new_flows_too(tmp_path: Path) -> None:
    workers = supervisor(tmp_path, Registry(SystemClock()), room=3)
    await workers.start()
    try:
        (tmp_path / "worker.py.wait").touch()
        (old,) = workers.pids
        os.kill(old, signal.SIGKILL)
        await until(lambda: workers.pids != [old])
        reload = asyncio.create_task(workers.reload())
        await asyncio.sleep(0.1)
        assert not reload.done()
        (tmp_path / "worker.py.wait").unlink()
        await reload
        assert workers.ports == [4000]
    finally:
        await workers.close()
