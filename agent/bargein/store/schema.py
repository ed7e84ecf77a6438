"""The tables, in SQLite and PostgreSQL alike. migrations.py creates them.

Times of day are UTC in ISO 8601 with milliseconds and a Z, as text, so that they sort and compare in both databases.
Durations and positions are in ms from the start of the call.

Some columns of `calls` are derived: `turn_count`, `interruption_count`, `steps`, `number` and the table `said` follow
from the turns and interruptions of the call. See derive.py.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

from ..core.turns.records import WAITS

metadata = MetaData()


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False, server_default="") for name in names]


def _integer(*names: str) -> list[Column[int]]:
    return [Column(name, Integer, nullable=False, server_default="0") for name in names]


calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    *_text("started_at", "ended_at", "caller", "caller_name", "called", "queue", "dialogue", "outcome"),
    *_text("exten", "summary", "server", "recording"),
    *_text("slots"),  # JSON: the values that the flow gathered, by name
    *_text("last_step"),  # where the caller was when the call ended
    *_text("run"),  # the run of the server that wrote the call: tells which calls to close after a crash
    *_text("answered_by"),  # who or what answered a call that Asterisk placed
    *_text("cause"),  # why the call ended before the flow did
    *_text("uniqueid", "linkedid", "channel"),  # Asterisk's names: they join the row with CDR, CEL and queue_log
    *_text("trunk", "codec"),  # the endpoint that the call came from, and the codec of its leg
    *_text("after_queue", "after_exten", "after_status", "member", "hung_up_by"),  # the Handover
    *(Column(name, Integer) for name in ("waited_ms", "talked_ms", "hangup_cause")),
    *_text("steps"),  # the steps that the agent spoke in, one per line, in order
    *_text("removed"),  # what was deleted before the call: of "words", "numbers", "audio"
    *_integer("duration_ms", "turn_count", "interruption_count"),
    *_integer("forgotten"),  # 1: nothing is left of the call but a recording on its server, to be deleted there
    Column("number", Integer),  # SQLite: the row of the call's words in `said`
)

turns = Table(
    "turns",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    *_text("speaker", "text", "heard_text", "unheard_text", "step", "cut_word", "words", "logged_at"),
    *_integer("started_ms", "ended_ms", "cut_played_ms"),
    Column("confidence", Float),
    *(Column(name, Integer) for name in WAITS),  # before a reply; NULL: not known
)

interruptions = Table(
    "interruptions",
    metadata,
    Column("id", Text, primary_key=True),
    *_text("call_id", "step", "agent_text", "heard_text", "unheard_text", "cut_word", "caller_text"),
    *_text("kind", "resolution", "logged_at"),
    *_text("at"),  # the time of day of the onset
    *_integer("turn_seq", "onset_ms", "paused_ms", "silent_ms", "detect_latency_ms", "stop_latency_ms"),
    *_integer("played_ms"),
    Column("decided_ms", Integer),
    Column("evidence", Float, nullable=False, server_default="0"),
)

callbacks = Table(
    "callbacks",  # promises to call back, one for a call
    metadata,
    Column("call_id", Text, primary_key=True),
    *_text("phone", "wanted", "note", "logged_at"),
    *_text("done_at"),  # "": somebody still has to call
)

day_figures = Table(
    "day_figures",  # the statistics of a day that is over: see daily.py
    metadata,
    *(Column(name, Text, primary_key=True, server_default="") for name in ("day", "queue", "dialogue")),
    *_text("figures"),
)

live = Table(
    "live",  # what goes on in the calls of a server, while they last; see rows.py
    metadata,
    Column("run", Text, primary_key=True),
    *_text("at", "calls"),
)

versions = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Text, nullable=False),
)
