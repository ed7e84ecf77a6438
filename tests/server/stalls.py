"""Notices when the event loop is blocked: every call of the process then misses frames.

A heartbeat on the loop measures how late it is. To find the cause, a thread looks at the loop's stack while the
heartbeat is overdue. A loop that waits in its selector is idle, whatever the heartbeat says: the machine was busy.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from types import FrameType
from typing import Self

LIMIT_S = 0.020  # one frame
BEAT_S = 0.010
LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop was blocked for `length_s`. `place` is the code that ran, as `file.py:line`.

    `cpu_s` is the processor time of the loop meanwhile: far less than `length_s` if the machine was busy with
    something else.
    """

    length_s: float
    place: str
    cpu_s: float


class StallDetector:
    """Use it with `async with`, on the loop to watch. `found` are the stalls, without those of a loop that waits."""

    def __init__(self) -> None:
        self.found: list[Stall] = []
        self._due = 0.0
        self._places: Counter[str] = Counter()
        self._stop = threading.Event()

    async def __aenter__(self) -> Self:
        self._due = time.monotonic() + BEAT_S
        threading.Thread(target=self._look, args=(threading.get_ident(),), daemon=True).start()
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._stop.set()

    async def _beat(self) -> None:
        used_s = _cpu_s()
        while True:
            await asyncio.sleep(self._due - time.monotonic())
            late_s, before_s, used_s = time.monotonic() - self._due, used_s, _cpu_s()
            if late_s > LIMIT_S and self._places:
                self.found.append(Stall(late_s, self._places.most_common(1)[0][0], used_s - before_s))
            self._places.clear()
            self._due = time.monotonic() + BEAT_S

    def _look(self, thread_id: int) -> None:
        while not self._stop.wait(LOOK_S):
            if time.monotonic() > self._due + LOOK_S:
                frame = sys._current_frames().get(thread_id)
                if frame is not None and (place := _place(frame)):
                    self._places[place] += 1


def _cpu_s() -> float:
    """Processor time of this thread so far."""
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def _place(frame: FrameType) -> str:
    """The innermost line of ours on a stack, else its innermost line; "" for a loop that waits for events."""
    innermost = frame
    if innermost.f_code.co_filename.endswith(("selectors.py", "/select.py")):
        return ""
    current: FrameType | None = frame
    while current is not None:
        name = current.f_code.co_filename
        if "/bargein/" in name:
            return f"{name.rpartition('/bargein/')[2]}:{current.f_lineno}"
        current = current.f_back
    return f"{innermost.f_code.co_filename.rpartition('/')[2]}:{innermost.f_lineno}"
