"""Where the time before the agent's replies goes, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..view.figures import WAIT_NAMES
from ..view.wording import latency
from .terminal import Column, Screen, table

if TYPE_CHECKING:
    from ..store.stats import WaitSpread

WIDTH = 24  # of the names: the tables of `stats` stand below each other


def waits_table(waits: Iterable[WaitSpread], screen: Screen) -> list[str]:
    """Each part with its median and 95th percentile."""
    figures = (Column(name, right=True) for name in ("count", "median", "95 %"))
    columns = [Column("before a reply".ljust(WIDTH)), *figures]
    rows = [[WAIT_NAMES[w.name], f"{w.count:,}", latency(w.median_ms), latency(w.p95_ms)] for w in waits]
    return table(columns, rows, screen)
