"""Progress of long work: nothing for two seconds, then how much is done and how long it still takes."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from bargein.cli.progress import ProgressLine


class Ticking:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, deadline: float) -> None:
        raise NotImplementedError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(out: io.StringIO, total: int | None) -> str:
    clock = Ticking()
    with ProgressLine("deleting calls", total, out, clock) as line:
        for done in range(1, 51):
            clock.now = done * 0.1
            line.at(done)
    return out.getvalue()


def test_a_terminal_gets_one_line_that_disappears() -> None:
    shown = told(Terminal(), 100).split("\r")
    assert shown[:2] == ["", "deleting calls: 20 of 100 (20%), 8 s left"]
    assert "\n" not in "".join(shown)
    assert shown[-2].strip() == ""


def test_a_file_gets_few_lines() -> None:
    assert told(io.StringIO(), 100).splitlines() == ["deleting calls: 20 of 100 (20%), 8 s left"]
    assert told(io.StringIO(), None).splitlines() == ["deleting calls: 20"]


def test_short_work_says_nothing() -> None:
    clock, out = Ticking(), Terminal()
    with ProgressLine("exporting calls", 10, out, clock) as line:
        clock.now = 1.9
        line.at(10)
    assert out.getvalue() == ""
