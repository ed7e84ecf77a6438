"""What the agent does during the open overlap, and the row that each sound of it becomes."""

from __future__ import annotations

from collections.abc import Sequence

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
        self.cut: tuple[Playout, int] | None = None  # what was heard of which turn, once it is over
        self._stopped_at = 0  # when the agent was ducked, or fell silent if it did
        self._silent = False
        self._unpaused_at = -NO_BLIP  # when it last went on
        self.nothing = 0  # sounds of this overlap that were no interruption

    def ducked(self, turn: CallerTurn | None, now: int) -> None:
        """The agent is ducked for the sound `turn`."""
        self._stopped(turn, now)
        self._silent, self.cut, self.nothing = False, None, 0

    def paused(self, turn: CallerTurn | None, now: int) -> None:
        """The agent falls silent for the sound `turn`, or for a digit."""
        self._stopped(turn, now)
        self._silent = True

    def _stopped(self, turn: CallerTurn | None, now: int) -> None:
        self._stopped_at = now
        if turn is not None:
            turn.stopped_at = now

    def joined(self, turn: CallerTurn) -> None:
        """The sound `turn` begins in the overlap. The agent may be silent for the one before it."""
        if self._silent:
            turn.stopped_at = self._stopped_at

    def paused_ms(self, now: int) -> int:
        """How long the agent has been silent, while it is."""
        return ms(now - self._stopped_at)

    def unpaused(self, sounds: Sequence[CallerTurn], now: int) -> bool:
        """The agent talks on over these sounds. Returns whether the pause was too short to be noticed."""
        unnoticed = now - self._stopped_at <= UNNOTICED_PAUSE
        for turn in sounds:
            turn.silenced, turn.stops = self.silenced(turn, now), False
        self._silent, self._unpaused_at = False, now
        return unnoticed

    def silenced(self, turn: CallerTurn, now: int) -> bool:
        """Whether the agent was silent during this sound for long enough to be noticed."""
        silent = self._silent and turn.stopped_at == self._stopped_at
        return turn.silenced or (silent and now - self._stopped_at > UNNOTICED_PAUSE)

    def closed(self, playout: Playout) -> None:
        """The agent's turn is over; `playout`: what was heard of it. Sounds over it may not be decided yet."""
        self.cut = self.cut or (playout, self._ledger.seq_of(playout))

    def just_unpaused(self, now: int) -> bool:
        """Whether the agent went on a moment ago. To stop again now would leave a blip of speech."""
        return now - self._unpaused_at < NO_BLIP

    def false_interruption(self, playout: Playout, turn: CallerTurn, now: int, text: str) -> list[Action]:
        """The row of a sound that was no interruption: held, or resumed after a silence.

        Its words may come when the agent's turn is over. What was heard of that turn is in the row.
        """
        self.nothing += 1
        heard, seq = self.cut or (playout, None)
        unheard = turn.transcript is None and turn.likely is not None and turn.likely.backchannel >= LIKELY_BACKCHANNEL
        kind = Kind.BACKCHANNEL if turn.text or unheard else Kind.NOISE
        resolution = Resolution.RESUMED if self.silenced(turn, now) else Resolution.HELD
        return self.interruption(heard, turn, now, kind, resolution, text, seq)

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
        seq = self._ledger.seq_of(playout) if turn_seq is None else turn_seq
        stopped_at, faded = self._stopped_at, 0 if resolution is Resolution.HELD else FADE_SAMPLES
        if turn is None or resolution not in (Resolution.HELD, Resolution.RESUMED):
            self.cut = playout, seq
        else:
            stopped_at = turn.stopped_at
        return self._ledger.interruption(
            playout,
            turn_seq=seq,
            onset=turn.onset if turn is not None else now,
            paused=stopped_at,
            decided=now,
            silent=stopped_at + faded,
            kind=kind,
            resolution=resolution,
            evidence=turn.evidence if turn is not None else 1.0,
            caller_text=text,
        )
