"""What the caller adds to a yes: "that's right, but please don't call before nine". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .agreement import polarity
from .intent import Phrases
from .only_values import value_words
from .values import is_figure
from .words import joined, tokens

LONGEST_LINK = 6  # words: "and one more thing"
_CLAUSE_END = re.compile(r"[,.;:!?\u2013]$")
_WISHES = (
    "withdraw", "wrong", "change_slot", "agent", "repeat", "stop", "hello", "next", "redirect", "wh_question",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class YesAndMore:
    """A `yes`, and what was said `more`, without the "but" or "and" that links them. `also`: it was an "and"."""

    yes: str
    more: str
    also: bool


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Limits of time in a text, each as "before" or "after" and the words of the value behind it.

    `negated`: "not before nine". `others`: there are values outside of limits.
    """

    found: tuple[tuple[str, str], ...]
    negated: bool
    others: bool


def yes_and_more(text: str, phrases: Phrases) -> YesAndMore | None:
    """The clauses at the beginning that agree, and the rest; None if none agrees, or all do."""
    words = text.split()
    begin = 0
    for at in range(1, len(words)):
        link, also = _link(words[at : at + LONGEST_LINK], phrases)
        if not (link or _CLAUSE_END.search(words[at - 1])):
            continue
        if not polarity(" ".join(words[begin:at]), phrases):
            break
        begin = at
        if link:
            return _parted(words, at, at + link, also, phrases)
    return _parted(words, begin, begin, False, phrases) if begin else None


def _parted(words: list[str], yes_until: int, begin: int, also: bool, phrases: Phrases) -> YesAndMore | None:
    more = " ".join(words[begin:])
    agrees = polarity(" ".join(phrases.cleaned(more)), phrases) or phrases.backchannels.makes_up(tokens(more))
    return YesAndMore(" ".join(words[:yes_until]), more, also) if tokens(more) and not agrees else None


def _link(words: list[str], phrases: Phrases) -> tuple[int, bool]:
    """How many words at the beginning link a rest to a yes ("but", "one more thing"), and whether they add it."""
    rest = joined(tokens(" ".join(words)))
    ends = {rule: _end(rule, rest, phrases) for rule in ("but", "also")}
    return len(rest[: max(ends.values())].split()), ends["also"] > ends["but"]


def _end(rule: str, rest: str, phrases: Phrases) -> int:
    found = (pattern.match(rest) for pattern in phrases.rules.get(rule, ()))
    return max((match.end() for match in found if match), default=0)


def is_addition(said: YesAndMore, phrases: Phrases) -> bool:
    """Whether the rest surely leaves the yes as it is: it tells the agent how to do what was agreed (rule `added`),
    is linked by "and" (rule `also`), or only says not before or after when."""
    words = tokens(said.more)
    if said.more.rstrip().endswith("?") or any(phrases.matches_words(rule, words) for rule in _WISHES):
        return False
    if any(p.match(joined(words)) for p in phrases.rules.get("added", ())):
        return True
    negations = phrases.repairs.negations.union(phrases.lists.get("plain_no", ()))
    first = next((at for at, word in enumerate(words) if word not in negations), len(words))
    if first == len(words) or phrases.matches_words("change", words[first:]):
        return False
    limits = limits_in(said.more, phrases)
    return said.also or (bool(limits.found) and limits.negated and not limits.others)


def limits_in(text: str, phrases: Phrases) -> TimeLimits:
    """The limits of time in a text (lists `before` and `after`)."""
    known, dates = value_words(phrases), phrases.dates
    values = {*phrases.numbers.values, *dates.days, *dates.weekdays, *dates.months, *phrases.times.fixed}
    values -= dates.loose | phrases.numbers.articles
    words = phrases.numbers.words(" ".join(tokens(text)))
    found: list[tuple[str, str]] = []
    others = False
    at = 0

    def is_value(word: str) -> bool:
        return is_figure(word) or known.issuperset(word.split())

    while at < len(words):
        kind = next((name for name in ("before", "after") if words[at] in phrases.lists.get(name, ())), "")
        begin = at + 1 if kind and any(map(is_value, words[at + 1 : at + 2])) else at + 2  # "prima delle nove"
        end = begin
        while kind and end < len(words) and is_value(words[end]):
            end += 1
        if end > begin:
            found.append((kind, " ".join(words[begin:end])))
        else:
            others = others or is_figure(words[at]) or words[at] in values
        at = end if end > begin else at + 1
    return TimeLimits(tuple(found), not phrases.repairs.negations.isdisjoint(words), others)
