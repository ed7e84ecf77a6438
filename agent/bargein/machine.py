"""The machine that we run on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def install_extra(name: str) -> str:
    """The command that installs an extra of bargein for the Python that runs. A plain `pip` is often another one's."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shown} -m pip install 'bargein[{name}]'"


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
