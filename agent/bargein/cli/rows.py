"""Rows of the log as programs get them: flat, one name per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .options import either
from .terminal import plain, to_csv, to_json, write

if TYPE_CHECKING:
    from ..store import LoggedInterruption, LoggedTurn

SAMPLES_PER_MS = 8  # 8000 Hz


def print_rows(names: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool, as_csv: bool) -> bool:
    """Print as JSON or CSV if asked; returns False if the output is for a person."""
    either(as_json, as_csv)
    if as_json:
        write([to_json(rows)])
    elif as_csv:
        write(to_csv(names, rows))
    return as_json or as_csv


def interruption_row(logged: LoggedInterruption) -> dict[str, Any]:
    """An interruption with its time of day and queue."""
    row: dict[str, Any] = plain(logged.interruption)
    return {"at": plain(logged.at), "queue": logged.queue, **row}


def turn_row(logged: LoggedTurn) -> dict[str, Any]:
    """A turn; its words are [text, start_ms, end_ms]."""
    row: dict[str, Any] = plain(logged.turn)
    row |= row.pop("waits")
    words = [[word.text, word.start // SAMPLES_PER_MS, word.end // SAMPLES_PER_MS] for word in logged.turn.words]
    return {"call_id": logged.call_id, **row, "words": words}
