"""Many sockets are read in one go; a few as soon as something comes."""

from __future__ import annotations

import asyncio
import socket
import uuid

import numpy as np
import pytest

from bargein.clock import SystemClock
from bargein.core.audio.pcm import SILENCE, Pcm, to_bytes
from bargein.core.wire.audiosocket import FrameKind, encode
from bargein.server.connection import Connection
from bargein.server.media import AT_ONCE_CALLS, MediaEngine
from bargein.server.sockets import Sockets
from tests.waiting import until


async def test_sockets_are_read_when_asked_or_at_once() -> None:
    sockets, got = Sockets(), []
    pairs = [socket.socketpair() for _ in range(3)]
    for at, (ours, _) in enumerate(pairs):
        sockets.add(ours.fileno(), lambda at=at, ours=ours: got.append((at, ours.recv(100))))
    for _, theirs in pairs:
        theirs.send(b"a")
    await asyncio.sleep(0)
    assert not got
    sockets.read()
    assert sorted(got) == [(0, b"a"), (1, b"a"), (2, b"a")]
    sockets.watch(True)
    pairs[1][1].send(b"b")
    await until(lambda: got[3:] == [(1, b"b")])
    sockets.watch(False)
    sockets.remove(pairs[0][0].fileno())
    for _, theirs in pairs:
        theirs.send(b"c")
    sockets.read()
    assert sorted(got[4:]) == [(1, b"c"), (2, b"c")]
    for pair in pairs:
        for sock in pair:
            sock.close()


class Ear:
    """A call that notes what it hears. Once that was 7, it is handed back."""

    id = "c"
    detector = None

    def __init__(self) -> None:
        self.heard: list[int] = []

    def sensitivity(self) -> float:
        return 0.5

    def on_audio(self, pcm: Pcm) -> None:
        self.heard.append(int(pcm[0]))

    def on_tick(self) -> Pcm | None:
        return None if 7 in self.heard else SILENCE


@pytest.mark.parametrize("count", [AT_ONCE_CALLS, AT_ONCE_CALLS + 4])
async def test_calls_are_read_whether_they_are_few_or_many_and_end_one_by_one(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, ears, tasks, connections = MediaEngine(SystemClock()), [], [], []

    async def serve(connection: Connection) -> None:
        await connection.call_id()
        ear = Ear()
        ears.append(ear)
        connections.append(connection)
        await engine.carry(ear, connection)  # type: ignore[arg-type]
        connection.close()

    def opened(connection: Connection) -> None:
        tasks.append(asyncio.create_task(serve(connection)))

    server = await asyncio.get_running_loop().create_server(lambda: Connection(opened, SystemClock()), "127.0.0.1", 0)
    peers = []
    for at in range(count):
        peers.append(await asyncio.open_connection(*server.sockets[0].getsockname()))
        peers[-1][1].write(encode(FrameKind.ID, uuid.uuid4().bytes))
        await until(lambda at=at: len(ears) == at + 1)

    def say(at: int, value: int) -> None:
        peers[at][1].write(encode(FrameKind.AUDIO, to_bytes(np.full(160, value, np.int16))))

    for at in range(count):
        say(at, 1)
    await until(lambda: all(ear.heard == [1] for ear in ears))
    say(0, 7)  # this call is handed back
    await until(lambda: 7 in ears[0].heard)
    peers[0][1].close()
    peers[1][1].close()  # this one ends
    monkeypatch.setattr(connections[2]._line, "receive", lambda data, now: 1 / 0)
    say(2, 2)  # and this one has a fault
    await until(lambda: [task.done() for task in tasks[:4]] == [True, True, True, False])
    for at in range(3, count):
        say(at, 3)
    await until(lambda: all(ear.heard == [1, 3] for ear in ears[3:]))
    for _, writer in peers[3:]:
        writer.close()
    await until(lambda: all(task.done() for task in tasks))
    server.close()
