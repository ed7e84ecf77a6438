"""The words and digits of the caller since the last reply began, and which of them are not in the ledger yet."""

from __future__ import annotations

from bisect import insort
from copy import copy
from dataclasses import dataclass

from ..audio.pcm import samples

DIGIT_GAP = samples(2000)  # a number is complete after this time without a digit


@dataclass(frozen=True, slots=True)
class CallerEntry:
    """A caller's turn for the ledger; times in samples of the call."""

    text: str
    confidence: float | None
    started: int
    ended: int
    recognition: int | None = None  # how long it took


class CallerInput:
    """Spoken words and DTMF digits. Words over speech of the agent that goes on are logged after that speech."""

    def __init__(self) -> None:
        self.digits = ""
        self.digit_at = 0
        self.until = 0  # the end of the last words or digit
        self.recognition: int | None = None  # how long the last words took, in samples
        self._words: list[tuple[int, str]] = []  # with the sample at which they began
        self._unlogged: list[CallerEntry] = []
        self._digits_logged = 0

    def copy(self) -> CallerInput:
        """The same input; what is added to the copy is not added here."""
        found = copy(self)
        found._words, found._unlogged = list(self._words), list(self._unlogged)
        return found

    def __bool__(self) -> bool:
        return bool(self._words or self.digits)

    @property
    def text(self) -> str:
        """All words in the order in which they were said, without the digits."""
        return " ".join(text for _, text in self._words)

    def add(self, entry: CallerEntry, counts: bool = True) -> None:
        """Add words. Those that do not count (a backchannel over a notice) are for the ledger only."""
        if counts:
            insort(self._words, (entry.started, entry.text))
            if entry.ended >= self.until:
                self.until, self.recognition = entry.ended, entry.recognition
        self._unlogged.append(entry)

    def key(self, digit: str, now: int) -> None:
        """Add a digit that ended at sample `now`."""
        self.digits += digit
        self.digit_at = self.until = now
        self.recognition = None

    def digits_complete(self, wanted: int, now: int) -> bool:
        """Whether the digits are complete: `#` came, or as many as are `wanted` (0: one), or none for two seconds."""
        if not self.digits:
            return False
        return self.digits.endswith("#") or len(self.digits) >= max(1, wanted) or now - self.digit_at >= DIGIT_GAP

    def take_unlogged(self, digits: bool) -> list[CallerEntry]:
        """The entries that are not in the ledger yet, in order. Each comes once. `digits`: also the digits."""
        entries, self._unlogged = self._unlogged, []
        if digits and (new := self.digits[self._digits_logged :]):
            entries.append(CallerEntry(new, None, self.digit_at, self.digit_at))
            self._digits_logged = len(self.digits)
        return sorted(entries, key=lambda entry: entry.started)

    def clear(self) -> None:
        """The caller hears the reply to this input."""
        self._words, self.digits, self._digits_logged = [], "", 0
