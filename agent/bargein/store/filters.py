"""What to look for in the log. Plain data, free of SQLAlchemy: commands must start fast."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Literal

EVERYTHING = 1_000_000_000  # a limit that no database reaches
MOST_COUNTED = 5_000  # calls that statistics count within a second, where those kept by day do not answer

HANDED_OVER = ("answered", "abandoned", "unanswered", "handed over")  # fates: people, and whether anybody was there
FATES = (
    "contained",
    *HANDED_OVER,
    "hung up",
    "failed",
    "announcement",
    "in progress",
)  # see fates.py

CallSort = Literal["started", "duration", "interruptions", "caller", "called", "queue", "flow", "outcome"]
InterruptionSort = Literal["at", "noticed", "silent", "kind", "step"]


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to read. A call matches if it meets every condition that is not None.

    The same filter selects interruptions: those of matching calls. There `since` and `until` compare the time of the
    interruption, and `step` compares the step that was interrupted.
    """

    since: datetime | None = None  # the call started at this time or later
    until: datetime | None = None  # the call started before this time
    queue: str | None = None
    caller: str | None = None  # a number; `*` at its end: every number that begins so
    called: str | None = None  # as `caller`
    flow: str | None = None
    outcome: str | None = None  # "" finds calls in progress
    fate: str | None = None  # one of FATES
    interrupted: bool | None = None  # True: the caller interrupted the agent at least once. False: never
    longer_than_ms: int | None = None  # the call lasted longer
    step: str | None = None  # the agent spoke in this step of the flow
    trunk: str | None = None  # as `caller`: `PJSIP/trunk`, `PJSIP/*`
    linkedid: str | None = None  # Asterisk's id of the whole call
    uniqueid: str | None = None  # Asterisk's id of the caller's channel
    text: str | None = None  # caller and agent said all of these words, in any order

    @property
    def by_time_only(self) -> bool:
        """Whether the filter has no condition other than `since` and `until`."""
        return all(getattr(self, field.name) is None for field in fields(self)[2:])

    @property
    def by_day(self) -> bool:
        """Whether the figures that are kept for each day answer it: it has no conditions but times, queue and flow."""
        return replace(self, queue=None, flow=None).by_time_only


EVERY_CALL = CallFilter()
