"""A picture of the statistics: calls by day and hour, how fast the agent fell silent, and where callers interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.language.neutral import neutral
from .figures import by_local_day, by_local_hour, histogram
from .picture import AGENT, INK, INTERRUPTION, check_picture, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..store import Stats

MOST_BARS = 12
MOST_DAYS = 31


def draw_stats(stats: Stats, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf). Raises UserError."""
    check_picture(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    days = list(reversed(list(by_local_day(stats).items())[:MOST_DAYS]))
    steps = [(spread.name or "no step", spread.count) for spread in stats.by_step]
    words = [(f"{word.word} ({word.step})", word.count) for word in stats.words]
    panels = figure.subplots(3, 2)
    _columns(
        panels[0, 0], "Calls by day; red: interrupted calls", [(day[5:], count.calls) for day, count in days], AGENT
    )
    if days:
        places = range(len(days))
        panels[0, 0].bar(places, [count.interrupted for _, count in days], color=INTERRUPTION, width=0.8)
    hours = [(f"{hour:02d}", count) for hour, count in by_local_hour(stats).items()]
    _columns(panels[0, 1], "Calls by hour of the day (local time)", hours, AGENT)
    silent = [(name.removesuffix(" ms"), count) for name, count in histogram(stats.stop_histogram)]
    noticed = [(name.removesuffix(" ms"), count) for name, count in histogram(stats.detect_histogram)]
    _columns(panels[1, 0], "Silent after, ms from the caller's onset", silent, INTERRUPTION)
    _columns(panels[1, 1], "Noticed after, ms from the caller's onset", noticed, INTERRUPTION)
    _rows(panels[2, 0], "Interruptions by step", steps)
    _rows(panels[2, 1], "Words at which callers interrupt", words)
    share = f", {stats.calls_interrupted / stats.calls:.0%} interrupted" if stats.calls else ""
    figure.suptitle(f"{stats.calls:,} calls{share}", fontsize=11, color=INK)
    save(figure, path)


def _plain(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=9, color=INK, loc="left")
    axes.tick_params(labelsize=8, length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _columns(axes: Axes, title: str, rows: Sequence[tuple[str, int]], color: str) -> None:
    _plain(axes, title)
    names = [neutral(name) for name, _ in rows]
    axes.bar(range(len(rows)), [count for _, count in rows], color=color, width=0.8)
    axes.locator_params(axis="y", integer=True)
    long = sum(map(len, names)) > 60
    axes.set_xticks(range(len(rows)), names, rotation=45 if long else 0, ha="right" if long else "center")


def _rows(axes: Axes, title: str, rows: Sequence[tuple[str, int]]) -> None:
    _plain(axes, title)
    shown = list(reversed(rows[:MOST_BARS]))
    bars = axes.barh(range(len(shown)), [count for _, count in shown], color=INTERRUPTION, height=0.75)
    axes.set_yticks(range(len(shown)), [neutral(name)[:30] for name, _ in shown])
    axes.set_ylim(len(shown) - MOST_BARS - 0.5, len(shown) - 0.4)  # bars of the same height, however few
    axes.locator_params(axis="x", integer=True)
    axes.bar_label(bars, fontsize=8, padding=3)
