"""How many words of a sentence a recognizer got wrong."""

from __future__ import annotations

import jellyfish

from bargein.core.language.words import tokens


def word_errors(said: str, understood: str) -> tuple[int, int]:
    """Words that are wrong, missing or too many, and words said. Case, punctuation and hyphens do not count."""
    letters: dict[str, str] = {}  # a letter for each word, for jellyfish counts letters
    code = [
        "".join(letters.setdefault(word, chr(0x4E00 + len(letters))) for word in tokens(text.replace("-", " ")))
        for text in (said, understood)
    ]
    return jellyfish.levenshtein_distance(*code), len(code[0])
