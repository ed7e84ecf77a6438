"""Whether the caller agrees, refuses, or agrees and takes it back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .values import Unclear
from .words import joined, tokens

if TYPE_CHECKING:
    from .intent import Phrases


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
