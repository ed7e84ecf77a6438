"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from ..clock import Clock, SystemClock

Command = TypeVar("Command", bound=Callable[..., Any])
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MOST = 1_000_000_000  # the largest number that every database accepts
COUNT = click.IntRange(1, MOST)
MILLISECONDS = click.IntRange(0, MOST)
WHEN = "expected 2h, 3d, today, yesterday, 2026-03-01 or 2026-03-01T09:30"


def span(text: str) -> timedelta:
    """`90d`, `12h`, `30m`, `2w`, `45s`. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not match:
        raise ValueError("expected a number and s, m, h, d or w, such as 90d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def age(text: str) -> datetime:
    """Type of an option: the time that was `text` ago."""
    try:
        return SystemClock().utc() - span(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r}: {error}") from error


def moment(text: str, clock: Clock | None = None) -> datetime:
    """Type of an option: a time, or how long ago. Days begin at local midnight, also when the clocks change."""
    now = (clock or SystemClock()).utc()
    try:
        if text in ("today", "yesterday"):
            day = now.astimezone().date() - timedelta(days=text == "yesterday")
            return datetime(day.year, day.month, day.day).astimezone(UTC)
        if re.fullmatch(r"[0-9]+[smhdw]", text):
            return now - span(text)
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise click.BadParameter(f"{text!r}: {WHEN}") from error
    if at.year < 1970:
        raise click.BadParameter(f"{text!r}: {WHEN}")
    return at


def milliseconds(text: str) -> int:
    """Type of an option: `30s`, `2m`, `500ms`, or a number of seconds; in ms."""
    try:
        ms = re.fullmatch(r"([0-9]{1,9})ms", text)
        whole = int(ms[1]) if ms else span(text if not text.isdigit() else f"{text}s") // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r}: expected a duration such as 30s, 2m or 500ms") from error
    if whole > MOST:
        raise click.BadParameter(f"{text!r}: too long")
    return whole


def config_option(command: Command) -> Command:
    """--config: which configuration file."""
    return click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
                        help="Configuration file.")(command)  # fmt: skip


def log_options(command: Command) -> Command:
    """--config and --db: which database. See `database`."""
    db = click.option("--db", metavar="FILE|URL", help="Database, instead of the configured one.")
    return config_option(db(command))


def format_options(command: Command) -> Command:
    """--json and --csv, for programs and spreadsheets."""
    command = click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")(command)
    return json_option(command)


def json_option(command: Command) -> Command:
    """--json, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, times in UTC.")(command)


def either(as_json: bool, as_csv: bool) -> None:
    """Raise UsageError if both formats are asked for."""
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
