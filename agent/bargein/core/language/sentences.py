"""Text to sentences, whole or as it streams in."""

from __future__ import annotations

import re

from .abbreviations import ANYWHERE, BEFORE_NUMBER

# The end of a sentence: closing punctuation, perhaps a quote or a mark of emphasis, then space; not after an
# abbreviation or an initial.
_END = re.compile(r"[.!?…]+[\"'”’)*_`]*\s+")
_INITIAL = re.compile(r"(?:^|[\s(])(?:[A-Za-zÄÖÜ]|St|[A-Za-zÄÖÜ](?:\.[A-Za-z])+)\.$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, spaces folded."""
    splitter = Sentences()
    return [*splitter.feed(text), *splitter.rest()]


class Sentences:
    """Text in pieces of any size, sentences out as soon as each is surely over."""

    def __init__(self) -> None:
        self._text = ""

    def __len__(self) -> int:
        """Characters of the sentence that is not complete."""
        return len(self._text)

    def feed(self, text: str) -> list[str]:
        """Sentences that are complete now."""
        self._text += text
        out: list[str] = []
        start = 0
        for end in _END.finditer(self._text):
            upto = self._text[start : end.end()].strip()
            if not any(c.isalnum() for c in upto) or ANYWHERE.search(upto) or _INITIAL.search(upto):
                continue
            following = self._text[end.end() : end.end() + 1]
            numbered = BEFORE_NUMBER.search(upto)
            if not following and upto.endswith(".") and (upto[-2:-1].isdigit() or numbered):
                break  # "No. 3. May" or "3. 14": wait for what follows
            if upto.endswith(".") and (following.islower() or (numbered and following.isdigit())):
                continue
            out.append(" ".join(upto.split()))
            start = end.end()
        self._text = self._text[start:]
        return out

    def words(self) -> str:
        """The words that are complete so far, of a sentence that is not; they are taken out. "" if there are none."""
        done, space, begun = self._text.rpartition(" ")
        if not any(c.isalnum() for c in done):
            return ""
        self._text = begun
        return " ".join((done + space).split())

    def rest(self) -> list[str]:
        """What is left at the end of the text: one sentence, or none."""
        left, self._text = " ".join(self._text.split()), ""
        return [left] if any(c.isalnum() for c in left) else []
