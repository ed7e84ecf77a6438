"""What the configuration says to the core."""

from __future__ import annotations

from ..config import Config
from ..core.turns.endpoint import EndpointSettings
from ..core.turns.settings import ConversationSettings


def conversation_settings(config: Config) -> ConversationSettings:
    """Of every call, unless its flow says otherwise."""
    return ConversationSettings(
        sensitivity=config.hearing.sensitivity,
        duck=config.hearing.overlap == "duck",
        duck_db=config.hearing.duck_db,
        filler_ms=config.dialogue.filler_ms,
        longest_turn_ms=1000 * config.endpoint.longest_s,
        endpoint=EndpointSettings(min_ms=config.endpoint.min_ms, max_ms=config.endpoint.max_ms),
    )
