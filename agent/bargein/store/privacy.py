"""Removes what the log must not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORDS = {
    "text", "heard_text", "unheard_text", "cut_word", "words", "agent_text", "caller_text", "summary", "slots", "note",
    "wanted",
}  # fmt: skip
NUMBERS = {"caller", "caller_name", "channel", "trunk", "phone"}


@dataclass(frozen=True, slots=True)
class Privacy:
    """Whether rows hold what was said, and who called. Columns that are withheld are empty."""

    words: bool = True
    numbers: bool = True
    audio: bool = True  # False: not even where a recording is

    def applied(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row without what must not be stored."""
        withheld = (set() if self.words else WORDS) | (set() if self.numbers else NUMBERS)
        withheld |= set() if self.audio else {"recording"}
        return {name: "" if name in withheld else value for name, value in row.items()} if withheld else row


EVERYTHING_STORED = Privacy()
REDACTED = Privacy(words=False, numbers=False, audio=False)
