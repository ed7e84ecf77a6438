"""Rows as read from the log, and the conversion of turns and interruptions to columns and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from ..core.audio.rate import ms, samples
from ..core.audio.utterance import Word
from ..core.turns.records import WAITS, CallNow, Interruption, Turn, Waits

LONGEST_CALL = timedelta(days=1)  # an older call without an end was cut off by a crash
DERIVED = {"turns": "turn_count", "interruptions": "interruption_count"}  # columns whose names differ from the fields


@dataclass(frozen=True, slots=True)
class Call:
    """One row of `calls` and how much there is in it. `ended_at` is None while the call lasts."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    caller: str
    caller_name: str
    called: str
    queue: str
    dialogue: str
    outcome: str  # queue | transfer | hangup | voicemail | continue | failed, "" while the call lasts
    exten: str
    summary: str
    server: str
    recording: str  # path of the stereo WAV, "" when there is none
    duration_ms: int
    slots: Mapping[str, str]  # the values that the flow gathered, by name
    steps: tuple[str, ...]  # the steps that the agent spoke in, in order
    last_step: str  # where the caller was when the call ended
    cause: str  # why the call ended before the flow did, "" if it did not
    uniqueid: str  # of the channel, as Asterisk's CDR, CEL and queue_log have it
    linkedid: str  # the same for all channels of one call
    channel: str
    answered_by: str  # a call that Asterisk placed: person | voicemail | screening | fax | operator | silence
    trunk: str  # the endpoint that the call came from: PJSIP/trunk
    codec: str  # of the caller's leg: ulaw
    after_queue: str  # the Handover, see core/turns/records.py
    after_exten: str
    after_status: str
    waited_ms: int | None
    member: str
    talked_ms: int | None
    hangup_cause: int | None
    hung_up_by: str
    turns: int
    interruptions: int  # without backchannels and noises


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn and its call."""

    turn: Turn
    call_id: str
    logged_at: datetime  # when it was last written


@dataclass(frozen=True, slots=True)
class LoggedInterruption:
    """An interruption, its time and its call."""

    interruption: Interruption
    at: datetime  # of the onset
    queue: str
    logged_at: datetime  # when it was last written


@dataclass(frozen=True, slots=True)
class LoggedCallback:
    """A promise to call back, and whom."""

    call_id: str
    asked_at: datetime
    phone: str
    wanted: str  # when: a day, a time, or both, as the flow wrote it
    caller: str
    caller_name: str
    queue: str
    note: str
    done_at: datetime | None  # None: somebody still has to call


@dataclass(frozen=True, slots=True)
class WholeCall:
    """A call with all that belongs to it, in the order in which it happened."""

    call: Call
    turns: Sequence[LoggedTurn]
    interruptions: Sequence[LoggedInterruption]


CALL_COLUMNS = [(field.name, DERIVED.get(field.name, field.name)) for field in fields(Call)]
TURN_FIELDS = [field.name for field in fields(Turn) if field.name not in ("words", "waits")]
INTERRUPTION_FIELDS = [field.name for field in fields(Interruption)]


def iso(time: datetime) -> str:
    """UTC with milliseconds: 2026-03-01T09:30:00.125Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def from_iso(stored: str) -> datetime:
    """The time that `iso` wrote; the epoch for what is no time (a row whose call was never begun)."""
    try:
        return datetime.fromisoformat(stored)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def storable(value: Any) -> Any:
    """The value as both databases take it: no NUL, no lone surrogate, no numpy scalar (SQLite would store bytes)."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return value.item() if hasattr(value, "item") else value


def turn_columns(call_id: str, turn: Turn) -> dict[str, Any]:
    """A turn as a row of `turns`; words are JSON, [text, start_ms, end_ms] each, from the start of the call."""
    row = {name: getattr(turn, name) for name in TURN_FIELDS} | asdict(turn.waits)
    words = [[word.text, ms(int(word.start)), ms(int(word.end))] for word in turn.words]
    return {"call_id": call_id, **row, "words": json.dumps(words, ensure_ascii=False) if words else ""}


def interruption_columns(interruption: Interruption) -> dict[str, Any]:
    """An interruption as a row of `interruptions`: its fields are the columns."""
    return {column.name: getattr(interruption, column.name) for column in fields(Interruption)}


def live_columns(run: str, at: datetime, calls: Mapping[str, CallNow]) -> dict[str, Any]:
    """What goes on in the calls of a server as a row of `live`. Column `calls` is JSON: the fields of each, by id."""
    return {"run": run, "at": iso(at), "calls": storable(json.dumps(dict(calls), ensure_ascii=False))}


def to_live(row: Mapping[str, Any]) -> dict[str, CallNow]:
    return {call_id: CallNow(*now) for call_id, now in json.loads(row["calls"]).items()}


def to_call(row: Mapping[str, Any]) -> Call:
    values = {name: row[column] for name, column in CALL_COLUMNS}
    values["slots"] = json.loads(row["slots"] or "{}")
    values["steps"] = tuple(row["steps"].splitlines())
    values["started_at"] = from_iso(row["started_at"])
    values["ended_at"] = from_iso(row["ended_at"]) if row["ended_at"] else None
    return Call(**values)


def to_turn(row: Mapping[str, Any]) -> LoggedTurn:
    values = {name: row[name] for name in TURN_FIELDS}
    words = json.loads(row["words"] or "[]")
    values["waits"] = Waits(**{name: row[name] for name in WAITS})
    values["words"] = tuple(Word(text, samples(start), samples(end)) for text, start, end in words)
    return LoggedTurn(Turn(**values), row["call_id"], from_iso(row["logged_at"]))


def to_callback(row: Mapping[str, Any]) -> LoggedCallback:
    values = {name: row[name] for name in ("call_id", "phone", "wanted", "caller", "caller_name", "queue", "note")}
    done_at = from_iso(row["done_at"]) if row["done_at"] else None
    return LoggedCallback(**values, asked_at=from_iso(row["logged_at"]), done_at=done_at)


def to_interruption(row: Mapping[str, Any]) -> LoggedInterruption:
    interruption = Interruption(**{name: row[name] for name in INTERRUPTION_FIELDS})
    return LoggedInterruption(interruption, from_iso(row["at"]), row["call_queue"] or "", from_iso(row["logged_at"]))
