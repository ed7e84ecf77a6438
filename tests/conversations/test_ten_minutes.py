"""A call of ten minutes in real time, with a real server: what leaks, drifts or wears out shows here.

`scripts/test` runs it in the background of the other tests. The bounds leave room for a machine that is busy with them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import uuid
from pathlib import Path

import numpy as np
import pytest

from bargein.config import Config
from bargein.core.audio.pcm import FRAME_SAMPLES, RATE, Pcm, dbfs, from_bytes, to_bytes
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.speech import catalog
from bargein.speech.audio import write_wav
from tests.cli.test_serve import free_port, serving
from tests.conversations.phone import AUDIBLE_DBFS, NOISE_DBFS, PTIME_S, ask_agi, pitched

SECONDS = float(os.environ.get("BARGEIN_LONG_CALL_S", "600"))  # less, to try the test itself
EVERY_S, FIRST_S = 18.0, 8.0
ECHO_FRAMES, ECHO_GAIN = 3, 0.3
WARM_S = 60.0  # after which memory is not expected to grow
PHRASES = ("No, wait, I want the green one.", "Wait, stop, that is wrong.", "Sorry, I have a question for you.")
TALK = (
    "We have the red mug for ten dollars, the green mug for twelve dollars, and the blue mug for fifteen dollars.",
    "We will send it to the address that we have on file, and it should arrive on Friday of the next week.",
    "If it breaks on the way, then we will send you another one, and you do not have to pay for that.",
)
FLOW = """language: en
steps:
  talk: {{wav: talk.wav, ask: "Okay?", menu: {{xylophone: {{go: more}}}}, silence: 1, failed: more, on: {{{more}}}}}
  more: {{wav: talk.wav, ask: "Okay?", menu: {{xylophone: {{go: talk}}}}, silence: 1, failed: talk, on: {{{talk}}}}}
"""
KINDS = ("other", "correct", "redirect", "confirm", "question", "repeat", "stop", "agent", "dtmf", "silence", "no")


class Talker:
    """A caller who talks over the agent now and then. The call's clock is the number of frames that were heard."""

    def __init__(self, phrases: list[Pcm]) -> None:
        self.frames: list[Pcm] = []
        self.times: list[float] = []
        self.onsets_ms: list[float] = []  # of what was said, on the call's clock
        self._phrases, self._saying = phrases, np.zeros(0, np.int16)
        self._next_s = FIRST_S
        self._random = np.random.default_rng(1)

    def hear(self, frame: Pcm, now: float) -> None:
        self.frames.append(frame)
        self.times.append(now)

    def speak(self) -> Pcm:
        """The next 20 ms of the line: a quiet room, the echo of the agent, and the caller."""
        heard_s = len(self.frames) * PTIME_S
        agent_talks = bool(self.frames) and max(map(dbfs, self.frames[-10:])) > AUDIBLE_DBFS
        if heard_s >= self._next_s and agent_talks and heard_s < SECONDS - 5:
            self._saying = self._phrases[len(self.onsets_ms) % len(self._phrases)]
            self.onsets_ms.append(heard_s * 1000)
            self._next_s = heard_s + EVERY_S
        out = self._random.standard_normal(FRAME_SAMPLES) * 32768 * 10 ** (NOISE_DBFS / 20)
        if len(self.frames) > ECHO_FRAMES:
            out += self.frames[-1 - ECHO_FRAMES] * ECHO_GAIN
        said, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        out[: len(said)] += said
        return np.clip(out, -32768, 32767).astype(np.int16)


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(map(memory_mb, children))


async def talk(address: str, call_id: str, talker: Talker, pid: int) -> list[float]:
    """Hold the call. Returns the server's memory in MB, after WARM_S and at the end."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(encode(FrameKind.ID, uuid.UUID(call_id).bytes))
    loop, memory = asyncio.get_running_loop(), []
    begin = due = loop.time()

    async def listen() -> None:
        decoder = Decoder()
        while data := await reader.read(4096):
            for frame in decoder.feed(data):
                assert frame.kind == FrameKind.AUDIO, "the server hung up"
                talker.hear(from_bytes(frame.payload), loop.time() - begin)

    listening = asyncio.create_task(listen())
    while (now := loop.time() - begin) < SECONDS:
        assert not listening.done(), "the connection is lost"
        writer.write(encode(FrameKind.AUDIO, to_bytes(talker.speak())))
        if not memory and now > min(WARM_S, SECONDS / 2):
            memory.append(memory_mb(pid))
        due += PTIME_S
        await asyncio.sleep(due - loop.time())
    memory.append(memory_mb(pid))
    listening.cancel()
    writer.write(encode(FrameKind.HANGUP))
    await writer.drain()
    writer.close()
    return memory


async def recordings(folder: Path) -> list[Pcm]:
    """What the caller says; the agent's talk is in talk.wav then."""
    voice = catalog.voice(Config().speech, "en")
    pause = np.zeros(RATE // 4, np.int16)
    said = [(await voice.utterance(text)).pcm for text in TALK]
    write_wav(folder / "talk.wav", np.concatenate([part for pcm in said * 3 for part in (pcm, pause)]))
    return [pitched((await voice.utterance(text)).pcm) for text in PHRASES]


@pytest.mark.lasting
async def test_a_call_of_ten_minutes_keeps_its_pace_its_rows_and_the_servers_memory(tmp_path: Path) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server ends, too
    talker = Talker(await recordings(tmp_path))
    endless = {step: ", ".join(f"{kind}: {step}" for kind in KINDS) for step in ("talk", "more")}
    (tmp_path / "talk.yaml").write_text(FLOW.format(**endless))
    agi_port = free_port()
    with serving(tmp_path, "--flow", "talk.yaml", "--agi-listen", f"127.0.0.1:{agi_port}") as (server, _):
        call = await ask_agi(agi_port, "start", {})
        memory = await talk(call["BARGEIN_SERVER"], call["BARGEIN_ID"], talker, server.pid)
        result = await ask_agi(agi_port, "finish", {"BARGEIN_ID": call["BARGEIN_ID"]})
        server.terminate()
        await asyncio.to_thread(server.wait, 30)
    gaps = np.diff(talker.times) * 1000
    with sqlite3.connect(tmp_path / "calls.db") as database:
        rows = database.execute("SELECT onset_ms, resolution FROM interruptions ORDER BY onset_ms").fetchall()
        calls = database.execute("SELECT id, outcome, ended_at, interruption_count FROM calls").fetchall()
    found = [[row for row in rows if abs(row[0] - onset) < 1000] for onset in talker.onsets_ms]
    stopped = sum(any(resolution not in ("held", "resumed") for _, resolution in some) for some in found)
    print(
        f"{talker.times[-1]:.1f} s, {len(talker.frames)} frames, gaps p50 {np.median(gaps):.1f}, "
        f"p99 {np.percentile(gaps, 99):.1f}, max {gaps.max():.1f} ms; {len(found)} interruptions, "
        f"{sum(map(bool, found))} with a row, {stopped} stopped it; memory {memory[0]:.1f}, {memory[1]:.1f} MB"
    )
    assert len(talker.frames) >= 0.99 * (talker.times[-1] / PTIME_S)  # a stall costs its frames, and nothing else does
    assert len(talker.frames) <= talker.times[-1] / PTIME_S + 3  # none comes twice or in a burst
    assert 19.0 <= np.median(gaps) <= 21.0
    assert np.percentile(gaps, 99) < 60
    assert gaps.max() < 1000
    assert len(found) >= int(SECONDS / EVERY_S / 2)
    assert all(found), "an interruption without a row"
    assert stopped >= 0.9 * len(found)
    assert memory[-1] - memory[0] < 10  # MB: ten minutes of audio are 9.6 each way
    ((call_id, outcome, ended_at, count),) = calls
    assert (call_id, outcome) == (call["BARGEIN_ID"], "caller_hung_up")
    assert ended_at is not None
    assert count >= stopped
    assert result["BARGEIN_INTERRUPTIONS"] == str(count)
