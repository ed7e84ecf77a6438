"""Which callers hear 16 kHz from us: those whose codec carries it, through an Asterisk that takes it.

AudioSocket() plays frames of kind 0x12 since pull request 1492; an older Asterisk ends the call at the first one. Then
Asterisk makes of them whatever the caller's codec needs.
"""

from __future__ import annotations

import re

SINCE = {20: 17, 21: 12, 22: 7, 23: 1}  # the first minor version of each major one; later ones have it
# Asterisk's names of the formats with at least 16,000 samples a second
CODECS = frozenset(
    {"g722", "opus", "g719", "siren7", "siren14", "silk16", "silk24", "speex16", "speex32"}
    | {f"slin{khz}" for khz in (16, 24, 32, 44, 48, 96, 192)}
)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\b")


def hears_wideband(version: str, codec: str) -> bool:
    """`version` as AGI tells it: 22.10.1. `codec`: the formats of the caller's channel, with | between them.

    False where it is not certain: a certified or home-made version, a caller who may get a narrow codec.
    """
    known = _VERSION.match(version)
    if known is None or not set(codec.split("|")) <= CODECS:
        return False
    major, minor = int(known[1]), int(known[2])
    return major > max(SINCE) or minor >= SINCE.get(major, minor + 1)
