"""The kinds of interruptions."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an interruption means (column `kind`)."""

    CORRECT = "correct"
    REDIRECT = "redirect"
    CONFIRM = "confirm"
    QUESTION = "question"
    REPEAT = "repeat"
    STOP = "stop"
    AGENT = "agent"
    DTMF = "dtmf"
    OTHER = "other"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"

    @property
    def is_interruption(self) -> bool:
        """False for a backchannel or a noise."""
        return self not in (Kind.BACKCHANNEL, Kind.NOISE)


FALSE_INTERRUPTIONS = tuple(kind for kind in Kind if not kind.is_interruption)  # as the database holds them, too
