"""Text to sentences, whole or as it streams in."""

from __future__ import annotations

import re

# The end of a sentence: closing punctuation, perhaps a quote, then space; not after "Mr." or an initial.
_END = re.compile(r"[.!?…]+[\"'”’)]*\s+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-zÄÖÜ]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|approx|e\.g|i\.e|No|Nr|z\.B|d\.h|ca|Sra|Dra)\.$"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, spaces folded."""
    splitter = Sentences()
    return [*splitter.feed(text), *splitter.rest()]


class Sentences:
    """Text in pieces of any size, sentences out as soon as each is surely over."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, text: str) -> list[str]:
        """Sentences that are complete now."""
        self._text += text
        out: list[str] = []
        start = 0
        for end in _END.finditer(self._text):
            upto = self._text[start : end.end()].strip()
            if _ABBREVIATION.search(upto) or not any(c.isalnum() for c in upto):
                continue
            following = self._text[end.end() : end.end() + 1]
            if end.end() == len(self._text) and upto.endswith(".") and upto[-2:-1].isdigit():
                break  # "No. 3. May" or "3. 14": wait for what follows
            if following.islower() and upto.endswith("."):
                continue
            out.append(" ".join(upto.split()))
            start = end.end()
        self._text = self._text[start:]
        return out

    def rest(self) -> list[str]:
        """What is left at the end of the text: one sentence, or none."""
        left, self._text = " ".join(self._text.split()), ""
        return [left] if any(c.isalnum() for c in left) else []
