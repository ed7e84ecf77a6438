"""What is wrong with the AudioSocket of which version of Asterisk.

Sources: the change logs of Asterisk 20.5 and 21.0 (busy loop: issue 234), of April 2025 (digits: pull request 1138) and
of November 2025 (rates: pull request 1492); and what tests/asterisk sees of 22.10.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OLDEST = (18, 0)  # the first with an AudioSocket that is still maintained
TESTED = "22.10.1"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in versions before `since`: the first good minor version of each major one.

    Later major versions are good. Earlier ones, and those between without an entry, never became good.
    """

    what: str
    since: Mapping[int, int]
    without: str  # how to live with it

    def of(self, major: int, minor: int) -> bool:
        """Whether this version has it."""
        return major <= max(self.since) and minor < self.since.get(major, minor + 1)

    @property
    def remedy(self) -> str:
        """One line."""
        versions = ", ".join(f"{major}.{minor}" for major, minor in sorted(self.since.items()))
        return f"upgrade to {versions} or newer, or {self.without} (tested with {TESTED})"


DIGITS = Problem("the agent gets no digits from callers", {20: 14, 21: 9, 22: 4}, "do not ask for digits")
BUSY = Problem(
    "AudioSocket() takes a whole core for each call",
    {20: 5, 21: 0},
    "print the dialplan with `bargein dialplan --app dial`",
)
RATES = Problem(
    "audio at more than 8 kHz is sent as if it were 8 kHz",
    {20: 17, 21: 12, 22: 7, 23: 1},
    "write c(slin) in Dial(AudioSocket/...)",
)


def problems(major: int, minor: int, dialplan: str) -> list[Problem]:
    """Those that matter for this dialplan, the worst first. `dialplan`: what `dialplan show` prints."""
    wideband = "c(slin1" in dialplan or "c(slin2" in dialplan or "c(slin4" in dialplan
    known = (BUSY, "AudioSocket(${" in dialplan), (DIGITS, True), (RATES, wideband)
    return [problem for problem, matters in known if matters and problem.of(major, minor)]
