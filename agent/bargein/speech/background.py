"""Threads that must not delay the audio clock, and the requests to an engine that run in them."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..clock import Clock, SystemClock

NICE = 4  # below the server
Result = TypeVar("Result")


def yield_to_audio() -> None:
    """Put this thread below the server. On Linux each thread has a priority of its own, and new threads inherit it."""
    with contextlib.suppress(AttributeError, OSError):
        servers = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), servers + NICE)


def pool(workers: int, name: str) -> ThreadPoolExecutor:
    """Threads for an engine. A recognizer may use a whole core, but the next frame must still be on time."""
    return ThreadPoolExecutor(workers, name, initializer=yield_to_audio)


class WorkQueue:
    """A thread pool that measures how long its work waits for a thread."""

    def __init__(self, workers: int, name: str, clock: Clock | None = None) -> None:
        self._pool = pool(workers, name)
        self._clock = clock or SystemClock()
        self._waiting: dict[object, float] = {}  # since when each piece of work waits, the oldest first

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Run `work` in a thread, in order."""
        ticket = object()
        self._waiting[ticket] = self._clock.monotonic()

        def run() -> Result:
            self._waiting.pop(ticket, None)
            return work()

        future = self._pool.submit(run)
        future.add_done_callback(lambda _: self._waiting.pop(ticket, None))  # cancelled: it never ran
        return future

    @property
    def waiting_s(self) -> float:
        """How long the oldest piece of work has waited for a thread; 0 if none waits."""
        since = list(self._waiting.values())
        return self._clock.monotonic() - since[0] if since else 0.0


class EngineRequests:
    """Base of a recognizer whose requests run in threads of its own: their order, their wait, and those that failed."""

    def __init__(self, workers: int, name: str) -> None:
        self._work = WorkQueue(workers, name)
        self.unanswered = 0  # requests that failed, or whose answer did not come in time

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Run `work` in a thread of the engine, in order."""
        return self._work.submit(work)

    def count_unanswered(self) -> None:
        """A request failed, or its answer did not come in time."""
        self.unanswered += 1

    @property
    def waiting_s(self) -> float:
        """How far the engine is behind: how long the oldest request waits for a thread."""
        return self._work.waiting_s
