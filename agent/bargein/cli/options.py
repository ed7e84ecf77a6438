"""Options that several commands share, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from ..clock import SystemClock
from ..view.choose import MOST, span

Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")
COUNT = click.IntRange(1, MOST)
MILLISECONDS = click.IntRange(0, MOST)


def typed(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """The type of an option that `read` reads; its ValueError becomes wrong usage."""

    def convert(text: str) -> Value:
        try:
            return read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    convert.__name__ = read.__name__
    return convert


def age(text: str) -> datetime:
    """The time that was `text` ago. Raises ValueError."""
    try:
        return SystemClock().utc() - span(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r}: {error}") from error


def config_option(command: Command) -> Command:
    """--config: which configuration file."""
    return click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
                        help="Configuration file.")(command)  # fmt: skip


def log_options(command: Command) -> Command:
    """--config and --db: which database. See `database`."""
    db = click.option("--db", metavar="FILE|URL", help="Database, instead of the configured one.")
    return config_option(db(command))


def redact_option(command: Command) -> Command:
    """--redact: for people who may see figures, but no conversations."""
    return click.option("--redact", is_flag=True, help="Leave out what was said, who called, and recordings.")(command)


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
