"""Words that ask for nothing: "hello?", "are you there?", "mm-hm", and what recognizers write for a cough.

And what a word or two have to be to ask for something.
"""

from __future__ import annotations

from collections.abc import Sequence

from .intent import Phrases, is_backchannel
from .numbers import cardinals
from .sentences import sentences
from .words import joined, tokens

LONGEST_PHRASE = 6  # words of "is there anybody there at all"
FEW_WORDS = 2


def asks_nothing(text: str, phrases: Phrases, extra: Sequence[str] = (), question: bool = False) -> bool:
    """Whether the text holds nothing but such words; also true of no words at all.

    `question`: the agent was asking, so "yeah" is an answer. `extra`: more backchannels, from the flow.
    """
    return not asking_words(tokens(text), phrases, extra, question)


def asking_words(
    words: Sequence[str], phrases: Phrases, extra: Sequence[str] = (), question: bool = False
) -> list[str]:
    """The words that are part of no idle phrase."""
    asking: list[str] = []
    at = 0
    while at < len(words):
        sizes = range(min(LONGEST_PHRASE, len(words) - at), 0, -1)
        size = next((n for n in sizes if _is_idle(words[at : at + n], phrases, extra, question)), 0)
        if not size:
            asking.append(words[at])
        at += size or 1
    return asking


def may_be_any_sound(words: Sequence[str], phrases: Phrases, expected: Sequence[str] = (), story: bool = False) -> bool:
    """Whether these are a word or two that recognizers write for any sound: "below", "try", "more often".

    A word that interrupts, a number, or one of the `expected` phrases means something. "What?" and "hello?" do not.
    Where a `story` is told, a "no" alone does not either.
    """
    urgent = phrases.urgent.difference(phrases.lists.get("plain_no", ()) if story else ())
    asks = {word for word in urgent if not (phrases.matches("repeat", word) or phrases.matches("hello", word))}
    known = asks.union(*map(tokens, expected))
    if len(words) > FEW_WORDS or not known.isdisjoint(words):
        return False
    return not (cardinals(words, phrases.numbers) or phrases.matches("agent", joined(words)))


def without_idle(text: str, phrases: Phrases) -> str:
    """The text without idle sentences behind one that says something: "To Rome. Hello?" becomes "To Rome."

    A question mark of "Hello?" would make a question of it. What may be an answer to a question stays.
    """
    said = sentences(text)
    first = next((at for at, part in enumerate(said) if not asks_nothing(part, phrases, question=True)), len(said))
    kept = [part for at, part in enumerate(said) if at <= first or not asks_nothing(part, phrases, question=True)]
    return text if len(kept) == len(said) else " ".join(kept)


def _is_idle(words: Sequence[str], phrases: Phrases, extra: Sequence[str], question: bool) -> bool:
    phrase = joined(words)
    if phrase in phrases.noise or any(pattern.fullmatch(phrase) for pattern in phrases.rules.get("hello", ())):
        return True
    return is_backchannel(phrase, phrases, question, extra)
