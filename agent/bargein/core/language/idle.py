"""Words that ask for nothing: "hello?", "are you there?", "mm-hm", and what recognizers write for a cough.

And what a word or two have to be to ask for something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

import jellyfish

from .intent import is_backchannel
from .numbers import cardinals
from .phrases import Phrases
from .sentences import sentences
from .times import is_clock_time
from .words import joined, mentions_any, tokens

LONGEST_PHRASE = 6  # words of "is there anybody there at all"
FEW_WORDS = 2
ECHO_SHARE, ALIKE = 2 / 3, 0.92
COMMANDS = ("agent", "stop", "redirect", "withdraw", "wrong")  # rules


def asks_nothing(text: str, phrases: Phrases, extra: Sequence[str] = (), question: bool = False) -> bool:
    """Whether the text holds nothing but such words; also true of no words at all.

    `question`: the agent was asking, so "yeah" is an answer. `extra`: more backchannels, from the flow.
    """
    return not asking_words(tokens(text), phrases, extra, question)


def asking_words(
    words: Sequence[str], phrases: Phrases, extra: Sequence[str] = (), question: bool = False
) -> list[str]:
    """The words that are part of no idle phrase."""
    return _without_runs(words, 1, LONGEST_PHRASE, lambda run: _is_idle(run, phrases, extra, question))


def without_echo(words: Sequence[str], said: Sequence[str]) -> list[str]:
    """The words without what the agent `said` at that time and what came back as its echo.

    An echo keeps the order: two words or more that were said one behind the other are one. A single word may be the
    caller's: "the other one".
    """
    return _without_runs(words, 2, len(words), lambda run: _is_run(run, said))


def is_echo(words: Sequence[str], said: Sequence[str]) -> bool:
    """Whether most of these words, in this order, are what the agent `said` at that time.

    A recognizer may write "cost ten dollar" for the echo of "costs ten dollars".
    """
    in_order = SequenceMatcher(None, words, [_written_for(word, words) for word in said], autojunk=False)
    same = sum(block.size for block in in_order.get_matching_blocks())
    return bool(words) and same >= ECHO_SHARE * len(words)


def _written_for(said: str, words: Sequence[str]) -> str:
    """The one of the `words` that was written for what was said; that itself if there is none."""
    return next((word for word in words if jellyfish.jaro_winkler_similarity(word, said) >= ALIKE), said)


def may_be_any_sound(
    words: Sequence[str],
    phrases: Phrases,
    expected: Sequence[str] = (),
    kind: str = "",
    commands: Sequence[re.Pattern[str]] = (),
) -> bool:
    """Whether these are a word or two that recognizers write for any sound: "below", "try", "more often".

    A word that interrupts, a command, a number, or one of the `expected` phrases means something, and so does a day or
    a time where the answer is of that `kind`, one of `ExpectedKind`. "What?" and "hello?" do not. Where a story is told
    (kind "text"), a "no" alone does not either. `commands`: those of the flow.
    """
    nothing = {*phrases.lists.get("what", ()), *(phrases.lists.get("plain_no", ()) if kind == "text" else ())}
    asks = {word for word in phrases.urgent - nothing if not phrases.matches("hello", word)}
    known = asks.union(*map(tokens, expected))
    if len(set(words)) > FEW_WORDS or not known.isdisjoint(words):
        return False
    if kind in ("date", "time") and _is_day_or_time(words, phrases):
        return False
    return not (cardinals(words, phrases.numbers) or _is_command(words, phrases, commands))


def is_correction(
    words: Sequence[str], phrases: Phrases, expected: Sequence[str] = (), commands: Sequence[re.Pattern[str]] = ()
) -> bool:
    """Whether these are several words that ask for something else: "no, the blue one". Recognizers write no cough so.

    They begin with a no, change something, say what to do, or hold one of the `expected` phrases.
    """
    if len(set(words)) <= FEW_WORDS:
        return False
    text = joined(words)
    return mentions_any(text, expected) or phrases.matches("change", text) or _is_command(words, phrases, commands)


def without_idle(text: str, phrases: Phrases) -> str:
    """The text without idle sentences behind one that says something: "To Rome. Hello?" becomes "To Rome."

    A question mark of "Hello?" would make a question of it. What may be an answer to a question stays.
    """
    said = sentences(text)
    first = next((at for at, part in enumerate(said) if not asks_nothing(part, phrases, question=True)), len(said))
    kept = [part for at, part in enumerate(said) if at <= first or not asks_nothing(part, phrases, question=True)]
    return text if len(kept) == len(said) else " ".join(kept)


def _without_runs(words: Sequence[str], least: int, most: int, known: Callable[[Sequence[str]], bool]) -> list[str]:
    """The words without the runs of `least` to `most` that are `known`: the longest first, from the first word on."""
    left: list[str] = []
    at = 0
    while at < len(words):
        sizes = range(min(most, len(words) - at), least - 1, -1)
        size = next((n for n in sizes if known(words[at : at + n])), 0)
        if not size:
            left.append(words[at])
        at += size or 1
    return left


def _is_idle(words: Sequence[str], phrases: Phrases, extra: Sequence[str], question: bool) -> bool:
    phrase = joined(words)
    if phrase in phrases.noise or any(pattern.fullmatch(phrase) for pattern in phrases.rules.get("hello", ())):
        return True
    return is_backchannel(phrase, phrases, question, extra)


def _is_run(words: Sequence[str], said: Sequence[str]) -> bool:
    """Whether the words were said one behind the other."""
    return any(list(words) == list(said[at : at + len(words)]) for at in range(len(said)))


def _is_command(words: Sequence[str], phrases: Phrases, commands: Sequence[re.Pattern[str]]) -> bool:
    """Whether this says what to do: "hang up", "louder", "cancel". A "what?" or "huh?" does not."""
    text, cleaned = joined(words), joined(phrases.cleaned(joined(words)))
    if phrases.mentions("commands", text) or any(pattern.search(cleaned) for pattern in commands):
        return True
    if any(phrases.matches(rule, text) for rule in COMMANDS):
        return True
    return phrases.matches("repeat", text) and not set(phrases.lists.get("what", ())).issuperset(words)


def _is_day_or_time(words: Sequence[str], phrases: Phrases) -> bool:
    dates, text = phrases.dates, joined(words)
    days = (*dates.days, *dates.weekdays, *dates.months, *dates.ordinals)
    return mentions_any(text, days) or is_clock_time(text, phrases.times, phrases.numbers, dates.at)
