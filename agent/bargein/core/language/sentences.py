"""Text to sentences, whole or as it streams in."""

from __future__ import annotations

import re

from .abbreviations import ANYWHERE, BEFORE_NUMBER

# The end of a sentence: closing punctuation, perhaps a quote or a mark of emphasis, then space; not after an
# abbreviation or an initial. The look-behind keeps the search linear over "......".
_END = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’)*_`]*\s+")
_INITIAL = re.compile(r"(?:^|[\s(])(?:[A-Za-zÄÖÜ]|St|[A-Za-zÄÖÜ](?:\.[A-Za-z])+)\.$")
SENTENCE_ENDS = (".", "!", "?", "…")
QUOTED_ENDS = (*SENTENCE_ENDS, '"', "”", ")")  # where a quote or an aside ends, too
LONGEST_ABBREVIATION = 24  # characters before an end that are checked
LONGEST_TAIL = 32  # punctuation and spaces after a word; more is dropped
LONGEST_CHARACTERS = 600  # a sentence without an end is spoken in parts


def sentences(text: str) -> list[str]:
    """The sentences of a text, spaces folded."""
    splitter = Sentences()
    return [*splitter.feed(text), *splitter.rest()]


class Sentences:
    """Text in pieces of any size, sentences out as soon as each is surely over. Linear in the length of the text."""

    def __init__(self) -> None:
        self._text = ""
        self._scanned = 0  # up to here no sentence ends

    def __len__(self) -> int:
        """Characters of the sentence that is not complete."""
        return len(self._text)

    def feed(self, text: str) -> list[str]:
        """Sentences that are complete now."""
        self._text += text
        if (tail := _tail(self._text)) > LONGEST_TAIL:
            self._text = self._text[: LONGEST_TAIL - tail]
        out: list[str] = []
        start, at = 0, self._scanned
        while (end := _END.search(self._text, at)) is not None:
            upto = self._text[start : end.end()].strip()
            ends = self._is_end(upto, end.end())
            if ends is None:
                break
            at = end.end()
            if ends:
                out.append(" ".join(upto.split()))
                start = at
        start = self._cut_long(start, out)
        self._text = self._text[start:]
        # Punctuation at the very end waits for the space behind it.
        self._scanned = max(0, at - start) if end is not None else len(self._text) - _tail(self._text)
        return out

    def words(self) -> str:
        """Take out the complete words of a sentence that is not complete yet. "" if there are none."""
        done, space, begun = self._text.rpartition(" ")
        if not any(c.isalnum() for c in done):
            return ""
        self._text, self._scanned = begun, 0
        return " ".join((done + space).split())

    def rest(self) -> list[str]:
        """The rest at the end of the text: one sentence, or none."""
        left, self._text, self._scanned = " ".join(self._text.split()), "", 0
        return [left] if any(c.isalnum() for c in left) else []

    def _is_end(self, upto: str, end: int) -> bool | None:
        """Whether a sentence ends here; None if what follows decides and is not there yet."""
        near = upto[-LONGEST_ABBREVIATION:]
        if not any(c.isalnum() for c in near) or ANYWHERE.search(near) or _INITIAL.search(near):
            return False
        following = self._text[end : end + 1]
        numbered = BEFORE_NUMBER.search(near)
        if not following and upto.endswith(".") and (upto[-2:-1].isdigit() or numbered):
            return None  # "No. 3. May" or "3. 14": wait for what follows
        return not (upto.endswith(".") and (following.islower() or (numbered and following.isdigit())))

    def _cut_long(self, start: int, out: list[str]) -> int:
        """Cut a sentence that has become too long at its spaces. Returns where the rest begins."""
        while len(self._text) - start > LONGEST_CHARACTERS:
            cut = self._text.rfind(" ", start, start + LONGEST_CHARACTERS)
            if cut <= start and (cut := self._text.find(" ", start + LONGEST_CHARACTERS)) < 0:
                break
            if any(c.isalnum() for c in self._text[start:cut]):
                out.append(" ".join(self._text[start:cut].split()))
            start = cut
        return start


def _tail(text: str) -> int:
    """The length of the punctuation, quotes and spaces at the end of a text."""
    return len(text) - len(text.rstrip(".!?…\"'”’)*_` \t\r\n"))
