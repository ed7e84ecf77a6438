"""Rows of the log as programs get them: flat, one name per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..core.audio.rate import ms
from ..core.turns.records import Turn
from .options import either
from .terminal import plain, to_csv, to_json, write

if TYPE_CHECKING:
    from ..store import LoggedInterruption

TURN_NAMES = [field.name for field in fields(Turn) if field.name not in ("words", "waits")]


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


def turn_row(call_id: str, turn: Turn) -> dict[str, Any]:
    """A turn; its words are [text, start_ms, end_ms]."""
    row: dict[str, Any] = {name: plain(getattr(turn, name)) for name in TURN_NAMES}
    words = [[word.text, ms(word.start), ms(word.end)] for word in turn.words]
    return {"call_id": call_id, **row, "words": words, **plain(turn.waits)}
