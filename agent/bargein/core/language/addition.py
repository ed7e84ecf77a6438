"""What the caller adds to a yes: "that's right, but please don't call before nine". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from .agreement import polarity
from .intent import Phrases
from .only_values import value_words
from .values import is_figure
from .words import PhraseTable, joined, tokens

LONGEST_LINK = 6  # words: "and one more thing"
LIMITS = ("before", "after")  # lists of words
_CLAUSE_END = re.compile(r"[,.;:!?\u2013]$")


@dataclass(frozen=True, slots=True)
class YesAndMore:
    """A `yes`, and what was said `more`, without the "but" or "and" that links them. `linked`: there is one."""

    yes: str
    more: str
    linked: bool


def yes_and_more(text: str, phrases: Phrases) -> YesAndMore | None:
    """The clauses at the beginning that agree, and the rest; None if none agrees, or all do."""
    words = text.split()
    begin = 0
    for at in range(1, len(words)):
        link = _link(words[at : at + LONGEST_LINK], phrases)
        if not (link or _CLAUSE_END.search(words[at - 1])):
            continue
        if not _only_agrees(" ".join(words[begin:at]), phrases):
            break
        begin = at
        if link:
            return _parted(words, at, link, phrases)
    return _parted(words, begin, 0, phrases) if begin else None


def _parted(words: list[str], at: int, link: int, phrases: Phrases) -> YesAndMore | None:
    more = " ".join(words[at + link :])
    yes = " ".join(words[:at])
    if not tokens(more) or _only_agrees(more, phrases) or not polarity(yes, phrases):
        return None
    return YesAndMore(yes, more, link > 0)


def _only_agrees(text: str, phrases: Phrases) -> bool:
    """Whether a phrase that agrees, or is polite, is all that is said: "that's right", but not "can we do it later"."""
    words = phrases.cleaned(text)
    whole = any(p.fullmatch(joined(words)) for rule in ("yes", "confirm", "understood") for p in phrases.rules[rule])
    polite = PhraseTable.of(phrases.lists.get("polite", ()), phrases.backchannels)
    return polite.makes_up(tokens(text)) or (whole and not phrases.denies(words))


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
