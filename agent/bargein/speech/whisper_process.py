"""The recognizer's model in a process of its own: it never holds the interpreter lock that the audio needs.

The process has a lower priority than the audio. It reads requests from its standard input and ends when that is closed.
On Linux the kernel kills it when the server ends, so that one that hangs does not stay. One that ends or hangs is
replaced, but not again and again.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..clock import Clock, SystemClock
from ..core.audio.pcm import Pcm
from ..core.turns.transcript import SoundProbabilities
from ..errors import EngineError
from ..machine import waits_for_core_s
from . import whisper_worker
from .whisper_text import Decoded
from .whisper_worker import SOUND_S, Message, read_message, write_message

log = logging.getLogger(__name__)

HANG_S = 8.0  # a process that has not answered for this time is replaced; its callers no longer wait
STARVED = 0.75  # of this time: a process that waited so long for a core does not hang
START_S = 110.0  # to load a model, and the first time to compile the decoder, at low priority on a busy machine
RESTART_S = (0.5, 30.0)  # after a failed start: the wait before the next one, first and longest; it doubles each time
MOST_STARTS, STARTS_S = 5, 30.0  # of processes that end again, in this time: loading the model costs a second of CPU
CLOSE_S = 5.0
# NumPy's threads would wait busily, and glibc would keep 10 MB for each of ours.
THREADS = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
# The kernel kills a process when the thread that started it ends. So one thread, which lasts as long as the server,
# starts them all. It has the priority of an engine's thread.
_STARTER = ThreadPoolExecutor(1, "starts recognizers")


class _Lost(Exception):
    """The process has ended."""


class DecoderProcess:
    """A `WhisperDecoder` in a process. Its methods block; several threads may call them.

    Raises EngineError with one line that says what to install. `restarts` counts how often the process was replaced.
    `cpu_s` is the CPU time of its answers so far.
    It recognizes `workers` phrases at a time; sounds wait for none of them.
    `command` starts the process; the name of the model and `workers` are appended.
    """

    def __init__(
        self,
        model: str,
        command: Sequence[str] = (),
        hang_s: float = HANG_S,
        clock: Clock | None = None,
        workers: int = 1,
    ) -> None:
        self.restarts = 0
        self.cpu_s = 0.0
        self._command = [*(command or (sys.executable, "-m", whisper_worker.__name__)), model, str(workers)]
        self._hang_s = hang_s
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._closed = False
        self._start_at, self._wait_s = 0.0, RESTART_S[0]
        self._late: _Wait | None = None  # it owes the answer to a sound
        self._starts: deque[float] = deque(maxlen=MOST_STARTS)  # when the last ones were started again
        self._child: _Child | None = _Child(self._command, self._replace)
        self.languages = self._child.languages

    @property
    def pid(self) -> int:
        """Of the process that answers now; 0 while there is none."""
        child = self._child
        return child.pid if child is not None else 0

    def decode(self, pcm: Pcm, language: str, hints: Sequence[str], upper: Pcm | None = None) -> Decoded:
        """See `WhisperDecoder.decode`. Raises EngineError if the process hangs or ends twice."""
        message = {"op": "decode", "language": language, "hints": list(hints), "samples": len(pcm)}
        return _unpacked(self._asked(message, pcm if upper is None else np.concatenate([pcm, upper])))

    def decode_digits(self, pcm: Pcm, language: str) -> Decoded:
        """See `WhisperDecoder.decode_digits`."""
        return _unpacked(self._asked({"op": "digits", "language": language}, pcm))

    def judge_sound(self, pcm: Pcm) -> SoundProbabilities | None:
        """See `WhisperDecoder.judge_sound`."""
        child = self._child
        if child is None:
            return None  # nobody waits for a sound: soon it is another one
        try:
            answer = child.ask({"op": "sound", "language": ""}, pcm).result(SOUND_S)
        except _Lost:
            return None
        except TimeoutError:
            self._end_if_it_hangs(child)
            return None
        with self._lock:
            self.cpu_s += answer["cpu_s"]
            self._late = None
        return SoundProbabilities(**answer["sound"]) if answer["sound"] else None

    def _end_if_it_hangs(self, child: _Child) -> None:
        """An answer to a sound did not come in time. Phrases have threads of their own, and may still be answered."""
        now = self._clock.monotonic()
        with self._lock:
            if self._late is None or self._late.child is not child:
                self._late = _Wait(child, now)
            late = self._late
        if now - late.since >= self._hang_s and late.hangs(now):
            log.error("the recognizer's process judges no sounds any more; it is ended")
            child.kill()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.ended.wait(CLOSE_S)

    def _asked(self, message: Message, pcm: Pcm) -> Message:
        for _ in range(2):  # a killed process is not the fault of the request
            child = self._living()
            wait = _Wait(child, self._clock.monotonic())
            try:
                answer = child.ask(message, pcm).result(self._hang_s)
                with self._lock:
                    self.cpu_s += answer["cpu_s"]
                return answer
            except _Lost:
                self._forget(child)
            except TimeoutError:
                if wait.hangs(self._clock.monotonic()):
                    log.error("the recognizer's process hangs; it is ended")
                    child.kill()
                break
        raise EngineError("the recognizer's process gave no answer")

    def _living(self) -> _Child:
        """The process, started again if it has ended. Raises EngineError if it cannot be started now."""
        with self._lock:
            if self._closed:
                raise EngineError("the recognizer is closed")
            if self._child is None:
                now = self._clock.monotonic()
                if now < self._start_at:
                    raise EngineError("the recognizer's process cannot be started")
                if len(self._starts) == MOST_STARTS and now < self._starts[0] + STARTS_S:
                    raise EngineError("the recognizer's process ends again and again")
                try:
                    self._child = _Child(self._command, self._replace)
                except EngineError:
                    self._start_at = now + self._wait_s
                    self._wait_s = min(2 * self._wait_s, RESTART_S[1])
                    raise
                self._wait_s = RESTART_S[0]
                self._starts.append(now)
                self.restarts += 1
            return self._child

    def _forget(self, child: _Child) -> None:
        """It has ended."""
        with self._lock:
            if self._child is child:
                self._child = None
                log.error("the recognizer's process has ended")

    def _replace(self, child: _Child) -> None:
        """It has ended. Start another one, before anybody asks."""
        self._forget(child)
        with contextlib.suppress(EngineError):  # the next request tries again
            self._living()


class _Child:
    """One process. `lost` is called in a thread of its own when the process has ended after a good start."""

    def __init__(self, command: Sequence[str], lost: Callable[[_Child], None]) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Message]] = {}
        self._lost = lost
        self._requests: queue.SimpleQueue[tuple[Message, bytes] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = False
        self.ended = threading.Event()
        ready: Future[Message] = Future()
        self._waiting[next(self._numbers)] = ready  # the process answers 0 by itself once the model is loaded
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
        start = partial(
            subprocess.Popen[bytes],
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, **THREADS},
            start_new_session=True,  # Ctrl-C is for the server, which ends this process
        )
        try:
            self._process = _STARTER.submit(start).result()
        except OSError as error:
            raise EngineError(f"the recognizer's process cannot be started: {error}") from None
        self.pid = self._process.pid
        for work in (self._read, self._write):
            threading.Thread(target=work, name="recognizer process", daemon=True).start()
        try:
            self.languages: tuple[str, ...] = tuple(ready.result(START_S)["languages"])
            self._started = True
        except (_Lost, TimeoutError) as error:
            self.kill()
            why = "it ended" if isinstance(error, _Lost) else "the machine is busy; try again, the next start is faster"
            raise EngineError(f"the recognizer's process does not start: {why}") from None
        except BaseException:
            self.kill()
            raise

    def ask(self, message: Message, pcm: Pcm) -> Future[Message]:
        """Send a request. The future has the answer, EngineError or _Lost."""
        answer: Future[Message] = Future()
        with self._lock:
            if self.ended.is_set():
                raise _Lost
            number = next(self._numbers)
            self._waiting[number] = answer
        self._requests.put(({**message, "number": number}, pcm.astype("<i2").tobytes()))
        return answer

    def kill(self) -> None:
        self._process.kill()

    def _write(self) -> None:
        """In a thread: a process that hangs does not read, and a full pipe blocks."""
        with contextlib.suppress(OSError):
            while (request := self._requests.get()) is not None:
                write_message(_open(self._process.stdin), *request)

    def _read(self) -> None:
        source = _open(self._process.stdout)
        while (got := read_message(source)) is not None:
            message, _ = got
            answer = self._waiting.pop(message["number"], None)
            if answer is not None and "error" in message:
                answer.set_exception(EngineError(message["error"]))
            elif answer is not None:
                answer.set_result(message)
        self._process.kill()
        self._process.wait()
        with self._lock:
            self.ended.set()
        for answer in self._waiting.values():
            answer.set_exception(_Lost())
        self._requests.put(None)
        if self._started:
            self._lost(self)


class _Wait:
    """For an answer of a process, since `since`."""

    def __init__(self, child: _Child, since: float) -> None:
        self.child = child
        self.since = since
        self._before = waits_for_core_s(child.pid)

    def hangs(self, now: float) -> bool:
        """Whether no thread of it merely waited for a core. If one did, loading the model again would not help."""
        waits = waits_for_core_s(self.child.pid)
        longest_s = max((waits[thread] - self._before.get(thread, 0.0) for thread in waits), default=0.0)
        return longest_s <= STARVED * (now - self.since)


def _open(file: Any) -> BinaryIO:
    assert file is not None
    opened: BinaryIO = file
    return opened


def _unpacked(answer: Message) -> Decoded:
    values = answer["decoded"]
    sound = values.pop("sound_probabilities")
    return Decoded(**values, sound_probabilities=SoundProbabilities(**sound) if sound else None)
