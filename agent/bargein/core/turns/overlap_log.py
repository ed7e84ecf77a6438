"""What the agent did during the open overlap, and the row that it becomes."""

from __future__ import annotations

from ..audio.pcm import ms, samples
from ..audio.playout import Playout
from ..audio.twin import FADE_SAMPLES
from ..language.kinds import Kind
from .actions import Action
from .endpoint import CallerTurn
from .ledger import Ledger
from .records import Resolution

UNNOTICED_PAUSE = samples(200)  # after a shorter pause the agent talks on exactly where it stopped
NO_BLIP = samples(100)
LIKELY_BACKCHANNEL = 0.5  # probability by the sound, where no words were asked for


class OverlapLog:
    """Times in samples of the call."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stopped_at = 0  # when the agent was ducked, or fell silent if it did
        self._unpaused_at = -NO_BLIP  # when it last went on
        self.silenced = False  # long enough for the caller to notice

    def ducked(self, now: int) -> None:
        """A new overlap: the agent is ducked."""
        self._stopped_at, self.silenced = now, False

    def paused(self, now: int) -> None:
        """The agent falls silent."""
        self._stopped_at = now

    def paused_ms(self, now: int) -> int:
        """How long the agent has been silent, while it is."""
        return ms(now - self._stopped_at)

    def unpaused(self, now: int) -> bool:
        """The agent talks on. Returns whether the pause was too short to be noticed."""
        unnoticed = now - self._stopped_at <= UNNOTICED_PAUSE
        self.silenced = self.silenced or not unnoticed
        self._unpaused_at = now
        return unnoticed

    def just_unpaused(self, now: int) -> bool:
        """Whether the agent went on a moment ago. To stop again now would leave a blip of speech."""
        return now - self._unpaused_at < NO_BLIP

    def false_interruption(self, playout: Playout, turn: CallerTurn, now: int, text: str) -> list[Action]:
        """The row of a sound that was no interruption: held, or resumed after a silence."""
        unheard = turn.transcript is None and turn.likely is not None and turn.likely.backchannel >= LIKELY_BACKCHANNEL
        kind = Kind.BACKCHANNEL if turn.text or unheard else Kind.NOISE
        resolution = Resolution.RESUMED if self.silenced else Resolution.HELD
        return self.interruption(playout, turn, now, kind, resolution, text)

    def hung_up(self, playout: Playout, turn: CallerTurn, now: int, text: str) -> list[Action]:
        """The row of an overlap in which the caller hung up."""
        return self.interruption(playout, turn, now, Kind.OTHER, Resolution.HUNG_UP, text)

    def retracted(self, playout: Playout, turn: CallerTurn, now: int, text: str, cut_off: int) -> list[Action]:
        """The row of a reply that cut the caller off in the caller's turn `cut_off`."""
        return self.interruption(playout, turn, now, Kind.OTHER, Resolution.RETRACTED, text, cut_off)

    def interruption(
        self,
        playout: Playout,
        turn: CallerTurn | None,
        now: int,
        kind: Kind,
        resolution: Resolution,
        text: str = "",
        turn_seq: int | None = None,
    ) -> list[Action]:
        """The row of this overlap, decided now. `turn`: the caller's sound, None for a digit.

        `turn_seq`: the turn that was interrupted; None: the agent's turn that is not logged yet.
        """
        faded = 0 if resolution is Resolution.HELD else FADE_SAMPLES
        return self._ledger.interruption(
            playout,
            turn_seq=self._ledger.seq_of(playout) if turn_seq is None else turn_seq,
            onset=turn.onset if turn is not None else now,
            paused=self._stopped_at,
            decided=now,
            silent=self._stopped_at + faded,
            kind=kind,
            resolution=resolution,
            evidence=turn.evidence if turn is not None else 1.0,
            caller_text=text,
        )
