"""Decides the overlaps of one call: what the conversation asks about a sound of the caller while it has the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..language.intent import Phrases
from .caller import STILL_SOUNDING_MS
from .endpoint import CallerTurn
from .overlap import OverlapSettings, classify_overlap, follow_sound
from .table import Event

NO_WORD = 0.15  # probability of a word below which the agent talks on at full level
NO_REQUEST = 0.3  # below which a reply begins over a sound


@dataclass(frozen=True, slots=True)
class OverlapJudge:
    """`now` is in samples of the call, as everywhere."""

    phrases: Phrases
    settings: OverlapSettings

    def follow(self, turn: CallerTurn, now: int, paused: bool, duck: bool) -> Event | None:
        """What this frame of the sound does to the agent, before any words are known. `duck`: False falls silent."""
        if not duck:
            return None if paused else Event.SPEECH
        return follow_sound(turn.sound(now), paused, self.settings.early)

    def lowers(self, turn: CallerTurn, now: int) -> bool:
        """Whether a ducked agent still has to be low: the sound goes on and may be words."""
        return turn.silent_ms(now) < STILL_SOUNDING_MS and (turn.likely is None or turn.likely.word >= NO_WORD)

    def verdict(
        self, turn: CallerTurn, now: int, thinking: bool, question: bool, backchannels: Sequence[str]
    ) -> Event | None:
        """INTERRUPTION, FALSE_INTERRUPTION, or None to wait, for a sound over the agent's speech.

        `thinking`: a reply is being prepared. Then only a new request is an interruption, and "hello?" is none.
        """
        asking = question and not thinking
        event = classify_overlap(turn.sound(now), turn.transcript, self.phrases, asking, backchannels, self.settings)
        if thinking and event is Event.INTERRUPTION and self.phrases.matches("hello", turn.text):
            return Event.FALSE_INTERRUPTION if turn.silent_ms(now) >= STILL_SOUNDING_MS else None
        return event

    def holds_reply(self, turn: CallerTurn | None, now: int) -> bool:
        """Whether a reply that is ready has to wait: the caller makes a sound that may be a new request."""
        if turn is None:
            return False
        sounding = turn.silent_ms(now) < STILL_SOUNDING_MS
        return not (sounding and turn.likely is not None and turn.likely.word < NO_REQUEST)
