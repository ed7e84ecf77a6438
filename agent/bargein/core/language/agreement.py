"""Whether the caller agrees, refuses, or agrees and takes it back. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .phrases import Phrases
from .values import Unclear
from .words import PhraseTable, joined, tokens

AGREES = ("yes", "confirm", "understood", "agreed", "next")  # rules; the last: "go on"
LONGEST_YES = 8  # words of one phrase: "that's exactly what I wanted"


def beside_yes(text: str, phrases: Phrases, repeated: Collection[str] = (), skips: bool = False) -> str:
    """The words from the first on that neither agree nor are polite; "" if there are none.

    The words and phrases of `repeated`, which the agent said back, add nothing, and neither does the list `beside`.
    With `skips` the caller may also say "skip that". A rule's wildcard stands for no word here: "yes, I can't come".
    """
    words = tokens(text)
    denials = phrases.no_words | phrases.repairs.unavailable
    plain = PhraseTable.of((form for form in repeated if denials.isdisjoint(tokens(form))), phrases.beside)
    patterns = [p for rule in (*AGREES, *(("redirect",) if skips else ())) for p in phrases.closed.get(rule, ())]
    reached = [True, *([False] * len(words))]
    for at in (at for at in range(len(words)) if reached[at]):
        for end in range(at + 1, min(at + LONGEST_YES, len(words)) + 1):
            part = words[at:end]
            reached[end] |= plain.makes_up(part) or any(pattern.fullmatch(joined(part)) for pattern in patterns)
    return " ".join(words[max(at for at, is_reached in enumerate(reached) if is_reached) :])


def polarity(text: str, phrases: Phrases) -> bool | None:
    """Whether an answer means yes or no; None if it is neither."""
    return None if is_reserved(text, phrases) else _polarity(text, phrases)


def is_reserved(text: str, phrases: Phrases) -> bool:
    """Whether a "but" takes back a yes: "that's right, but I don't want it"; not "yes, but hurry"."""
    spoken = joined(tokens(text))
    found = (match for pattern in phrases.rules.get("but", ()) for match in pattern.finditer(spoken) if match.start())
    but = min(found, key=lambda match: match.start(), default=None)
    if but is None or not _polarity(spoken[: but.start()], phrases):
        return False
    rest = phrases.cleaned(spoken[but.end() :])
    return phrases.matches_words("withdraw", rest) or (phrases.denies(rest) and not phrases.agrees(rest))


def _polarity(text: str, phrases: Phrases) -> bool | None:
    words = phrases.cleaned(text)
    if phrases.matches_words("no", words) or phrases.matches_words("no", tokens(text)):  # "uh-uh" is made of fillers
        return phrases.agrees(words)
    if phrases.agrees(words, whole=True):
        return True
    after_yes = phrases.behind("yes", joined(words)) or words[-1:]
    if phrases.denies(after_yes) and not phrases.agrees(after_yes):  # "sure, but not today", "con gusto, no"
        return None
    if phrases.matches_words("yes", tokens(text)):
        return True
    return True if any(phrases.matches_words(rule, words) for rule in ("yes", "confirm", "understood")) else None


def yes_or_no(text: str, phrases: Phrases) -> bool | None:
    """The answer to a question of yes or no; None if it is neither. Raises Unclear for "yes and no", "not sure"."""
    if phrases.mentions("undecided", text) or is_reserved(text, phrases):
        raise Unclear
    words = phrases.cleaned(text)
    agrees = phrases.mentions("plain_yes", text)
    denies = phrases.mentions("plain_no", text) or any(word in phrases.repairs.negations for word in words)
    if agrees and denies and not phrases.agrees(words):
        raise Unclear
    return _polarity(text, phrases)
