"""What the caller has said and keyed since the last reply began, and what of it is not in the ledger yet."""

from __future__ import annotations

from dataclasses import dataclass

from ..audio.pcm import samples

DIGIT_GAP = samples(2000)  # digits end when none comes for so long


@dataclass(frozen=True, slots=True)
class CallerEntry:
    """A caller's turn for the ledger; times in samples of the call."""

    text: str
    confidence: float | None
    started: int
    ended: int


class CallerInput:
    """Words by voice and DTMF digits. What was said over speech that goes on is logged behind it."""

    def __init__(self) -> None:
        self.digits = ""
        self.digit_at = 0
        self._words: list[str] = []
        self._unlogged: list[CallerEntry] = []
        self._digits_logged = 0

    def __bool__(self) -> bool:
        return bool(self._words or self.digits)

    @property
    def text(self) -> str:
        """All words, without the digits."""
        return " ".join(self._words)

    def add(self, entry: CallerEntry, counts: bool = True) -> None:
        """Words. Those that do not count (a backchannel over a notice) are for the ledger only."""
        if counts:
            self._words.append(entry.text)
        self._unlogged.append(entry)

    def key(self, digit: str, now: int) -> None:
        """A digit ended at sample `now`."""
        self.digits += digit
        self.digit_at = now

    def digits_complete(self, wanted: int, now: int) -> bool:
        """Whether no more digits are to come: `#`, as many as are `wanted` (0: one), or none for two seconds."""
        if not self.digits:
            return False
        return self.digits.endswith("#") or len(self.digits) >= max(1, wanted) or now - self.digit_at >= DIGIT_GAP

    def take_unlogged(self, digits: bool) -> list[CallerEntry]:
        """What the ledger has to be told, in order; with `digits`, these last, and each only once."""
        entries, self._unlogged = self._unlogged, []
        if digits and (new := self.digits[self._digits_logged :]):
            entries.append(CallerEntry(new, None, self.digit_at, self.digit_at))
            self._digits_logged = len(self.digits)
        return entries

    def clear(self) -> None:
        """A reply to it is heard."""
        self._words, self.digits, self._digits_logged = [], "", 0
