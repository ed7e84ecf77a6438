"""`bargein serve` as a process of its own, what it wrote to its database, and the caller's voice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bargein.speech.tts_hibari import HibariTts

from .g711 import Pcm
from .pbx import free_port
from .phone import RATE

FLOWS = Path(__file__).parent / "flows"
READY_S = 60.0


class Product:
    """One server. `home` holds its configuration, database and log."""

    def __init__(self, home: Path, agi_port: int, flow: str = "shop", arguments: tuple[str, ...] = ()) -> None:
        self.database = home / "calls.db"
        self._log = home / "log"
        self._stdout = home / "stdout"
        self._arguments = arguments
        self._config = home / "bargein.toml"
        self._config.write_text(
            f'[audiosocket]\nlisten = "127.0.0.1:{free_port()}"\ndrain_s = 5\n'
            f'[fastagi]\nlisten = "127.0.0.1:{agi_port}"\n'
            "[server]\nworkers = 1\n"
            f'[store]\nurl = "sqlite:///{self.database}"\n'
            f'[dialogue]\nflow = "{flow}"\n'
            f'[recording]\ndirectory = "{home}/recordings"\n'
        )
        self._process: subprocess.Popen[bytes]

    def bargein(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of the product, with this server's configuration."""
        command = [sys.executable, "-m", "bargein", *arguments, "--config", str(self._config)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)

    @contextmanager
    def running(self, **environment: str) -> Iterator[Product]:
        """The server, from when it listens to its end, which is a good one."""
        self.start(**environment)
        yield self
        assert self.stop() == 0

    def start(self, **environment: str) -> None:
        """Returns once it listens. Raises RuntimeError with its log."""
        command = [sys.executable, "-m", "bargein", "serve", "--config", str(self._config), *self._arguments]
        self._stdout.write_text("")
        with open(self._log, "a") as log, open(self._stdout, "a") as said:
            self._process = subprocess.Popen(
                command, stdout=said, stderr=log, cwd=self._log.parent, env=os.environ | environment
            )
        give_up = time.monotonic() + READY_S
        while "ready" not in self._stdout.read_text():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"the server does not start:\n{self.log()}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait; the exit code."""
        self._process.send_signal(number)
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def workers(self) -> list[int]:
        """The processes that serve calls."""
        parent = self._process.pid
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def log(self) -> str:
        return self._log.read_text()

    def sockets(self) -> int:
        """Sockets that the process holds open now."""
        fds = Path(f"/proc/{self._process.pid}/fd")
        return sum(os.readlink(fd).startswith("socket:") for fd in fds.iterdir() if fd.is_symlink())

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of its database."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def last_call(self) -> dict[str, Any]:
        return self.rows("SELECT * FROM calls ORDER BY started_at DESC LIMIT 1")[0]

    def interruptions(self, call_id: str) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM interruptions WHERE call_id = ? ORDER BY onset_ms", call_id)

    def said(self, call_id: str, speaker: str) -> str:
        """All that was heard of one side."""
        rows = self.rows("SELECT * FROM turns WHERE call_id = ? AND speaker = ? ORDER BY seq", call_id, speaker)
        return " ".join(row["heard_text"] for row in rows)

    def ended_call(self, timeout_s: float = 3.0) -> dict[str, Any]:
        """The last call, once its row says that it has ended."""
        give_up = time.monotonic() + timeout_s
        while not (call := self.last_call())["ended_at"] and time.monotonic() < give_up:
            time.sleep(0.05)
        return call


@cache
def _voice() -> HibariTts:
    voice = HibariTts()
    voice.load()
    return voice


@cache
def speech(text: str) -> Pcm:
    """The caller's voice, from its first sound on."""
    pcm = _voice().synthesize(text).pcm
    return pcm[first_sound(pcm) :]


def read_wav(path: Path) -> tuple[Pcm, int]:
    """Samples and their rate."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def write_wav(path: Path, pcm: Pcm) -> None:
    """8 kHz, mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def first_sound(pcm: Pcm) -> int:
    """The first sample of the first 5 ms within 30 dB of the loudest: where speech truly begins."""
    size = 40
    blocks = pcm[: len(pcm) // size * size].reshape(-1, size).astype(float)
    power = (blocks**2).mean(axis=1)
    return int(np.flatnonzero(power > power.max() / 1000)[0]) * size
