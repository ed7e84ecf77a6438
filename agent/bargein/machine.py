"""The machine that we run on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def waits_for_core_s(pid: int) -> dict[str, float]:
    """How long each thread of a process has waited for a core so far. Empty if the system does not say."""
    waits: dict[str, float] = {}
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, IndexError):  # a thread has ended
                waits[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return waits
