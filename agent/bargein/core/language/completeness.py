"""Whether the caller's words so far are a complete answer, by the words and by what the agent expects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .digits import digits_in
from .intent import is_complete
from .phrases import Phrases
from .values import Unclear
from .words import mentions_any, tokens

STORY_WORDS = 4  # fewer are rarely all that a caller has to say in their own words
NAME_WORDS = 4  # more behind "my name is" say why the caller calls
_SENTENCES = re.compile(r"(?<=[.!?])\s+")


class ExpectedAnswer(Protocol):
    """What the agent waits for; `Expected` of core.turns is one."""

    @property
    def kind(self) -> str: ...

    @property
    def minimum(self) -> int | None: ...

    @property
    def maximum(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Signs:
    """What the words say about the end of a turn in which the caller talks freely."""

    incomplete: bool  # "I would like the"
    few: bool = False  # fewer than `STORY_WORDS` words
    introduction: bool = False  # "Hello, my name is Miller."
    question: bool = False

    @classmethod
    def of(cls, text: str, phrases: Phrases, incomplete: bool) -> Signs:
        """`incomplete` is what `completeness` says."""
        introduction = is_introduction(text, phrases)
        few = len(tokens(text)) < STORY_WORDS and not introduction
        return cls(incomplete, few, introduction, text.rstrip().endswith("?") and not incomplete)


def completeness(text: str, phrases: Phrases, expects: ExpectedAnswer, hints: Sequence[str] = ()) -> bool | None:
    """True: the turn is over at the next silence. False: surely more is to come. None: the words do not tell.

    `hints` are the words of the choices.
    """
    if expects.kind in ("digits", "phone"):
        return _digits(text, phrases, expects)
    words = tokens(text)
    whole = is_complete(text, phrases)
    if words and expects.kind in ("yes_no", "choice") and whole is not False:
        answered = expects.kind == "yes_no" and any(phrases.matches(rule, text) for rule in ("yes", "no"))
        if answered or mentions_any(text, hints):
            return True
    elif whole is None and mentions_any(text, hints):
        whole = True
    if expects.kind == "text" and whole is not False:
        if len(words) < STORY_WORDS or is_introduction(text, phrases):
            return False  # "Hello, my name is Miller." does not say yet what the call is about
        return None  # "can I have ..." is whole as a command, not as a story
    if whole and text and all(word in phrases.urgent for word in words):
        return None  # "wait", "no": usually there is more to come
    return whole


def is_introduction(text: str, phrases: Phrases) -> bool:
    """Whether the last sentence says who speaks, and not yet why: "Hello.", "Hi, my name is Miller."

    "Hi, I lost my card." and "This is not what I ordered." say why: a name does not begin with "I" or "not".
    """
    last = _SENTENCES.split(text.strip())[-1]
    name = phrases.behind("introduction", last)
    return name is not None and len(name) <= NAME_WORDS and not phrases.not_names.intersection(name[:1])


def _digits(text: str, phrases: Phrases, expects: ExpectedAnswer) -> bool | None:
    """Complete at the maximum, incomplete below the minimum. Without a digit the words decide."""
    try:
        count = len(digits_in(text, phrases.numbers, phrases.repairs))
    except Unclear:  # "1, C, 7 8": part of a number, misheard
        return None if expects.minimum is None else False
    most = expects.maximum or expects.minimum
    if most is not None and count >= most:
        return True
    if not count:
        whole = is_complete(text, phrases)
        return whole if whole else False
    if expects.minimum is not None and count < expects.minimum:
        return False
    return None
