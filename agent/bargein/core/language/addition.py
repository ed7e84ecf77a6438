"""What the caller adds to a yes: "that's right, but please don't call before nine". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from .agreement import beside_yes, polarity
from .only_values import value_words
from .phrases import Phrases
from .values import is_figure
from .words import joined, tokens

LONGEST_LINK = 6  # words: "and one more thing"
LIMITS = ("before", "after")  # lists of words
_CLAUSE_END = re.compile(r"[,.;:!?\u2013]$")


@dataclass(frozen=True, slots=True)
class YesAndMore:
    """A `yes`, and what was said `more`, without the "but" or "and" that links them."""

    yes: str
    more: str


def yes_and_more(text: str, phrases: Phrases) -> YesAndMore | None:
    """The clauses at the beginning that agree, and the rest; None if none agrees, or all do."""
    words = text.split()
    begin = 0
    for at in range(1, len(words)):
        link = _link(words[at : at + LONGEST_LINK], phrases)
        if not (link or _CLAUSE_END.search(words[at - 1])):
            continue
        if beside_yes(" ".join(words[begin:at]), phrases):
            break
        begin = at
        if link:
            return _parted(words, at, link, phrases)
    return _parted(words, begin, 0, phrases) if begin else None


def _parted(words: list[str], at: int, link: int, phrases: Phrases) -> YesAndMore | None:
    more = " ".join(words[at + link :])
    yes = " ".join(words[:at])
    if not tokens(more) or not beside_yes(more, phrases) or not polarity(yes, phrases):
        return None
    return YesAndMore(yes, more)


def _link(words: list[str], phrases: Phrases) -> int:
    """How many words at the beginning link a rest to a yes: "but", "and", "one more thing"."""
    rest = joined(tokens(" ".join(words)))
    found = (pattern.match(rest) for rule in ("but", "also") for pattern in phrases.rules.get(rule, ()))
    return len(rest[: max((match.end() for match in found if match), default=0)].split())


def is_addition(more: str, phrases: Phrases) -> bool:
    """Whether these words only tell the agent how to do what was agreed, in one of the phrases of the rule `added`."""
    return _is_added(phrases.cleaned(more), phrases)


def _is_added(words: list[str], phrases: Phrases) -> bool:
    """Without the rule's usual leads: "no" is one."""
    return any(pattern.search(joined(words)) for pattern in phrases.rules.get("added", ()))


def limit_in(more: str, phrases: Phrases) -> tuple[str, str] | None:
    """The limit of time of an addition that is nothing else: "before", "nine" of "please don't call before nine"."""
    known = value_words(phrases) - phrases.repairs.negations
    words = phrases.numbers.words(" ".join(phrases.cleaned(more)))
    forms = [(kind, form.split()) for kind in LIMITS for form in phrases.lists.get(kind, ())]
    for at, (kind, form) in product(range(len(words)), forms):
        begin = end = at + len(form) if words[at : at + len(form)] == form else len(words)
        while end < len(words) and (is_figure(words[end]) or known.issuperset(words[end].split())):
            end += 1
        if end > begin and _is_added([*words[:begin], *words[end:]], phrases):
            return kind, " ".join(words[begin:end])
    return None
