"""What a person reads for the names of the database: the terminal and the web pages say the same."""

from __future__ import annotations

from ..core.language.kinds import Kind
from ..core.language.neutral import neutral

SAID = {  # what an interruption of this kind was
    Kind.CORRECT: "a correction",
    Kind.REDIRECT: "a new topic",
    Kind.CONFIRM: "a confirmation",
    Kind.QUESTION: "a question",
    Kind.REPEAT: "a request to repeat",
    Kind.STOP: "a request to stop",
    Kind.AGENT: "a request for a person",
    Kind.DTMF: "keys",
    Kind.OTHER: "an interruption",
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
