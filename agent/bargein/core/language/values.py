"""Values in the caller's words: the tokens they consist of, and which of several values the caller means. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

from .words import NEGATOR_WORDS, alternatives, joined, spoken_text, tokens

T = TypeVar("T")

# A figure with its inner separators and attached letters ("1,200.50", "010-4278", "10:30", "5th"), or a word.
_TOKEN = re.compile(
    r"(?:(?<![\w)])[+\-\u2212])?[0-9]+(?:[.,:/'\u2019\-\u2010-\u2015\u2212\u00a0\u202f\u2009][0-9]+)*[^\W\d_]*"
    r"|[^\W\d_]+(?:'[^\W_]+)*|[\u27c2\u27c3]"
)
REPAIR = "\u27c2"  # the token for "no," and the like, which only takes back what came before
PAUSE = "\u27c3"  # the token for a comma, where it matters
NEVER = re.compile(r"(?!)")


class Unclear(ValueError):
    """The words hold a value, but part of what was said was not used: ask again rather than guess."""


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """A value in the words `start` to `end` (exclusive)."""

    value: T
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Repairs:
    """How callers take back what they said. `negators` is matched against the words before a value."""

    negators: re.Pattern[str] = NEVER
    markers: re.Pattern[str] = NEVER  # "no", "I mean": what follows replaces what came before
    negations: frozenset[str] = frozenset()  # "not", "don't": words that deny something
    joiners: frozenset[str] = frozenset()  # "or", "and"

    paused: re.Pattern[str] = NEVER  # a marker and a pause behind it
    instead: re.Pattern[str] = NEVER  # at the end: "four instead" takes nothing back but what was said before
    clause_ends: re.Pattern[str] = NEVER  # a pause, or "but" in front of a word
    conditions: frozenset[str] = frozenset()  # "if"
    unavailable: frozenset[str] = frozenset()  # "busy": it denies all values of its clause

    @classmethod
    def of(cls, data: Mapping[str, Any], negators: re.Pattern[str]) -> Repairs:
        """From the part `repairs` of a language file."""
        markers = sorted(data.get("markers", ()), key=len, reverse=True)
        return cls(
            negators,
            re.compile(rf"(?<!\S){_markers(markers)}"),
            frozenset(data.get("negations", ())),
            frozenset(data.get("joiners", ())),
            re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, markers))}) ?[,.;:!]", re.IGNORECASE)
            if markers
            else NEVER,
            re.compile(rf"(?<!\S){alternatives(data.get('instead', ()))}$"),
            _clause_ends(data.get("but", ())),
            frozenset(data.get("if", ())),
            frozenset(data.get("unavailable", ())),
        )

    @property
    def denials(self) -> frozenset[str]:
        """Words that deny what is said beside them."""
        return self.negations | self.unavailable

    def marked(self, text: str) -> str:
        """The text with REPAIR for every marker that a pause follows: in "no, Monday" the day is not refused. A clause
        with a denial in it has PAUSE at both ends: in "Monday I can't, Tuesday" Monday is refused."""
        clauses = self.clauses(self.paused.sub(f" {REPAIR} ", text))
        return "".join(
            f" {PAUSE} {clause} {PAUSE} " if self.denials & set(tokens(clause)) else clause for clause in clauses
        )

    def clauses(self, text: str) -> list[str]:
        """The text in pieces: clauses, and the pauses between them."""
        return self.clause_ends.split(text)

    def deny(self, clause: Sequence[str], ends: Sequence[int]) -> bool:
        """Whether a clause denies its values, whose ends these are: "Monday doesn't work", but not "not Monday"."""
        denial = next((i for i, word in enumerate(clause) if word in self.negations), -1)
        denies = bool(ends) and (max(ends) <= denial or not self.unavailable.isdisjoint(clause))
        return denies and self.conditions.isdisjoint(clause)


def _markers(markers: Sequence[str]) -> str:
    return f"(?:{alternatives(markers)}|{REPAIR} )"


def _clause_ends(but: Sequence[str]) -> re.Pattern[str]:
    before = rf"|\b(?=(?:{'|'.join(map(re.escape, but))})\b)" if but else ""
    return re.compile(rf"((?:[,;:!?]|(?<!\d)\.)+(?=\s|$){before})", re.IGNORECASE)


def value_tokens(text: str) -> list[str]:
    """Lower-case words and figures. A figure keeps its separators and attached letters: "1,200.50", "10:30", "5th"."""
    plain = spoken_text(text)
    if not plain.isascii():
        plain = "".join(str(d) if (d := unicodedata.decimal(c, None)) is not None else c for c in plain)
    return _TOKEN.findall(plain)


def is_figure(token: str) -> bool:
    """Whether a token is written in figures."""
    return bool(token) and (token[0] in "+-\u2212" or token[0].isdigit())


def merged(words: Sequence[str], phrases: Iterable[str]) -> list[str]:
    """The words with phrases of several words made one token each, the longest first: "quatre vingt dix"."""
    table: dict[str, list[list[str]]] = {}
    for phrase in sorted((p.split() for p in phrases if " " in p), key=len, reverse=True):
        table.setdefault(phrase[0], []).append(phrase)
    out: list[str] = []
    at = 0
    while at < len(words):
        found = next((p for p in table.get(words[at], ()) if list(words[at : at + len(p)]) == p), None)
        out.append(" ".join(found) if found else words[at])
        at += len(found) if found else 1
    return out


def wanted(found: Sequence[Said[T]], words: Sequence[str], repairs: Repairs) -> list[Said[T]]:
    """The values that were meant: without those refused ("not Monday") and those taken back ("two, no, three").

    Raises Unclear if a refusal is left that belongs to none of them, or only refused values were said.
    """
    kept: list[Said[T]] = []
    denied, used = _denied(found, words, repairs)
    refused_until = -1  # the end of the last refused value
    refused: set[T] = set()
    for said in found:
        if said.start in denied:
            continue
        before = words[max(0, said.start - NEGATOR_WORDS) : said.start]
        negator = repairs.negators.search(joined(before))
        linked = refused_until == said.start - 1 and words[said.start - 1] in repairs.joiners
        if negator is None and not linked:
            kept.append(said)
            continue
        refused_until = said.end
        refused.add(said.value)
        count = len(negator[0].split()) if negator else 1
        if words[max(0, said.start - count - 1)] in repairs.conditions:
            raise Unclear  # "if not Monday, then Tuesday"
        if kept and _may_deny(words[kept[-1].end : said.start - count], repairs):
            raise Unclear  # "Montag geht nicht Dienstag geht"
        used.update(range(said.start - count, said.start))
    if found and not kept:
        raise Unclear
    if any(said.value in refused for said in kept):
        raise Unclear  # "Friday, but not this Friday"
    return _unrepaired(kept, words, repairs, used)


def _denied(found: Sequence[Said[T]], words: Sequence[str], repairs: Repairs) -> tuple[set[int], set[int]]:
    """Where the values begin that their clause denies ("Monday doesn't work, Tuesday"), and where the denials are.

    Another value has to follow: "five of us, but one can't" denies no number.
    """
    denied: set[int] = set()
    used: set[int] = set()
    pauses = [-1, *(i for i, word in enumerate(words) if word == PAUSE), len(words)]
    for begin, end in pairwise(pauses):
        clause = words[begin + 1 : end]
        inside = [said for said in found if begin < said.start < end]
        if found and found[-1].start > end and repairs.deny(clause, [said.end - begin - 1 for said in inside]):
            denied.update(said.start for said in inside)
            used.update(i for i in range(begin + 1, end) if words[i] in repairs.denials)
    return denied, used


def _may_deny(between: Sequence[str], repairs: Repairs) -> bool:
    """Whether a "not" behind these words may belong to the value before them: they are no pause and no "and"."""
    return bool(between) and PAUSE not in between and not repairs.joiners & set(between)


def _unrepaired(kept: list[Said[T]], words: Sequence[str], repairs: Repairs, used: set[int]) -> list[Said[T]]:
    """Only what follows the last marker of a repair."""
    if not kept:
        return kept
    gaps = [(a.end, b.start) for a, b in pairwise(kept)]
    last = 0
    for index, (start, end) in enumerate(gaps, 1):
        if repairs.markers.search(joined(_outside(words, start, end, used))):
            last = index
    rest = joined(_outside(words, kept[-1].end, len(words), used))
    if repairs.markers.search(repairs.instead.sub("", rest)):
        raise Unclear
    begin = kept[last - 1].end if last else 0
    if any(i not in used and words[i] in repairs.denials for i in range(begin, len(words))):
        raise Unclear
    return kept[last:]


def _outside(words: Sequence[str], start: int, end: int, used: set[int]) -> list[str]:
    return [words[i] for i in range(start, end) if i not in used]


def the_one(found: Sequence[Said[T]], words: Sequence[str], repairs: Repairs) -> T | None:
    """The value that was meant; None if there is none. Raises Unclear if several may be meant."""
    kept = wanted(found, words, repairs)
    for a, b in pairwise(kept):
        if b.start == a.end + 1 and words[a.end] in repairs.joiners:
            raise Unclear  # "two and two", "five or six"
    values = {said.value for said in kept}
    if len(values) > 1:
        raise Unclear
    return kept[0].value if kept else None
