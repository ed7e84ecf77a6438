"""`bargein demo` prints its call in order, although the server logs rows as they become known."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from bargein.cli import demo_call
from bargein.cli.terminal import Screen
from bargein.core.turns.records import Turn
from tests.view import test_live as rows

AGENT = replace(rows.AGENT, started_ms=1000)
COUGH = replace(rows.COUGH, onset_ms=1900, paused_ms=1980, decided_ms=2300, silent_ms=2020)
KNOWN = replace(rows.KNOWN, caller_text="no wait")
AS_LOGGED = [
    COUGH, rows.CUT, AGENT, rows.CALLER, replace(rows.CALLER, text="no wait", heard_text="no wait"), KNOWN,
    rows.ANSWER, KNOWN,
]  # fmt: skip


async def test_the_live_demo_prints_in_the_order_of_the_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_call, "PRINT_EVERY_S", 0.001)
    observer, screen = demo_call.Observer(), Screen(width=100, color=False)

    async def talk() -> None:
        for row in AS_LOGGED:
            if isinstance(row, Turn):
                observer.turn("c", row)
            else:
                observer.interruption(row)
            await asyncio.sleep(0.005)

    await demo_call._followed(talk(), observer.call, screen)
    observer.call.end()
    demo_call.print_rows_of(observer.call, screen)
    printed = capsys.readouterr().out
    told = [" ".join(line.split()) for line in printed.splitlines()]
    begins = [line for line in told if re.match(r"\d:\d\d\.\d|.*\b(noise|interrupted)\b", line)]
    expected = (
        r"0:01\.0 agent",
        r".*noise",
        r".*interrupted at 0:02\.9",
        r"0:02\.9 caller no wait",
        r"0:04\.3 agent fine",
    )
    assert len(begins) == len(expected), printed
    assert all(re.match(*pair) for pair in zip(expected, begins, strict=True)), printed
