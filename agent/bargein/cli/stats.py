"""`bargein stats`: figures over many calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..store.filters import CallFilter
from .filters import filter_options
from .log import database, with_log
from .options import either, format_options, log_options
from .rows import print_rows
from .terminal import Column, Screen, latency, length, plain, table, to_json, write

if TYPE_CHECKING:
    from ..store import Spread, Stats


@click.command("stats")
@filter_options
@format_options
@log_options
def stats_command(which: CallFilter, as_json: bool, as_csv: bool, config_path: Path | None, db: str | None) -> None:
    """Summarize calls and interruptions: counts, and the median, 95th percentile and maximum of the latencies.

    `--csv` prints the groups by kind and by day.

    \b
    Example:
      bargein stats --since 7d
    """
    either(as_json, as_csv)
    stats = with_log(database(config_path, db), lambda log: log.stats(which))
    if as_json:
        write([to_json(stats)])
        return
    groups = [("kind", group) for group in stats.by_kind] + [("day", group) for group in stats.by_day]
    from ..store import Spread

    names = ["by", *(field.name for field in fields(Spread))]
    if print_rows(names, [{"by": by, **plain(group)} for by, group in groups], False, as_csv):
        return
    write(_stats_lines(stats, Screen.of_stdout()))


def _stats_lines(stats: Stats, screen: Screen) -> list[str]:
    if not stats.calls:
        return ["no calls"]

    def counts(found: Any) -> str:
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items())

    cut_share = f"{stats.calls_interrupted} interrupted ({stats.calls_interrupted / stats.calls:.0%})"
    lines = [f"{screen.bold(str(stats.calls))} calls, {length(stats.duration_ms)}: {cut_share}"]
    lines.append(f"ended:  {counts(stats.outcomes)}")
    if stats.resolutions:
        lines.append(f"became: {counts(stats.resolutions)}")
    if stats.total:
        lines += ["", *_spread_table("interruptions", [stats.total], screen)]
    if stats.by_kind:
        lines += ["", *_spread_table("kind", stats.by_kind, screen)]
    if len(stats.by_day) > 1:
        lines += ["", *_spread_table("day (UTC)", stats.by_day, screen)]
    return lines


def _spread_table(title: str, groups: Sequence[Spread], screen: Screen) -> list[str]:
    names = ("noticed p50", "p95", "silent p50", "p95", "worst")
    columns = [Column(title), Column("count", right=True), *(Column(name, right=True) for name in names)]
    rows = [
        [group.name, str(group.count)]
        + [latency(ms) for ms in (group.detect_median_ms, group.detect_p95_ms, group.stop_median_ms)]
        + [latency(group.stop_p95_ms), latency(group.stop_worst_ms)]
        for group in groups
    ]
    width = max(13, *(len(group.name) for group in groups))  # the tables stand under each other
    return table([Column(title.ljust(width)), *columns[1:]], rows, screen)
