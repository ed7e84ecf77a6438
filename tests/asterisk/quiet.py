"""When a caller stopped to hear the agent, from the RTP that arrived."""

from __future__ import annotations

import numpy as np

from . import g711
from .phone import RATE, Packet

AUDIBLE = 100  # -50 dBFS: below it is the silence between words and what G.711 makes of zero
STAYS_QUIET_S = 0.4  # a shorter gap is a pause between words


def audible_until(received: list[Packet], onset: float) -> float:
    """The last sample above -50 dBFS before the first quiet of 0.4 s that begins after `onset`; monotonic seconds.

    `onset` itself if the agent was silent then. Each packet plays from its arrival.
    """
    last = onset
    for packet in received:
        if packet.payload_type not in g711.VALUES:
            continue
        loud = np.flatnonzero(np.abs(g711.decode(packet.payload, packet.payload_type).astype(int)) > AUDIBLE)
        if not len(loud):
            continue
        first, until = packet.at + loud[0] / RATE, packet.at + (loud[-1] + 1) / RATE
        if until <= onset:
            continue
        if first > last + STAYS_QUIET_S:
            return last
        last = until
    return last


def was_talking(received: list[Packet], at: float) -> bool:
    """Whether the agent was heard within 0.3 s of `at`."""
    near = [p for p in received if at - 0.3 <= p.at <= at and p.payload_type in g711.VALUES]
    return any(np.abs(g711.decode(p.payload, p.payload_type).astype(int)).max(initial=0) > AUDIBLE for p in near)
