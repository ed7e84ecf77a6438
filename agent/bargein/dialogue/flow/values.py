"""What the caller's words put into slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ...core.language.intent import Phrases, polarity
from ...core.language.numbers import date_in, digits_in, number_in
from ...core.language.words import Mention, joined, mentions, tokens
from .model import Flow, Slot

_COMMANDS = ("stop", "repeat", "agent", "next", "redirect")  # "wait a second" is not the second choice


@dataclass(frozen=True, slots=True)
class Picked:
    """A choice of a slot that was named, or (negated) refused."""

    slot: str
    choice: str
    negated: bool = False


def picked(text: str, flow: Flow, phrases: Phrases, current: str, filled: Mapping[str, str]) -> list[Picked]:
    """Choices named, for the slot that is asked for first, then those already filled, then the rest.

    Words that one slot has taken are not taken by another. A misheard word counts only for the slot that is asked for
    and for those already filled. The last that is wanted of each slot counts, else the last that is refused.
    """
    order = [name for name in dict.fromkeys((current, *reversed(tuple(filled)), *flow.slots)) if name in flow.slots]
    words = phrases.cleaned(text)
    found: list[Picked] = []
    for name in order:
        slot = flow.slots[name]
        if not slot.choices or (slot.menu and name != current):
            continue
        likely = name == current or name in filled
        said = _caller_input(words, slot, phrases, fuzzy=likely)
        if not said and name == current and not any(phrases.matches_words(r, words) for r in _COMMANDS):
            said = _by_place(words, slot, phrases)
        if not said:
            continue
        wanted = [mention for mention in said if not mention.negated] or said
        found.append(Picked(name, wanted[-1].choice, wanted[-1].negated))
        taken = {i for mention in said for i in range(mention.start, mention.end)}
        words = ["" if i in taken else word for i, word in enumerate(words)]
    return found


def _caller_input(words: list[str], slot: Slot, phrases: Phrases, fuzzy: bool) -> list[Mention]:
    known = phrases.known if fuzzy else frozenset(words)
    return mentions(words, slot.phrases, phrases.negators, known, phrases.phonetic)


def _by_place(words: list[str], slot: Slot, phrases: Phrases) -> list[Mention]:
    """ "The second one", "the last one": choices by their order."""
    keys = list(slot.choices)
    table: dict[str, tuple[str, ...]] = dict(zip(keys, phrases.ordinals, strict=False))
    if len(keys) > 1:
        table[keys[-1]] = (*table.get(keys[-1], ()), *phrases.last)
    return mentions(words, table, phrases.negators, frozenset(words), False)


def last_named(text: str, slot: Slot, phrases: Phrases) -> str:
    """The choice that the agent named last in what was heard; "" if none was."""
    said = mentions(tokens(text), slot.phrases, None, frozenset(tokens(text)), False)
    return said[-1].choice if said else ""


class Invalid(Exception):
    """The words hold a value, but not one that the slot takes."""


def value_in(text: str, slot: Slot, phrases: Phrases, today: date) -> str:
    """The value of a slot without choices, "" if there is none in these words. Raises Invalid."""
    words = tokens(text)
    match slot.type:
        case "number":
            number = number_in(words, phrases.numbers)
            if number is None:
                return ""
            if not _within(number, slot):
                raise Invalid
            return str(number)
        case "digits":
            digits = digits_in(words, phrases.numbers)
            if digits and not _within(len(digits), slot):
                raise Invalid
            return digits
        case "date":
            day = date_in(words, phrases.numbers, today)
            return day.isoformat() if day else ""
        case "yes_no":
            answer = polarity(text, phrases)
            return "" if answer is None else "yes" if answer else "no"
        case "name":
            return _name(text, phrases)
        case "text":
            return " ".join(text.split())
    return ""


def _within(number: int, slot: Slot) -> bool:
    low, high = slot.minimum, slot.maximum
    return (low is None or number >= low) and (high is None or number <= high)


def _name(text: str, phrases: Phrases) -> str:
    """A name without "my name is" and the like."""
    kept = text.strip().strip(".!?,")
    for lead in phrases.lists.get("name_lead", ()):
        at = joined(tokens(kept)).find(joined(tokens(lead)))
        if at >= 0:
            count = len(joined(tokens(kept))[: at + len(joined(tokens(lead)))].split())
            kept = " ".join(kept.split()[count:]).strip(" .,!?")
            break
    words = [word for word in kept.split() if word.lower().strip(",.") not in phrases.fillers]
    return " ".join(words).title() if kept.islower() else " ".join(words)
