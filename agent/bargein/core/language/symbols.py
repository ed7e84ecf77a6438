"""Characters that have no sound."""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f\u20e3\ufeff\u00ad")


def without_emoji(text: str) -> str:
    """The text without emoji, pictographs and invisible characters; a pictograph leaves a space."""
    if text.isascii():
        return text
    kept = (c for c in text if c not in _INVISIBLE and not 0xE0000 <= ord(c) <= 0xE007F)
    return "".join(" " if _pictograph(c) else c for c in kept)


def _pictograph(c: str) -> bool:
    symbol = unicodedata.category(c) == "So" and c not in "°©®™№"
    return ord(c) > 0x7F and (symbol or 0x1F3FB <= ord(c) <= 0x1F3FF or c in "→←↑↓⇒➜")
