"""What became of a call, from its row: one word each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case

from ..core.turns.records import ANNOUNCEMENT
from .filters import HANDED_OVER
from .schema import calls

_PEOPLE = ("queue", "transfer")  # outcomes

FATE: Any = case(
    (calls.c.dialogue == ANNOUNCEMENT, "announcement"),
    (calls.c.ended_at == "", "in progress"),
    (calls.c.after_status.in_(HANDED_OVER), calls.c.after_status),
    (calls.c.after_status != "", "unanswered"),
    (calls.c.outcome.in_(_PEOPLE), "handed over"),
    (calls.c.outcome.in_(("hangup", "voicemail", "continue")), "contained"),
    (calls.c.outcome == "caller_hung_up", "hung up"),
    else_="failed",
)
