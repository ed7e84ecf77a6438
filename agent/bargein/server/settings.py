"""What the configuration says to the core."""

from __future__ import annotations

from ..config import BOOLEANS, Config
from ..core.turns.conversation import Conversation
from ..core.turns.endpoint import EndpointSettings
from ..core.turns.outbound import OutboundConversation
from ..core.turns.records import CallInfo
from ..core.turns.settings import ConversationSettings


def conversation_settings(config: Config, info: CallInfo | None = None) -> ConversationSettings:
    """Of this call, unless its flow says otherwise."""
    silence = config.endpoint
    return ConversationSettings(
        sensitivity=config.hearing.sensitivity,
        duck=config.hearing.overlap == "duck",
        duck_db=config.hearing.duck_db,
        filler_ms=config.dialogue.filler_ms,
        longest_turn_ms=1000 * silence.longest_s,
        wideband=config.audiosocket.wideband and info is not None and info.wideband,
        endpoint=EndpointSettings(min_ms=silence.min_ms, max_ms=silence.max_ms, story_ms=silence.story_ms),
    )


def conversation_class(info: CallInfo) -> type[Conversation]:
    """Of this call: in one that Asterisk placed (`outbound=yes`), somebody else speaks first."""
    return OutboundConversation if BOOLEANS.get(info.variables.get("outbound", "").lower()) else Conversation
