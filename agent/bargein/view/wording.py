"""What a person reads for the names and times of the database: the terminal and the web pages say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.language.kinds import Kind
from ..core.language.neutral import neutral

if TYPE_CHECKING:
    from ..store import Call

SAID = {  # what an interruption of this kind was
    Kind.CORRECT: "a correction",
    Kind.REDIRECT: "a new topic",
    Kind.CONFIRM: "a confirmation",
    Kind.QUESTION: "a question",
    Kind.REPEAT: "a request to repeat",
    Kind.STOP: "a request to stop",
    Kind.AGENT: "a request for a person",
    Kind.DTMF: "keys",
    Kind.OTHER: "other words",
    Kind.BACKCHANNEL: "a backchannel",
    Kind.NOISE: "noise",
}
BECAME = {  # what the agent did about it
    "replanned": "the agent planned a new reply",
    "repeated": "the agent repeated itself",
    "resumed": "the agent went on",
    "held": "the agent went on without a pause",
    "transferred": "the agent passed the call on",
    "hung_up": "the call ended",
    "ignored": "nothing followed",
    "retracted": "the answer counts as not said",
}


def said(kind: str) -> str:
    """What an interruption of this kind was: `a correction`. A kind that is not known is shown as it is stored."""
    return SAID[Kind(kind)] if kind in list(Kind) else neutral(kind) or "undecided"


def became(resolution: str) -> str:
    """What the agent did about it: `the agent went on`."""
    return BECAME.get(resolution, neutral(resolution).replace("_", " ") or "undecided")


def outcome_text(call: Call) -> str:
    """How the call ended, in words; empty if nothing is known."""
    return neutral(call.outcome).replace("_", " ") or ("in progress" if call.ended_at is None else "")


def summary_text(call: Call) -> str:
    """The summary; empty if it only lists the slots, which are shown by themselves."""
    listed = ", ".join(f"{name}={value}" for name, value in call.slots.items())
    return "" if call.summary == listed else neutral(call.summary)


def latency(ms: int | None) -> str:
    """`84 ms`, `1.3 s`; `-` for none."""
    if ms is None:
        return "-"
    return f"{ms} ms" if abs(ms) < 1000 else f"{ms / 1000:.1f} s"


def length(ms: int) -> str:
    """`12 s`, `1:05 min`, `2:00:01 h`."""
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} h" if hours else f"{minutes}:{seconds:02d} min"


def position(ms: int) -> str:
    """A position in a call: `0:04.1`."""
    tenths = ms // 100
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
