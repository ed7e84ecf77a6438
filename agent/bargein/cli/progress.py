"""Shows the progress of work that takes longer than two seconds, on stderr."""

from __future__ import annotations

import sys
from typing import TextIO

from ..clock import Clock, SystemClock

FIRST_S = 2.0  # shorter work needs no progress
TERMINAL_EVERY_S = 0.2
FILE_EVERY_S = 10.0  # where every report is a line that stays


class ProgressLine:
    """Reports `done of total` once two seconds have passed. Use as a context manager; `total` is None if it is unknown.

    On a terminal one line changes in place and disappears at the end; in a file each report is a line.
    """

    def __init__(
        self, what: str, total: int | None = None, out: TextIO | None = None, clock: Clock | None = None
    ) -> None:
        self._what, self._total = what, total
        self._out = out or sys.stderr
        self._clock = clock or SystemClock()
        self._terminal = self._out.isatty()
        self._began = self._clock.monotonic()
        self._due = self._began + FIRST_S
        self._shown = 0  # characters of the line on the terminal

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._out.write(f"\r{' ' * self._shown}\r")
            self._out.flush()

    def at(self, done: int, total: int | None = None) -> None:
        """`done` items are finished; `total` replaces the total given at the start."""
        self._total = total if total is not None else self._total
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + (TERMINAL_EVERY_S if self._terminal else FILE_EVERY_S)
        text = self._text(done, now - self._began)
        if self._terminal:
            self._out.write(f"\r{text.ljust(self._shown)}")
            self._shown = max(self._shown, len(text))
        else:
            self._out.write(f"{text}\n")
        self._out.flush()

    def _text(self, done: int, took_s: float) -> str:
        if not self._total:
            return f"{self._what}: {done:,}"
        text = f"{self._what}: {done:,} of {self._total:,} ({done / self._total:.0%})"
        left_s = took_s * (self._total - done) / done if done else 0
        return f"{text}, {left_s:.0f} s left" if left_s >= 1 else text
