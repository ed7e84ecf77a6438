"""Spoken numbers: quantities and dictated digits, by the words of a language file. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from .values import PAUSE, Repairs, Said, Unclear, is_figure, merged, the_one, value_tokens

LONGEST = 18  # digits of a number
LONGEST_WORD = 80  # letters of a number written as one word: "zweitausenddreihundertfünfundzwanzig"
_RELATIVE = re.compile(r"[<>≤≥~≈±]\s*[0-9]|[0-9]\s*(?:[%‰°]|\+(?!\s*[0-9]))")  # "50%", "5+", ">5"
_BRACKETS = re.compile(r"[(\[]([^()\[\]0-9]*)[)\]]")
_COMPOUND = r"(?i),\s+(?={}\s+(?:{})\b)"
_NEVER = re.compile(r"(?!)")
_NOT_DIGIT = re.compile(r"[^0-9]")
JOINED = 3  # words between a number and the "and" that adds something to it: "five guests and a baby"
_GROUPED = r"[0-9]{1,3}(?:[\u0020\u00a0\u202f\u2009'\u2019%s][0-9]{3})+"  # 1,200  1 200  1'200


@dataclass(frozen=True, slots=True)
class Numbers:
    """Number words. `values`: "seven" 7, "twenty" 20; `scales`: "hundred" 100; `repeats`: "double" 2."""

    values: Mapping[str, int] = field(default_factory=dict)
    scales: Mapping[str, int] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    quantities: Mapping[str, int] = field(default_factory=dict)  # never in dictated digits: "dozen" 12
    spoken_digits: Mapping[str, int] = field(default_factory=dict)  # only in dictated digits: "oh" 0
    homophones: Mapping[str, int] = field(default_factory=dict)  # misheard digits, where only digits are said: "for" 4
    glue: frozenset[str] = frozenset()  # "a hundred and five"
    tens_glue: frozenset[str] = frozenset()  # "treinta y cinco"
    digit_glue: frozenset[str] = frozenset()  # between digits: "dash", "then"
    articles: frozenset[str] = frozenset()  # number words that are articles in front of a word: "ein Tisch"
    minus: frozenset[str] = frozenset()
    plus: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()  # "extension": what follows is no part of a telephone number
    area_codes: frozenset[str] = frozenset()  # "area code": what follows stands in front of the rest
    indefinite: frozenset[str] = frozenset()  # "a": one of what it stands in front of, as in "a grand"
    quantity_of: frozenset[str] = frozenset()  # "a couple of thousand"
    no_numbers: frozenset[str] = frozenset()  # "a thousand thanks", "that one": hold a number word, and are none
    unclear: frozenset[str] = frozenset()  # words that change a quantity: "half", "percent", "at least"
    attached: frozenset[str] = frozenset()  # of scales and `unclear`, what counts only behind a number: "grand"
    compound: re.Pattern[str] = _NEVER  # a comma inside of two numbers: "zwei, und zwanzig Minuten"
    vigesimal: bool = False  # French: soixante-dix, quatre-vingt-douze
    one_word: bool = False  # numbers are written as one word: "zweihundertfünf"
    spaced: bool = False  # "1 200" is one number
    thousands: str = ","
    point: str = "."

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Numbers:
        """From the part `numbers` of a language file. Raises ValueError if it is wrong."""
        tables = ("values", "scales", "repeats", "quantities", "spoken_digits", "homophones")
        words = (
            "glue", "tens_glue", "digit_glue", "articles", "minus", "plus", "extensions", "area_codes", "unclear",
            "attached", "indefinite", "quantity_of", "no_numbers",
        )  # fmt: skip
        flags = ("vigesimal", "one_word", "spaced")
        if unknown := sorted(set(data) - {*tables, *words, *flags, "compound", "thousands", "point"}):
            raise ValueError(f"numbers: {unknown[0]!r} is not known; days and months belong under dates:")
        found: dict[str, Any] = {
            name: {str(word): int(value) for word, value in data.get(name, {}).items()} for name in tables
        }
        values = found["values"]
        if link := data.get("compound"):  # German: einundzwanzig
            tens = {word: n for word, n in values.items() if n >= 20 and n % 10 == 0}
            units = {word: n for word, n in values.items() if 0 < n < 10}
            found["values"] = values | {
                unit + between + ten: m + n
                for between in (link, f" {link} ")
                for ten, m in tens.items()
                for unit, n in units.items()
            }
        found |= {name: frozenset(data.get(name, ())) for name in words}
        found |= {name: data.get(name) == "true" for name in flags}
        found |= {name: str(data[name]) for name in ("thousands", "point") if name in data}
        return cls(**found, compound=re.compile(_COMPOUND.format(link, "|".join(tens))) if link else _NEVER)

    def words(self, text: str) -> list[str]:
        """The tokens of a text, with number words of several words, and of one long word, made whole."""
        text = self.compound.sub(f" {PAUSE} ", _BRACKETS.sub(self._said, text))
        if self.attached:  # "four, grand!"
            text = re.sub(rf"(?i)([,.;:!?]\s+)(?:{'|'.join(map(re.escape, sorted(self.attached)))})\b", r"\1", text)
        phrases = (*self.values, *self.unclear, *self.digit_glue, *self.area_codes, *self.no_numbers)
        found = [word for word in merged(value_tokens(text), phrases) if word not in self.no_numbers]
        if self.one_word:
            found = [part for word in found for part in self._parts(word)]
        return _spaced(found) if self.spaced else found

    def _said(self, aside: re.Match[str]) -> str:
        """What is in brackets without them if it is nothing but numbers: "(five five five)". Else it is a noise."""
        inside = value_tokens(aside[1])
        known = (self.values, self.scales, self.spoken_digits, self.repeats)
        digits = all(any(word in table for table in known) for word in inside) and any(w in self.values for w in inside)
        return f" {aside[1]} " if digits else aside[0]

    def _parts(self, word: str) -> list[str]:
        """ "zweihundertfünf" as "zwei", "hundert", "fünf"; any other word as it is."""
        if word in self.values or word in self.scales or is_figure(word) or len(word) > LONGEST_WORD:
            return [word]
        best: list[list[str] | None] = [[], *([None] * len(word))]
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - 20), end):
                before, part = best[start], word[start:end]
                if before is not None and (part in self.values or part in self.scales or (start and part in self.glue)):
                    best[end] = [*before, part]
                    break
        return best[-1] or [word]


def _spaced(words: Sequence[str]) -> list[str]:
    """ "1", "200" as "1 200"."""
    out: list[str] = []
    for word in words:
        if out and len(word) == 3 and word.isdigit() and re.fullmatch(r"[1-9][0-9]{0,2}(?: [0-9]{3})*", out[-1]):
            out[-1] += f" {word}"
        else:
            out.append(word)
    return out


def figure(token: str, numbers: Numbers) -> Decimal | None:
    """The number that a token in figures stands for; None if it is none, or could be read in two ways."""
    sign, body = (-1, token[1:]) if token[:1] in "-\u2212" else (1, token.removeprefix("+"))
    thousands, point = re.escape(numbers.thousands), re.escape(numbers.point)
    if len(_NOT_DIGIT.sub("", body)) > LONGEST:
        return None
    match = re.fullmatch(rf"({_GROUPED % thousands}|[0-9]+)(?:{point}([0-9]+))?", body, re.ASCII)
    if match is None:
        return None
    whole, fraction = _NOT_DIGIT.sub("", match[1]), match[2] or ""
    if len(fraction) == 3 and len(whole) <= 3 and whole == match[1]:
        return None  # "1.200": one and a fifth, or twelve hundred by a foreign habit
    return sign * Decimal(f"{whole}.{fraction or 0}")


# ---------------------------------------------------------------------- quantities


def cardinals(words: Sequence[str], numbers: Numbers) -> list[Said[Decimal]]:
    """Numbers in these words, in order, each as long as it can be: "a hundred and twenty five"."""
    found: list[Said[Decimal]] = []
    at = 0
    while at < len(words):
        if (said := _cardinal(words, at, numbers)) is not None:
            found.append(said)
            at = said.end
        else:
            at += 1
    return found


def _cardinal(words: Sequence[str], start: int, numbers: Numbers) -> Said[Decimal] | None:
    """The number that begins at a word. `current` is the part below the last scale of a thousand or more."""
    total, current, last_scale = Decimal(0), None, 10**LONGEST
    at = end = start
    while at < len(words):
        word = words[at]
        if word in numbers.scales and _counts(words, at, numbers):
            scale = numbers.scales[word]
            if scale < 1000 and (current is None or 0 < current < 100):
                current = (current or 1) * Decimal(scale)
            elif 1000 <= scale < last_scale:
                total, current, last_scale = total + (1 if current is None else current) * scale, None, scale
            else:
                break
        elif current is not None and current < 100 and _is_dozen(word, numbers):
            current *= numbers.quantities[word]
        elif (value := _value(word, numbers)) is not None:
            if current is None and value < last_scale:
                current = value
            elif current is not None and _adds(current, value, words[at - 1], numbers):
                current += value
            else:
                break
        elif end > start and _glues(words, at, current, last_scale, numbers):
            at += 1
            continue
        else:
            break
        at = end = at + 1
    return Said(total + (current or 0), start, end) if end > start else None


def _counts(words: Sequence[str], at: int, numbers: Numbers) -> bool:
    """Whether a word has its meaning here: "two grand", "10 k", "a grand", but not "that's grand", "a grand piano"."""
    before = words[at - 1] if at else ""
    if words[at] not in numbers.attached or before in numbers.scales or _value(before, numbers) is not None:
        return True
    if before in numbers.quantity_of:
        return at > 1 and words[at - 2] in numbers.quantities
    after = words[at + 1] if at + 1 < len(words) else ""
    return before in numbers.indefinite and (not after or after in numbers.digit_glue | numbers.glue | numbers.unclear)


def _is_dozen(word: str, numbers: Numbers) -> bool:
    """ "Two dozen" is 24; "a couple" stands for itself."""
    return numbers.quantities.get(word, 0) > 2


def _value(word: str, numbers: Numbers) -> Decimal | None:
    if is_figure(word):
        return figure(word, numbers)
    value = numbers.values.get(word, numbers.quantities.get(word))
    return None if value is None else Decimal(value)


def _adds(current: Decimal, value: Decimal, before: str, numbers: Numbers) -> bool:
    """Whether a value goes on the number so far: 20 and 3, 100 and 23."""
    if is_figure(before) or value != int(value):
        return False
    if numbers.vigesimal and current % 100 in (60, 80) and 0 < value < 20:
        return True
    if current % 100 == 0 and current >= 100:
        return 0 < value < 100
    return current % 10 == 0 and current % 100 >= 20 and 0 < value < 10


def _glues(words: Sequence[str], at: int, current: Decimal | None, scale: int, numbers: Numbers) -> bool:
    """Whether a word like "and" stands between two parts of one number."""
    if at + 1 >= len(words) or is_figure(words[at + 1]) or is_figure(words[at - 1]):
        return False
    value = _value(words[at + 1], numbers)
    if words[at] in numbers.quantity_of:
        return words[at - 1] in numbers.quantities and words[at + 1] in numbers.scales
    if value is None and words[at + 1] not in numbers.scales:
        return False
    if words[at] in numbers.tens_glue and current is not None and current % 100 >= 20:
        return value is not None and _adds(current, value, "", numbers)
    after_scale = current is None or (current >= 100 and current % 100 == 0)
    return words[at] in numbers.glue and after_scale and (value is None or value < 1000)


def number_in(
    text: str, numbers: Numbers, repairs: Repairs, ordinals: Collection[str] = (), asides: Collection[str] = ()
) -> int | None:
    """The quantity that was said, None if there is none. Raises Unclear rather than guess.

    "twelve hundred", "1,200", "two, no, three" and "13, not 12" are clear; "2.5", "two or three" and "half" are not.
    `asides` are words that name nothing that is counted: "two please, yes, two of us".
    """
    words = numbers.words(repairs.marked(text))
    found = _signed(cardinals(words, numbers), words, numbers)
    if len(found) > 1:
        linking = repairs.joiners | numbers.glue | numbers.digit_glue | numbers.unclear
        found = [said for said in found if not _is_article(said, words, numbers, linking)] or found
    taken = {i for said in found for i in range(said.start, said.end)}
    rest = [word for i, word in enumerate(words) if i not in taken and _counts(words, i, numbers)]
    if any(is_figure(word) for word in rest) or _RELATIVE.search(text):
        raise Unclear
    if found and any(word in numbers.unclear or word in ordinals or word in numbers.repeats for word in rest):
        raise Unclear
    if _is_repeated(found, words) or _of_two_things(found, words, asides):
        raise Unclear
    if found and _has_more(found[-1], words, repairs.joiners | numbers.glue):
        raise Unclear
    value = the_one(found, words, repairs)
    if value is not None and value != int(value):
        raise Unclear
    return None if value is None else int(value)


def _is_repeated(found: Sequence[Said[Decimal]], words: Sequence[str]) -> bool:
    """Whether a number is said twice in a row: "twenty twenty" may be 2020, but "5 (five)" is 5."""
    return any(
        a.end == b.start and a.value == b.value and is_figure(words[a.start]) == is_figure(words[b.start])
        for a, b in pairwise(found)
    )


def _of_two_things(found: Sequence[Said[Decimal]], words: Sequence[str], asides: Collection[str]) -> bool:
    """Whether a number is said of two things: "two adults, two children", but not "two of us, yes, two"."""
    things = [words[said.end] for said in found if said.end < len(words) and words[said.end] not in asides]
    return len(found) == len(things) > 1 and len(set(things)) > 1 and len({said.value for said in found}) == 1


def _has_more(said: Said[Decimal], words: Sequence[str], joiners: frozenset[str]) -> bool:
    """Whether something is added to the number: "me and five others", "five guests and a baby"."""
    if said.start > 1 and words[said.start - 1] in joiners:
        return True
    return any(words[i] in joiners for i in range(said.end, min(said.end + JOINED, len(words) - 1)))


def _signed(found: Sequence[Said[Decimal]], words: Sequence[str], numbers: Numbers) -> list[Said[Decimal]]:
    """ "minus five" as -5."""
    negative = {said.start for said in found if said.start and words[said.start - 1] in numbers.minus}
    return [Said(-s.value, s.start - 1, s.end) if s.start in negative else s for s in found]


def _is_article(said: Said[Decimal], words: Sequence[str], numbers: Numbers, linking: frozenset[str]) -> bool:
    """ "ein Tisch": not the number one. `linking` are words that may connect two numbers: "ein oder zwei"."""
    if said.end != said.start + 1 or words[said.start] not in numbers.articles or said.end >= len(words):
        return False
    return words[said.end].isalpha() and words[said.end] not in linking
