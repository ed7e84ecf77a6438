"""The values of slots in the caller's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import pairwise

from ...core.language.agreement import polarity, yes_or_no
from ...core.language.dates import date_in
from ...core.language.digits import digits_in, telephone_number_in
from ...core.language.numbers import number_in
from ...core.language.person_name import name_in
from ...core.language.phrases import Phrases
from ...core.language.times import HalfDayUnknown, time_in
from ...core.language.values import Unclear
from ...core.language.words import Mention, joined, mentions, tokens
from .model import DayBound, Flow, Slot

LINK_WORDS = 2  # "or the"
_COMMANDS = ("stop", "repeat", "agent", "next", "redirect")  # "wait a second" is not the second choice


@dataclass(frozen=True, slots=True)
class Picked:
    """A choice of a slot that was named, or (negated) refused. `undecided`: another one was offered with "or"."""

    slot: str
    choice: str
    negated: bool = False
    undecided: bool = False


def picked(text: str, flow: Flow, phrases: Phrases, current: str, filled: Mapping[str, str]) -> list[Picked]:
    """The choices that were named: first for the slot that is asked for, then for filled slots, then for the rest.

    Words that one slot has taken are not taken by another. A misheard word counts only for the slot that is asked for
    and for those already filled. The last that is wanted of each slot counts, else the last that is refused.
    """
    order = [name for name in dict.fromkeys((current, *reversed(tuple(filled)), *flow.slots)) if name in flow.slots]
    words = phrases.cleaned(phrases.after_no(phrases.after_skip(_undenied(text, flow, phrases))))
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
        said = _refused_together(said, words, phrases)
        wanted = [mention for mention in said if not mention.negated] or said
        undecided = _undecided(wanted, said, words, phrases) or _denies_either(text, slot, phrases)
        found.append(Picked(name, wanted[-1].choice, wanted[-1].negated, undecided))
        taken = {i for mention in said for i in range(mention.start, mention.end)}
        words = ["" if i in taken else word for i, word in enumerate(words)]
    return found


def _undenied(text: str, flow: Flow, phrases: Phrases) -> str:
    """The text without the choices that their clause denies, if others follow: "the red one I don't like, the blue"."""
    forms = {f"{slot.name}.{key}": said for slot in flow.slots.values() for key, said in slot.phrases.items()}
    pieces = [(piece, tokens(piece)) for piece in phrases.repairs.clauses(text)]
    ends = [[mention.end for mention in mentions(words, forms, None, frozenset(words), False)] for _, words in pieces]
    last = max((at for at, found in enumerate(ends) if found), default=0)
    return "".join(
        piece for at, (piece, words) in enumerate(pieces) if at >= last or not phrases.repairs.deny(words, ends[at])
    )


def _refused_together(said: Sequence[Mention], words: Sequence[str], phrases: Phrases) -> list[Mention]:
    """ "Not red or blue" refuses both."""
    out: list[Mention] = []
    for mention in said:
        between = words[out[-1].end : mention.start] if out else []
        linked = len(between) <= LINK_WORDS and any(word in phrases.repairs.joiners for word in between)
        out.append(replace(mention, negated=True) if linked and out[-1].negated else mention)
    return out


def _undecided(wanted: Sequence[Mention], said: Sequence[Mention], words: Sequence[str], phrases: Phrases) -> bool:
    """Whether the last choice may not be meant: "red or blue", "red maybe blue", "red? no", "red isn't what I want"."""
    last, repairs = wanted[-1], phrases.repairs
    if last.negated:
        return False
    if len({mention.choice for mention in said}) > 1 and not repairs.conditions.isdisjoint(words):
        return True  # "red if there is no blue"
    if len(wanted) > 1 and wanted[-2].choice != last.choice:
        between = words[wanted[-2].end : last.start]
        offered = any(word in repairs.joiners for word in between) or not phrases.matches_words("change", between)
        if offered and not repairs.markers.search(joined(between)):
            return True
    before = words[max((m.end for m in said if m.end <= last.start), default=0) : last.start][-LINK_WORDS:]
    after = [m for m in said if m.start >= last.end]
    rest = words[last.end : min([len(words), *(m.start for m in after)])]
    if after and (negator := phrases.negators.search(joined(rest))):
        rest = rest[: len(rest) - len(negator[0].split())]
    if not after and phrases.mentions("plain_no", joined(rest)):
        return True
    return any(word in repairs.negations for word in (*before, *rest))


def _denies_either(text: str, slot: Slot, phrases: Phrases) -> bool:
    """Whether a "not" may deny the choice before it, or the one behind it: "das rote mag ich nicht das blaue"."""
    for words in map(tokens, phrases.repairs.clauses(text)):
        for a, b in pairwise(_caller_input(words, slot, phrases, fuzzy=False)):
            between = words[a.end : b.start]
            negator = phrases.negators.search(joined(between))
            if a.negated or not b.negated or negator is None:
                continue
            rest = set(between[: len(between) - len(negator[0].split())])
            if not rest <= phrases.known | phrases.fillers | phrases.repairs.joiners:
                return True
    return False


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


def is_place(text: str, phrases: Phrases) -> bool:
    """Whether the words are only "no, the second one": not "yes, one last question", not "my first choice"."""
    words = phrases.cleaned(text)
    forms = [tokens(form) for forms in (*phrases.ordinals, phrases.last) for form in forms]
    place = max((len(form) for form in forms if words[-len(form) :] == form), default=0)
    if not place or polarity(text, phrases) or phrases.mentions("plain_yes", text):
        return False
    return phrases.known.union(phrases.lists.get("plain_no", ())).issuperset(words[:-place])


def last_named(text: str, slot: Slot, phrases: Phrases, alone: bool = False) -> str:
    """The last choice in what the caller heard; "" if there is none or, with `alone`, if there is another one."""
    said = mentions(tokens(text), slot.phrases, None, frozenset(tokens(text)), False)
    return said[-1].choice if said and not (alone and len({mention.choice for mention in said}) > 1) else ""


class Invalid(Exception):
    """The words hold a value that the slot does not take."""


class Incomplete(Exception):
    """The words hold the beginning of a value. Keep `text` and ask for the rest with the saying `saying`."""

    def __init__(self, text: str, saying: str) -> None:
        super().__init__(saying)
        self.text, self.saying = text, saying


def value_in(text: str, slot: Slot, phrases: Phrases, today: date, begun: str = "", known: str = "") -> str:
    """The value of a slot without choices, "" if there is none in these words.

    `begun` is what was said of it before (see Incomplete): what is said now completes or replaces it. `known` is the
    value that it has: "no, the day after". Raises Unclear if part of what was said was not used, Invalid, Incomplete.
    """
    if not begun:
        return _value(text, slot, phrases, today, known)
    try:
        if value := _value(text, slot, phrases, today):
            return value
    except Incomplete as alone:
        if slot.type in ("digits", "phone") and alone.text.startswith(begun):
            raise  # the caller begins again
    except (Invalid, Unclear):
        pass
    return _value(f"{begun} {text}", slot, phrases, today)


def _value(text: str, slot: Slot, phrases: Phrases, today: date, known: str = "") -> str:
    numbers, dates, repairs = phrases.numbers, phrases.dates, phrases.repairs
    if slot.type in ("number", "digits", "phone", "date", "time"):
        text = phrases.after_no(text)
    match slot.type:
        case "number":
            number = number_in(text, numbers, repairs, dates.ordinals, phrases.known | phrases.fillers)
            if number is not None and not _within(number, slot):
                raise Invalid
            return "" if number is None else str(number)
        case "digits" | "phone":
            return _own_or_digits(text, slot, phrases) if slot.own else _digits(text, slot, phrases)
        case "date":
            day = date_in(text, dates, numbers, today, repairs, date.fromisoformat(known) if known else None)
            return "" if day is None else _day(day, slot, today)
        case "time":
            return _time(text, slot, phrases)
        case "yes_no":
            answer = yes_or_no(text, phrases)
            return "" if answer is None else "yes" if answer else "no"
        case "name":
            return name_in(text, phrases)
        case "text":
            return " ".join(text.split())
    return ""


def _within(number: int, slot: Slot) -> bool:
    low, high = slot.minimum, slot.maximum
    return (low is None or number >= low) and (high is None or number <= high)


def _digits(text: str, slot: Slot, phrases: Phrases) -> str:
    read = telephone_number_in if slot.type == "phone" else digits_in
    digits = read(text, phrases.numbers, phrases.repairs, slot.minimum or 0, slot.maximum or 0)
    count = len(digits.removeprefix("+"))
    if digits and slot.minimum is not None and count < slot.minimum:
        raise Incomplete(digits, "and_then")
    if digits and not _within(count, slot):
        raise Invalid
    return digits


def _own_or_digits(text: str, slot: Slot, phrases: Phrases) -> str:
    """The number that the caller calls from, if they agree to it; else the one that they say."""
    if text.strip() == "1" or phrases.matches("own_number", text):
        return slot.own
    try:
        digits = _digits(text, slot, phrases)
    except Incomplete:  # "yes, that one"
        if not yes_or_no(text, phrases):
            raise
        digits = ""
    return digits or (slot.own if yes_or_no(text, phrases) else "")


def _day(day: date, slot: Slot, today: date) -> str:
    first, last = slot.earliest, slot.latest
    if isinstance(first, DayBound) and day < first.on(today):
        raise Invalid
    if isinstance(last, DayBound) and day > last.on(today):
        raise Invalid
    return day.isoformat()


def _time(text: str, slot: Slot, phrases: Phrases) -> str:
    first = slot.earliest if isinstance(slot.earliest, time) else time.min
    last = slot.latest if isinstance(slot.latest, time) else time.max
    try:
        at = time_in(text, phrases.times, phrases.numbers, phrases.repairs, first, last)
    except HalfDayUnknown:
        raise Incomplete(text, "half_day") from None
    if at is not None and not first <= at <= last:
        raise Invalid
    return "" if at is None else at.strftime("%H:%M")
