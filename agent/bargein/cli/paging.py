"""Sorting and paging of a list, and the line that says which part of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from .options import COUNT
from .terminal import Screen, counted


def part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--limit and --page."""
    command = click.option("--page", type=COUNT, default=1, show_default=True, help="Which page of rows.")(command)
    return click.option("--limit", type=COUNT, default=50, show_default=True, help="Maximum number of rows.")(command)


def page_options(sorts: Sequence[str], default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--sort, --ascending, --limit and --page."""

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        command = part_options(command)
        for option in (
            click.option("--ascending", is_flag=True, help="Smallest or oldest first."),
            click.option("--sort", type=click.Choice(sorts), default=default, show_default=True, help="Order by this."),
        ):
            command = option(command)
        return command

    return added


def position_text(
    shown: int, total: int, page: int, limit: int, noun: str, screen: Screen, *, at_least: bool = False
) -> list[str]:
    """`50 of 812 calls`, and how to see the rest. Nothing if the list is complete. `at_least`: `total` is a minimum."""
    if shown == total:
        return []
    first = (page - 1) * limit
    if not shown:
        return [screen.dim(f"page {page} is behind the end: {counted(total, noun)}")]
    text = f"{shown} of {f'more than {total - 1:,}' if at_least else f'{total:,}'} {noun}s"
    more = f"; --page {page + 1} shows more" if first + shown < total else ""
    return ["", screen.dim(f"{text}{more}")]
