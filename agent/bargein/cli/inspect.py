"""`bargein calls`, `interruptions`, `stats`, `tail`: what is in the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..clock import SystemClock
from ..core.language.kinds import Kind
from ..core.turns.records import Interruption
from ..store import Call, LoggedInterruption, Reader, Spread, Stats
from .options import (
    chosen,
    database,
    format_options,
    interruption_row,
    log_options,
    print_rows,
    range_options,
    turn_row,
    with_log,
)
from .render import interruption_lines, outcome_text, turn_lines
from .terminal import Column, Screen, latency, length, local, plain, table, to_json, write

MOST = 1_000_000_000  # what every database takes for a number
COUNT = click.IntRange(1, MOST)
SHORT_ID = 8  # as much of an id as a person types
POLL_S = 0.25
LATE = timedelta(seconds=5)  # rows of several servers may come into the log so much out of order


@click.command("calls")
@range_options
@click.option("--outcome", help="Only calls that ended so: queue, transfer, hangup, continue, failed, "
              "caller_hung_up.")  # fmt: skip
@click.option("--limit", type=COUNT, default=50, show_default=True, help="At most so many.")
@format_options
@log_options
def calls_command(
    since: datetime | None,
    until: datetime | None,
    queue: str | None,
    outcome: str | None,
    limit: int,
    as_json: bool,
    as_csv: bool,
    config_path: str | None,
    db: str | None,
) -> None:
    """List calls, newest first.

    \b
    Example:
      bargein calls --since 2d --queue support
    """
    which = replace(chosen(since, until, queue), outcome=outcome)
    found = with_log(database(config_path, db), lambda log: log.calls(which, limit=limit))
    if print_rows(Call, [plain(call) for call in found], as_json, as_csv):
        return
    columns = [
        Column("started"),
        Column("call"),
        Column("caller"),
        Column("name", flexible=True, optional=True),
        Column("called", optional=True),
        Column("length", right=True, optional=True),
        Column("cuts", right=True, optional=True),
        Column("outcome"),
        Column("queue", optional=True),
        Column("summary", flexible=True, optional=True),
    ]
    rows = [
        [
            local(call.started_at),
            call.id[:SHORT_ID],
            call.caller,
            call.caller_name,
            call.called,
            length(call.duration_ms) if call.ended_at else "",
            str(call.interruptions),
            outcome_text(call),
            call.queue,
            call.summary,
        ]
        for call in found
    ]
    write(table(columns, rows, Screen.of_stdout()) if rows else ["no calls"])


@click.command("interruptions")
@range_options
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only these.")
@click.option("--call", "name", help="Only those of a call: its id, the beginning of it, or `last`.")
@click.option("--slow", type=click.IntRange(0, MOST), metavar="MS",
              help="Only where the agent was heard so long or longer.")  # fmt: skip
@click.option("--limit", type=COUNT, default=50, show_default=True, help="At most so many.")
@format_options
@log_options
def interruptions_command(
    since: datetime | None,
    until: datetime | None,
    queue: str | None,
    kind: str | None,
    name: str | None,
    slow: int | None,
    limit: int,
    as_json: bool,
    as_csv: bool,
    config_path: str | None,
    db: str | None,
) -> None:
    """List interruptions, newest first.

    `noticed` and `silent` are ms from the caller's onset to the decision to pause and to the last audible
    sample of the agent; `over` is what the caller cut in on, the cut word last.

    \b
    Example:
      bargein interruptions --kind correct --slow 100
    """

    async def ask(log: Reader) -> list[LoggedInterruption]:
        call_id = (await log.call(name)).id if name else None
        which = chosen(since, until, queue)
        return await log.interruptions(which, call_id=call_id, kind=kind, slow_ms=slow, limit=limit)

    found = with_log(database(config_path, db), ask)
    if print_rows(Interruption, [interruption_row(cut) for cut in found], as_json, as_csv, ("at", "queue")):
        return
    screen = Screen.of_stdout()
    columns = [
        Column("at"),
        Column("call"),
        Column("kind"),
        Column("became"),
        Column("noticed", right=True),
        Column("silent", right=True),
        Column("caller said", flexible=True, optional=True),
        Column("over", flexible=True, optional=True, keep_end=True),
    ]
    write(table(columns, [_cut_cells(logged) for logged in found], screen) if found else ["no interruptions"])


def _cut_cells(logged: LoggedInterruption) -> list[str]:
    cut = logged.interruption
    last_words = " ".join([*cut.heard_text.split()[-3:], cut.cut_word])
    return [
        local(logged.at)[5:],  # not the year
        cut.call_id[:SHORT_ID],
        cut.kind or "undecided",
        cut.resolution.replace("_", " "),
        latency(cut.detect_latency_ms),
        latency(cut.stop_latency_ms),
        cut.caller_text,
        last_words,
    ]


@click.command("stats")
@range_options
@format_options
@log_options
def stats_command(
    since: datetime | None,
    until: datetime | None,
    queue: str | None,
    as_json: bool,
    as_csv: bool,
    config_path: str | None,
    db: str | None,
) -> None:
    """Count calls and interruptions; medians and 95 % points of their latencies, by kind and by day.

    `--csv` prints the groups.

    \b
    Example:
      bargein stats --since 7d
    """
    which = chosen(since, until, queue)
    stats = with_log(database(config_path, db), lambda log: log.stats(which))
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    if as_json:
        write([to_json(stats)])
        return
    groups = [("kind", group) for group in stats.by_kind] + [("day", group) for group in stats.by_day]
    if print_rows(Spread, [{"by": by, **plain(group)} for by, group in groups], False, as_csv, ("by",)):
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


@click.command("tail")
@click.option("--limit", type=COUNT, help="End after so many.")
@click.option("--once", is_flag=True, help="Show what the last minute of the log has, and end.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
@log_options
def tail_command(limit: int | None, once: bool, as_json: bool, config_path: str | None, db: str | None) -> None:
    """Follow turns and interruptions as they come, beginning with the last minute of the log.

    \b
    Example:
      bargein tail --limit 5
    """

    async def ask(log: Reader) -> None:
        await _follow(log, limit, once, as_json)

    with contextlib.suppress(KeyboardInterrupt):
        with_log(database(config_path, db), ask)


async def _follow(log: Reader, limit: int | None, once: bool, as_json: bool) -> None:
    """Poll: any database can do that, and it costs the server nothing. A row that grows is shown when it is whole."""
    clock, screen = SystemClock(), Screen.of_stdout()
    newest = await log.last_logged()
    since = newest - timedelta(minutes=1) if newest else clock.utc()
    shown: dict[tuple[str, Any], Any] = {}
    call_id, count = "", 0
    while True:
        turns, cuts = await log.logged_since(since)
        entries: list[tuple[datetime, tuple[str, Any], Any]] = []
        entries += [(t.logged_at, ("turn", (t.call_id, t.turn.seq)), t) for t in turns]
        entries += [(c.logged_at, ("interruption", c.interruption.id), c) for c in cuts]
        for at, key, entry in sorted(entries, key=_order):
            content = entry.turn if key[0] == "turn" else entry.interruption
            if shown.get(key) == content:
                continue
            shown[key] = content
            this_call = entry.call_id if key[0] == "turn" else content.call_id
            if as_json:
                row = turn_row(entry) if key[0] == "turn" else interruption_row(entry)
                write([to_json({"logged_at": at, "type": key[0], **row}, indent=None)])
            else:
                write([] if this_call == call_id else [screen.dim(f"{local(at)}  call {this_call}")])
                write(turn_lines(content, screen) if key[0] == "turn" else interruption_lines(content, screen))
            call_id, count = this_call, count + 1
            if limit and count >= limit:
                return
        if once:
            return
        if entries:
            since = max(since, max(entry[0] for entry in entries).astimezone(UTC) - LATE)
        await asyncio.sleep(POLL_S)


def _order(entry: tuple[datetime, tuple[str, Any], Any]) -> tuple[datetime, int]:
    """As they were written; of one moment, as they happened in the call."""
    at, key, logged = entry
    return at, logged.turn.started_ms if key[0] == "turn" else logged.interruption.onset_ms
