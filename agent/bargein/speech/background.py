"""Threads that must never be in the way of the audio clock."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

NICE = 4


def yield_to_audio() -> None:
    """Lower this thread's priority. On Linux it is a thread's own, and the threads that it starts inherit it."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def pool(workers: int, name: str) -> ThreadPoolExecutor:
    """Threads for an engine's work: a recognizer may take all of a core, the next frame is due all the same."""
    return ThreadPoolExecutor(workers, name, initializer=yield_to_audio)
