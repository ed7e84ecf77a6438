"""`bargein stats`: figures over many calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clock import SystemClock
from ..core.language.neutral import neutral
from ..store.filters import MOST_COUNTED, CallFilter
from ..view.figures import by_local_day, by_local_hour, fates, histogram
from ..view.wording import latency, length
from .filters import filter_options
from .log import database, unknown_queue, with_log
from .options import either, format_options, log_options, redact_option
from .rows import print_rows
from .terminal import Column, Screen, cells, counted, plain, shorten, table, to_json, write
from .waits import waits_table

if TYPE_CHECKING:
    from ..store import CutWord, Reader, Spread, Stats

BAR = 30  # the longest bar, in columns
MOST_ROWS = 12  # of a chart: the log can have thousands of words
NAME = 24  # the longest name in a chart


@click.command("stats")
@filter_options
@click.option("--compare", is_flag=True, help="Also the period of the same length just before --since, side by side.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the statistics instead: "
              ".png, .svg or .pdf.")  # fmt: skip
@format_options
@redact_option
@log_options
def stats_command(
    which: CallFilter,
    compare: bool,
    picture: Path | None,
    as_json: bool,
    as_csv: bool,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """Summarize calls and interruptions.

    Contained: the agent ended the call. Handed over: to a queue or an extension; of these, answered, abandoned (the
    caller hung up while waiting) and unanswered (nobody came). Hung up: on the agent. Days and hours are in local time.
    Backchannels and noise are counted by `kind` only. `--csv` prints one row per group of interruptions. Without
    --since, filters other than --queue, --flow and --until count the newest 5,000 calls that match, or as many of them
    as can be read in half a second.

    \b
    Examples:
      bargein stats --since 7d
      bargein stats --since 7d --compare
    """
    either(as_json, as_csv)
    if compare and which.since is None:
        raise click.UsageError("--compare needs --since: the period before has the same length")
    if picture is not None:
        from ..view.picture import check_picture

        check_picture(picture)

    async def ask(log: Reader) -> tuple[list[Stats], str]:
        most = MOST_COUNTED if which.since is None else None
        periods = [await log.stats(one, most=most) for one in ([which, _before(which)] if compare else [which])]
        return periods, "" if any(stats.calls for stats in periods) else await unknown_queue(log, which)

    periods, why = with_log(database(config_path, db), ask, redact=redact)
    if since := periods[0].counted_since:
        start = datetime.fromisoformat(since).astimezone()
        told = f"more calls match; these are the newest {periods[0].calls:,}, since {start:%Y-%m-%d %H:%M}"
        click.echo(f"{told}; --since counts all from there on", err=True)
    if as_json:
        write([to_json({"now": periods[0], "before": periods[1]} if compare else periods[0])])
    elif as_csv:
        _print_groups(periods[0])
    elif not any(stats.calls for stats in periods):
        write([f"no calls{why}"])
    elif picture is not None:
        from ..view.charts import draw_stats

        draw_stats(periods[0], picture)
        click.echo(f"{picture} written", err=True)
    else:
        screen = Screen.of_stdout()
        write(_compared(periods[0], periods[1], screen) if compare else _lines(periods[0], screen))


def _before(which: CallFilter) -> CallFilter:
    """The period of the same length just before."""
    assert which.since is not None
    until = which.until or SystemClock().utc()
    lasts = max(until - which.since, timedelta(seconds=1))
    return replace(which, since=which.since - lasts, until=which.since)


def _print_groups(stats: Stats) -> None:
    from ..store import Spread

    groups = {
        "kind": stats.by_kind, "queue": stats.by_queue, "flow": stats.by_flow, "step": stats.by_step,
        "day": stats.by_day,
    }  # fmt: skip
    rows = [{"by": by, **plain(spread)} for by, spreads in groups.items() for spread in spreads]
    print_rows(["by", *(field.name for field in fields(Spread))], rows, False, True)


def _lines(stats: Stats, screen: Screen) -> list[str]:
    calls, share = screen.bold(counted(stats.calls, "call")), stats.calls_interrupted / stats.calls
    interrupted = f"{stats.calls_interrupted:,} interrupted ({share:.0%})"
    lines = [
        f"{calls}, {length(stats.duration_ms)} on the phone: {interrupted}",
        ", ".join(f"{count:,} {name} ({count / stats.calls:.0%})" for name, count in fates(stats.fates).items()),
        f"outcomes: {_counts(stats.outcomes)}",
    ]
    if stats.resolutions:
        lines.append(f"what the agent did: {_counts(stats.resolutions)}")
    if stats.total:
        lines += ["", *_spreads("interruptions", [stats.total], screen)]
    if stats.words:
        lines += ["", *_words(stats.words[:MOST_ROWS], screen)]
    if stats.waits:
        lines += ["", *waits_table(stats.waits, screen)]
    for title, groups in (
        ("kind", stats.by_kind), ("step", stats.by_step), ("queue", stats.by_queue), ("flow", stats.by_flow),
    ):  # fmt: skip
        if groups and (len(groups) > 1 or groups[0].name):
            lines += ["", *_spreads(title, groups[:MOST_ROWS], screen)]
    for title, by in (("queue", stats.fates_by_queue), ("flow", stats.fates_by_flow)):
        if any(by):
            lines += ["", *_fates(title, by, screen)]
    if stats.misunderstood:
        phrases = list(stats.misunderstood.items())[:MOST_ROWS]
        columns = [Column("said before the agent asked again", flexible=True), Column("count", right=True)]
        lines += ["", *table(columns, [[phrase, f"{count:,}"] for phrase, count in phrases], screen)]
    lines += _chart("silent after", histogram(stats.stop_histogram), screen)
    days = by_local_day(stats)
    if len(days) > 1:
        shown = list(days.items())[:MOST_ROWS]
        lines += _chart("calls by day", [(day, count.calls) for day, count in shown], screen)
        lines += _chart(
            "calls by hour", [(f"{hour:02d}:00", count) for hour, count in by_local_hour(stats).items()], screen
        )
    return lines


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {neutral(name).replace('_', ' ')}" for name, count in found.items())


def _fates(title: str, groups: Mapping[str, Mapping[str, int]], screen: Screen) -> list[str]:
    """What became of the calls of each queue, or of each flow."""
    found_by = {name: fates(counts) for name, counts in list(groups.items())[:MOST_ROWS]}
    names = ("contained", "handed over", "answered", "abandoned", "unanswered", "hung up", "failed")
    shown = [fate for fate in names if any(fate in found for found in found_by.values())]
    rows = []
    for name, found in found_by.items():
        counts = groups[name]
        rows.append([name or "-", f"{sum(counts.values()):,}", *(f"{found.get(fate, 0):,}" for fate in shown)])
    columns = [Column(title), Column("calls", right=True), *(Column(fate, right=True) for fate in shown)]
    return table(columns, rows, screen)


def _words(words: Iterable[CutWord], screen: Screen) -> list[str]:
    """The words at which callers interrupt most often."""
    columns = [Column("interrupted at the word"), Column("step"), Column("count", right=True)]
    return table(columns, [[word.word, word.step, f"{word.count:,}"] for word in words], screen)


def _chart(title: str, rows: Sequence[tuple[str, int]], screen: Screen) -> list[str]:
    """Horizontal bars, with an empty line above."""
    if not rows:
        return []
    names = [shorten(neutral(name), NAME) for name, _ in rows]
    width, longest = max(map(cells, [title, *names])), max(count for _, count in rows) or 1
    figures = max(len(f"{count:,}") for _, count in rows)
    lines = ["", screen.dim(title)]
    for name, (_, count) in zip(names, rows, strict=True):
        bar = "█" * max(round(BAR * count / longest), int(count > 0))
        lines.append(f"{name}{' ' * (width - cells(name))}  {count:{figures},}  {screen.paint(bar, '34')}".rstrip())
    return lines


def _spreads(title: str, groups: Sequence[Spread], screen: Screen) -> list[str]:
    names = ("noticed, median", "95 %", "silent, median", "95 %", "worst")
    width = min(NAME, max(13, *(cells(group.name) for group in groups)))  # the tables stand below each other
    columns = [Column(title.ljust(width)), Column("count", right=True), *(Column(name, right=True) for name in names)]
    rows = [
        [group.name or "-", f"{group.count:,}"]
        + [latency(ms) for ms in (group.detect_median_ms, group.detect_p95_ms, group.stop_median_ms)]
        + [latency(group.stop_p95_ms), latency(group.stop_worst_ms)]
        for group in groups
    ]
    return table(columns, rows, screen)


def _compared(now: Stats, before: Stats, screen: Screen) -> list[str]:
    """Two periods side by side."""
    columns = [Column(""), Column("now", right=True), Column("before", right=True), Column("change", right=True)]
    figures: list[tuple[str, float, float, str]] = [
        ("calls", now.calls, before.calls, "count"),
        ("interrupted calls", _share(now.calls_interrupted, now), _share(before.calls_interrupted, before), "share"),
    ]
    fates_now, fates_before = fates(now.fates), fates(before.fates)
    for name in dict.fromkeys([*fates_now, *fates_before]):
        figures.append((name, _share(fates_now.get(name, 0), now), _share(fates_before.get(name, 0), before), "share"))
    if now.total and before.total:
        one, other = now.total, before.total
        figures.append(("interruptions", one.count, other.count, "count"))
        figures.append(("noticed, median", one.detect_median_ms, other.detect_median_ms, "ms"))
        figures.append(("silent, median", one.stop_median_ms, other.stop_median_ms, "ms"))
        figures.append(("silent, 95 %", one.stop_p95_ms, other.stop_p95_ms, "ms"))
    return table(columns, [_row(*figure) for figure in figures], screen)


def _share(count: int, stats: Stats) -> float:
    return count / stats.calls if stats.calls else 0.0


def _row(name: str, now: float, before: float, unit: str) -> list[str]:
    if unit == "share":
        return [name, f"{now:.1%}", f"{before:.1%}", f"{100 * (now - before):+.1f} points"]
    if unit == "ms":
        return [name, latency(int(now)), latency(int(before)), f"{int(now - before):+d} ms"]
    return [name, f"{now:,.0f}", f"{before:,.0f}", f"{(now - before) / before:+.0%}" if before else "-"]
