"""The settings of a conversation, those of overlaps and of the end of a turn included."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..audio.playback import DUCK_DB
from .endpoint import EndpointSettings
from .overlap import OverlapSettings


@dataclass(frozen=True, slots=True)
class ConversationSettings:
    """What one conversation decides by. sensitivity: 0 to 1, see `SpeechDetector.process`."""

    sensitivity: float = 0.5
    duck: bool = True  # lower the agent at the first evidence; False: silence it
    duck_db: float = DUCK_DB
    filler_ms: int = 800  # a silence before a reply, or in it, that is bridged with "One moment."; 0: never
    longest_turn_ms: int = 60_000  # of the caller; a longer one is answered, even if the sound goes on
    wideband: bool = False  # the caller hears 16 kHz
    overlap: OverlapSettings = field(default_factory=OverlapSettings)
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)


DEFAULTS = ConversationSettings()
