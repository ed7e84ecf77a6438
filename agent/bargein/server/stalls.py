"""Notices when the event loop is blocked: every call of the process then misses frames.

A heartbeat on the loop measures how late it is. To find the cause, a thread looks at the loop's stack while the
heartbeat is overdue. A loop that waits in its selector is idle, whatever the heartbeat says: the machine was busy.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
import threading
from collections import Counter, deque
from dataclasses import dataclass
from types import FrameType
from typing import Self

from ..clock import Clock

log = logging.getLogger(__name__)

LIMIT_S = 0.020  # one frame
BEAT_S = 0.010
LOOK_S = 0.005
KEPT = 100


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop was blocked for `length_s`. `place` is the code that ran, as `file.py:line`; "" if unknown.

    `cpu_s` is the processor time of the loop meanwhile: far less than `length_s` if it waited, or if the machine was
    busy with something else.
    """

    length_s: float
    place: str = ""
    cpu_s: float = 0.0


class StallDetector:
    """Use it with `async with`, on the loop to watch.

    `lag_s` is how late the last beat was. `count` and `last` are the stalls of more than `limit_s`. With `locate` a
    thread finds their places, and stalls of a loop that only waited are not counted; use it in tests and to debug.
    """

    def __init__(self, clock: Clock, limit_s: float = LIMIT_S, locate: bool = False) -> None:
        self.lag_s = 0.0
        self.count = 0
        self.last: deque[Stall] = deque(maxlen=KEPT)
        self._clock = clock
        self._limit_s = limit_s
        self._locate = locate
        self._due = 0.0
        self._cpu_s = 0.0
        self._places: Counter[str] = Counter()
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        self._due = self._clock.monotonic() + BEAT_S
        self._cpu_s = _cpu_s()
        if self._locate:
            self._thread = threading.Thread(target=self._look, args=(threading.get_ident(),), daemon=True)
            self._thread.start()
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        self._stop.set()

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep_until(self._due)
            now = self._clock.monotonic()
            self.lag_s = now - self._due
            cpu_s = _cpu_s()
            if self.lag_s > self._limit_s:
                self._note(self.lag_s, cpu_s - self._cpu_s)
            self._cpu_s = cpu_s
            self._places.clear()
            self._due = now + BEAT_S

    def _note(self, length_s: float, cpu_s: float) -> None:
        place = self._places.most_common(1)[0][0] if self._places else ""
        if self._locate and not place:
            return
        self.count += 1
        self.last.append(Stall(length_s, place, cpu_s))
        log.debug("the event loop stood still for %.0f ms at %s", 1000 * length_s, place or "a place not looked for")

    def _look(self, thread_id: int) -> None:
        while not self._stop.wait(LOOK_S):
            if self._clock.monotonic() > self._due + LOOK_S:
                frame = sys._current_frames().get(thread_id)
                if frame is not None and (place := _place(frame)):
                    self._places[place] += 1


def _cpu_s() -> float:
    """Processor time of this thread so far."""
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def _place(frame: FrameType) -> str:
    """The innermost line of ours on a stack, else its innermost line; "" for a loop that waits for events."""
    innermost, found = frame, ""
    if innermost.f_code.co_filename.endswith(("selectors.py", "/select.py")):
        return ""
    current: FrameType | None = frame
    while current is not None:
        name = current.f_code.co_filename
        if "/bargein/" in name and not name.endswith("stalls.py"):
            found = f"{name.rpartition('/bargein/')[2]}:{current.f_lineno}"
            break
        current = current.f_back
    return found or f"{innermost.f_code.co_filename.rpartition('/')[2]}:{innermost.f_lineno}"
