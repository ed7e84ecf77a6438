"""Makes text from outside harmless for a terminal, a log line or a file."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"  # some scripts need them, and they are harmless


def neutral(text: str) -> str:
    """One line of text from the network, harmless: no control, escape, bidi override or private character acts."""
    return "".join(map(neutral_character, text)) if not text.isascii() or not text.isprintable() else text


def neutral_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category in ("Zl", "Zp"):
        return " "
    if category[0] == "C" and character not in JOINERS:  # Cc control, Cf format, Cs surrogate, Co private, Cn none
        return "\ufffd"
    return character
