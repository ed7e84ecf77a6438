"""Options that several commands share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from ..clock import SystemClock
from ..config import Config
from ..store import CallFilter, LoggedInterruption, LoggedTurn, Reader, database_url
from .terminal import plain, to_csv, to_json, write

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """`90d`, `12h`, `30m`, `2w`, `45s`. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if not match:
        raise ValueError("expected a number and s, m, h, d or w, such as 90d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def age(text: str) -> datetime:
    """An option's type: the time that was so long ago, as `span` has it."""
    try:
        return SystemClock().utc() - span(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r}: {error}") from error


def moment(text: str) -> datetime:
    """An option's type: a time, or how long ago: 2h, 3d, today, yesterday, 2026-03-01, 2026-03-01T09:30."""
    now = SystemClock().utc().astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        return midnight - timedelta(days=text == "yesterday")
    try:
        return now - span(text) if re.fullmatch(r"\d+[smhdw]", text) else datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        expected = "expected 2h, 3d, today, yesterday, 2026-03-01 or 2026-03-01T09:30"
        raise click.BadParameter(f"{text!r}: {expected}") from error


def log_options(command: Command) -> Command:
    """--config and --db: which database."""
    db = click.option("--db", metavar="FILE|URL", help="The database, instead of the one in the configuration.")
    return config_option(db(command))


def config_option(command: Command) -> Command:
    """--config: which file."""
    return click.option("--config", "config_path", type=click.Path(), help="Configuration file.")(command)


def range_options(command: Command) -> Command:
    """--since, --until and --queue: which calls."""
    command = click.option("--queue", help="Only calls of this queue.")(command)
    command = click.option("--until", type=moment, metavar="WHEN", help="Only calls begun before then.")(command)
    since = "Only calls begun since: 2h, 3d, today, 2026-03-01."
    return click.option("--since", type=moment, metavar="WHEN", help=since)(command)


def format_options(command: Command) -> Command:
    """--json and --csv, for programs and spreadsheets."""
    command = click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")(command)
    return click.option("--json", "as_json", is_flag=True, help="JSON, times in UTC.")(command)


def database(config_path: str | None, db: str | None) -> str:
    """The url that the options and the configuration say. Raises ConfigError."""
    return database_url(db) if db else Config.load(config_path).store.url


def with_log(url: str, ask: Callable[[Reader], Awaitable[Result]]) -> Result:
    """The answer to a question to the log, which is opened for it. Raises UserError."""

    async def run() -> Result:
        async with await Reader.open(url) as log:
            return await ask(log)

    return asyncio.run(run())


def chosen(since: datetime | None, until: datetime | None, queue: str | None) -> CallFilter:
    """The calls that `range_options` mean."""
    return CallFilter(since, until, queue)


def print_rows(
    kind: type[Any], rows: Sequence[Mapping[str, Any]], as_json: bool, as_csv: bool, more: Sequence[str] = ()
) -> bool:
    """`print_named` with the columns of `more` and the fields of `kind`."""
    return print_named([*more, *(field.name for field in fields(kind))], rows, as_json, as_csv)


def print_named(names: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool, as_csv: bool) -> bool:
    """Print as JSON or CSV if asked; False when it is for a person."""
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    if as_json:
        write([to_json(rows)])
    elif as_csv:
        write(to_csv(names, rows))
    return as_json or as_csv


def interruption_row(logged: LoggedInterruption) -> dict[str, Any]:
    """An interruption with its time of day and queue, flat, as JSON and CSV show it."""
    row: dict[str, Any] = plain(logged.interruption)
    return {"at": plain(logged.at), "queue": logged.queue, **row}


def turn_row(logged: LoggedTurn) -> dict[str, Any]:
    """A turn, flat; its words as [text, start_ms, end_ms]."""
    row: dict[str, Any] = plain(logged.turn)
    words = [[word.text, word.start // 8, word.end // 8] for word in logged.turn.words]  # 8 samples a ms
    return {"call_id": logged.call_id, **row, "words": words}
