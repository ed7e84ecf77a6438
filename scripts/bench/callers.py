"""Simulated callers over TCP and the server that they call: what the load benchmarks share."""

from __future__ import annotations

import csv
import os
import random
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bargein.core.audio.pcm import FRAME_SAMPLES, Pcm, from_bytes, samples, to_bytes
from bargein.core.wire.audiosocket import Decoder, FrameKind, encode
from bargein.speech.audio import read_wav

SOURCE = Path(__file__).resolve().parents[2] / "agent"
PTIME_S = 0.020
ECHO_FRAMES, ECHO_GAIN = 3, 0.3  # 60 ms
ROOM_RMS = 12  # -69 dBFS
CALLER_DBFS = -22.0
LEAD_S = 0.03  # kept before the onset of what a caller says, the first third of it faded in
CERTAIN_MS = 20.0  # of a manifest's onset, to measure from it
EVERY_S = 15.0  # between the beginnings of a caller's interruptions, on average
WARM_S = 5.0  # not measured
SILENT_DBFS, SILENT_FRAMES = -50.0, 10  # of the agent, to count as silent
IN_TIME_MS = 300.0
TALKED_ON_MS = 9999.0

FLOW = """language: en
queue: support
steps:
  talk:
    wav: {wav}
    ask: Okay?
    menu: {{xylophone: {{go: more}}}}
    silence: 1
    failed: more
    on: {{{on}}}
  more:
    wav: {wav}
    ask: Okay?
    menu: {{xylophone: {{go: talk}}}}
    silence: 1
    failed: talk
    on: {{{back}}}
"""
KINDS = ("other", "correct", "redirect", "confirm", "question", "repeat", "stop", "agent", "dtmf", "silence", "no")


@dataclass(slots=True)
class Recording:
    """What a caller says: frames, and where in them the voice begins."""

    frames: list[Pcm]
    onset_s: float
    name: str = ""


class Deck:
    """Recordings in a random order, each once before any is drawn again: no hard one weighs more than the others."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = recordings
        self._left: list[Recording] = []

    def draw(self) -> Recording:
        if not self._left:
            self._left = random.sample(self._recordings, len(self._recordings))
        return self._left.pop()


@dataclass(slots=True, eq=False)
class Caller:
    """One call, from Asterisk's side."""

    sock: socket.socket
    room: Pcm
    next_s: float  # when it interrupts next, from its start
    began: float
    decoder: Decoder = field(default_factory=Decoder)
    heard: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    onsets: list[tuple[float, str]] = field(default_factory=list)  # of what it said, and its name
    says: list[Pcm] = field(default_factory=list)
    sent: int = 0
    open: bool = True

    def receive(self, now: float) -> None:
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.open = bool(data)
        for frame in self.decoder.feed(data):
            if frame.kind == FrameKind.AUDIO:
                self.heard.append(frame.payload)
                self.times.append(now)

    def send(self, now: float, deck: Deck | None, until: float) -> None:
        out = self.room[self.sent % len(self.room)]
        if len(self.heard) > ECHO_FRAMES:
            out = out + (from_bytes(self.heard[-1 - ECHO_FRAMES]) * ECHO_GAIN).astype(np.int16)
        if deck and not self.says and now - self.began > self.next_s and now < until:
            chosen = deck.draw()
            self.says = chosen.frames.copy()
            self.onsets.append((now + chosen.onset_s, chosen.name))
            self.next_s = now - self.began + 3 + random.expovariate(1 / (EVERY_S - 3))
        if self.says:
            out = out + self.says.pop(0)
        try:
            self.sock.send(encode(FrameKind.AUDIO, to_bytes(out)))
        except BlockingIOError:
            pass
        except OSError:
            self.open = False
        self.sent += 1


def spoken(folder: Path) -> list[Recording]:
    """What callers say: the WAVs in a folder, searched in depth, each from its onset on.

    If the folder has a manifest.csv (file, class, onset_s, onset_unc_ms), only its speech whose onset is certain.
    """
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        return [recording(path, starts_at_onset=True) for path in sorted(folder.rglob("*.wav"))]
    with open(manifest, newline="", encoding="utf-8") as rows:
        return [
            recording(folder / row["file"], float(row["onset_s"] or 0), starts_at_onset=True)
            for row in csv.DictReader(rows)
            if row["class"] == "speech" and float(row["onset_unc_ms"] or 0) <= CERTAIN_MS
        ]


def recording(path: Path, onset_s: float | None = None, starts_at_onset: bool = False) -> Recording:
    """A WAV at the level of a caller, in frames. Its onset is its first loud sample, unless it is known.

    `starts_at_onset`: what comes before is left out. A breath or the noise of another room is no interruption, but an
    agent hears it.
    """
    pcm = read_wav(path).astype(np.float64)
    loud = np.abs(pcm) > np.abs(pcm).max() * 0.05
    pcm *= 32768 * 10 ** (CALLER_DBFS / 20) / np.sqrt(np.mean(pcm[loud] ** 2))
    onset = int(np.flatnonzero(loud)[0]) if onset_s is None else int(onset_s * samples(1000))
    if starts_at_onset:
        lead = min(onset, int(LEAD_S * samples(1000)))
        pcm, onset = pcm[onset - lead :], lead
        pcm[: lead // 3] *= np.linspace(0, 1, lead // 3)
    whole = np.pad(np.clip(pcm, -32000, 32000), (0, -len(pcm) % FRAME_SAMPLES)).astype(np.int16)
    return Recording(list(whole.reshape(-1, FRAME_SAMPLES)), onset / samples(1000), path.stem)


def free_port() -> int:
    """A port of which the one before is free, too, and a few behind it: one for each worker."""
    while True:
        port = random.randrange(20_000, 60_000)
        try:
            for at in range(port - 1, port + 8):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", at))
        except OSError:
            continue
        return port


def endless(agent: Path) -> str:
    """A flow that plays the WAV without end, whatever the caller says."""
    to = {name: ", ".join(f"{kind}: {name}" for kind in KINDS) for name in ("talk", "more")}
    return FLOW.format(wav=agent.absolute(), on=to["more"], back=to["talk"])


@contextmanager
def server(flow_text: str, cores: set[int], options: list[str]) -> Iterator[tuple[int, int]]:
    """A server on `cores`. Yields its port and its process id. FastAGI listens on the port before it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder) / "talk.yaml"
        flow.write_text(flow_text)
        command = [sys.executable, "-m", "bargein", "serve", "--flow", str(flow), "--listen", f"127.0.0.1:{port}"]
        command += ["--agi-listen", f"127.0.0.1:{port - 1}", "--db", f"{folder}/calls.db", "--accept-unregistered"]
        command += options
        environment = {
            **os.environ,
            "PYTHONPATH": f"{SOURCE}:{os.environ.get('PYTHONPATH', '')}",
            "OMP_NUM_THREADS": "1",
        }
        with (
            open(f"{folder}/log", "w") as log,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            ) as process,
        ):
            assert process.stdout is not None
            if not any("ready" in line for line in process.stdout):
                sys.exit(f"the server does not start: {Path(f'{folder}/log').read_text().strip()}")
            try:
                yield port, process.pid
            finally:
                process.terminate()


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for at in found:
        for children in Path(f"/proc/{at}/task").glob("*/children"):  # a thread has children of its own
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def cpu_s(pid: int, command: str = "") -> float:
    """CPU time of a process and its descendants, of those alone whose command line has `command` in it."""
    total = 0.0
    for at in family(pid):
        try:
            if command.encode() not in Path(f"/proc/{at}/cmdline").read_bytes():
                continue
            fields = Path(f"/proc/{at}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    pages = 0
    for at in family(pid):
        with suppress(OSError):
            pages += int(Path(f"/proc/{at}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def ask(port: int) -> tuple[int, str]:
    """Ask FastAGI for a call as the dialplan does. The AudioSocket port and the id; (0, "") if the call is refused."""
    variables: dict[str, str] = {}
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rw", encoding="utf-8") as agi:
        agi.write("agi_network: yes\nagi_network_script: start\nagi_callerid: 100\n\n")
        agi.flush()
        for command in agi:
            words = shlex.split(command)
            if words[:2] == ["SET", "VARIABLE"]:
                variables[words[2].removeprefix("__")] = words[3]
            agi.write("200 result=1\n" if words[0] == "SET" else "200 result=0\n")
            agi.flush()
    call_id = variables.get("BARGEIN_ID", "")
    return (int(variables["BARGEIN_SERVER"].rpartition(":")[2]), call_id) if call_id else (0, "")


def place(port: int, call_id: str = "") -> Caller:
    """One call has begun. Without an id the server has to accept calls that FastAGI did not announce."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.send(encode(FrameKind.ID, uuid.UUID(call_id).bytes if call_id else uuid.uuid4().bytes))
    sock.setblocking(False)
    room = np.random.normal(0, ROOM_RMS, (100, FRAME_SAMPLES)).astype(np.int16)
    return Caller(sock, room, random.uniform(4, EVERY_S), time.monotonic())


def silences(caller: Caller, measured: float, end: float) -> Iterator[tuple[float, str]]:
    """Of each interruption of a talking agent: ms from the onset to its silence, or TALKED_ON_MS; and what was said."""
    times = np.array(caller.times)
    level = np.array([np.sqrt(np.mean(from_bytes(frame).astype(float) ** 2)) for frame in caller.heard])
    quiet = level < 32768 * 10 ** (SILENT_DBFS / 20)
    for onset, name in caller.onsets:
        first = int(np.searchsorted(times, onset))
        if onset < measured or onset > end - 1.5 or first < 25 or quiet[first - 25 : first].all():
            continue
        after = quiet[first : first + 75]
        run = next((at for at in range(len(after) - SILENT_FRAMES) if after[at : at + SILENT_FRAMES].all()), None)
        if run is None:
            yield TALKED_ON_MS, name
        elif run:  # else it was in a pause of its own
            yield (times[first + run - 1] - onset + PTIME_S) * 1000, name
