"""The agent's pauses in a replay: when each began and ended, and the evidence for the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core.audio.pcm import ms
from ..core.detector.vad_frame import VadFrame
from ..core.turns.records import Interruption, Resolution
from ..core.turns.transcript import Transcript

HESITATION = "hesitation"  # a kind: a pause so short that the log of a live call has no row of it
TAKEN_BACK = "taken_back"  # its resolution
UNDECIDED = "undecided"  # kind and resolution: the recording ends before the pause does


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause of the agent. Times are in ms from the start; the evidence is that up to the decision.

    kind, resolution: from the row of the log, if there is one. score: the highest, 0 to 1. voice: how much the sound
    is like speech, 0 to 1. words: the transcript at that time; None if the recognizer had not answered.
    """

    onset_ms: int
    paused_ms: int
    decided_ms: int | None = None
    kind: str = UNDECIDED
    resolution: str = UNDECIDED
    score: float = 0.0
    voice: float = 0.0
    loudest_dbfs: float = -100.0
    words: Transcript | None = None
    caller_text: str = ""

    @property
    def detect_latency_ms(self) -> int:
        """From the onset to the decision to pause."""
        return self.paused_ms - self.onset_ms

    @property
    def logged(self) -> bool:
        """Whether the log of a live call would have a row of it."""
        return self.resolution not in (TAKEN_BACK, UNDECIDED)

    @property
    def is_stop(self) -> bool:
        """Whether the agent stopped for the sound: it did not go on with what it said."""
        return self.resolution not in (Resolution.RESUMED, Resolution.HELD, TAKEN_BACK, UNDECIDED)

    def seen(self, evidence: VadFrame) -> Pause:
        """With one more frame of the sound."""
        return replace(
            self,
            score=max(self.score, evidence.score if evidence.voiced else 0.0),
            voice=evidence.speechlike,
            loudest_dbfs=max(self.loudest_dbfs, evidence.level_dbfs),
        )

    def decided(self, now: int) -> Pause:
        """Over at sample `now`; a row of the log may say more."""
        return replace(self, decided_ms=ms(now), kind=HESITATION, resolution=TAKEN_BACK)

    def as_logged(self, row: Interruption) -> Pause:
        """With the decision in the row of the log."""
        return replace(
            self, onset_ms=row.onset_ms, kind=row.kind, resolution=row.resolution, caller_text=row.caller_text
        )
