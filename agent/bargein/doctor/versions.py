"""What is wrong with the AudioSocket of which version of Asterisk.

Sources: the change logs of Asterisk 20.5 and 21.0 (busy loop: issue 234), of April 2025 (digits: pull request 1138) and
of November 2025 (rates: pull request 1492); and what tests/asterisk sees of 22.10.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..pbx.wideband import SINCE

OLDEST = (18, 0)  # the first with an AudioSocket that is still maintained
TESTED = "22.10.1"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in versions before `since`: the first good minor version of each major one.

    Later major versions are good. Earlier ones, and those between without an entry, never became good. Without any
    entry no version is good.
    """

    what: str
    since: Mapping[int, int]
    without: str  # how to live with it

    def of(self, major: int, minor: int) -> bool:
        """Whether this version has it."""
        return not self.since or (major <= max(self.since) and minor < self.since.get(major, minor + 1))

    @property
    def remedy(self) -> str:
        """One line."""
        if not self.since:
            return self.without
        versions = ", ".join(f"{major}.{minor}" for major, minor in sorted(self.since.items()))
        return f"upgrade to {versions} or newer, or {self.without} (tested with {TESTED})"


DIGITS = Problem("the agent gets no digits from callers", {20: 14, 21: 9, 22: 4}, "do not ask for digits")
BUSY = Problem(
    "AudioSocket() takes a whole core for each call",
    {20: 5, 21: 0},
    "print the dialplan with `bargein dialplan --app dial`",
)
# docs/decisions/eight-khz.md says what each dialplan sends.
WIDEBAND = Problem(
    "the dialplan asks AudioSocket for 16 kHz, which this Asterisk calls 8 kHz",
    SINCE,
    "write c(slin) instead of c(slin16), or print the dialplan with `bargein dialplan --app dial`",
)
OTHER_RATE = Problem(
    "the dialplan asks AudioSocket for a rate that the agent does not take (8 and 16 kHz)",
    {},
    "write c(slin) in Dial(AudioSocket/...)",
)


def problems(major: int, minor: int, dialplan: str) -> list[Problem]:
    """Those that matter for this dialplan, the worst first. `dialplan`: what `dialplan show` prints."""
    rates = set(re.findall(r"AudioSocket/[^,\n]*/c\(slin([0-9]+)", dialplan))
    known = (
        (BUSY, "AudioSocket(${" in dialplan),
        (DIGITS, True),
        (WIDEBAND, "16" in rates),
        (OTHER_RATE, bool(rates - {"16"})),
    )
    return [problem for problem, matters in known if matters and problem.of(major, minor)]
