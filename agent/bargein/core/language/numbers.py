"""Spoken numbers: quantities and dictated digits, by the words of a language file. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import pairwise

from .number_words import Numbers
from .values import Repairs, Said, Unclear, is_figure, the_one

LONGEST = 18  # digits of a number
_RELATIVE = re.compile(  # "50%", "5+", ">5", ".5"
    r"[<>≤≥~≈±]=?\s*[0-9]|[0-9]\s*(?:[%‰°]|\+(?!\s*[0-9]))|(?<![\w.,])[.,][0-9]"
)
_NOT_DIGIT = re.compile(r"[^0-9]")
JOINED = 3  # words between a number and the "and" that adds something to it: "five guests and a baby"
MILLION = 1_000_000
# 1,200  1 200  1'200; in India 1,00,000
_GROUPED = r"[0-9]{1,3}(?:[\u0020\u00a0\u202f\u2009'\u2019%s][0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"


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
        if (said := _number(words, at, numbers)) is not None:
            found.append(said)
            at = said.end
        else:
            at += 1
    return found


def _number(words: Sequence[str], start: int, numbers: Numbers) -> Said[Decimal] | None:
    if words[start] in numbers.parties:
        return Said(Decimal(numbers.parties[words[start]]), start, start + 1)
    return _of_scale(words, start, numbers) or _cardinal(words, start, numbers)


def _of_scale(words: Sequence[str], start: int, numbers: Numbers) -> Said[Decimal] | None:
    """ "half a million", "two and a half thousand", "anderthalb Millionen", "un million et demi", "half a dozen"."""
    articles = numbers.articles | numbers.indefinite

    def word(at: int) -> str:
        return words[at] if at < len(words) else ""

    def skip(at: int, those: Collection[str]) -> int:
        return at + (word(at) in those)

    count = None if words[start] in articles else _value(words[start], numbers)
    at = skip(start, articles) if count is None else start + 1
    scale = numbers.scales.get(word(at), 0)
    in_front = scale >= MILLION  # "a million and a half"
    at += in_front
    glued = skip(at, numbers.glue | numbers.tens_glue if at > start else ())
    if glued == at and (count is not None or in_front):
        return None  # "room five, half a dozen"
    at = skip(glued, articles)
    if (fraction := numbers.fractions.get(word(at))) is None:
        return None
    if in_front:
        return Said(((count or 1) + fraction) * scale, start, at + 1)
    at = skip(skip(at + 1, numbers.quantity_of), articles)
    dozen = numbers.quantities[word(at)] if _is_dozen(word(at), numbers) else 0
    unit = numbers.scales.get(word(at), dozen)
    return Said(((count or 0) + fraction) * unit, start, at + 1) if unit else None


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
        elif end > start and _is_dozen(word, numbers):
            total, current = Decimal(0), (total + (current or 0)) * numbers.quantities[word]
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
    return current % 10 == 0 and current % 100 >= 20 and 0 < value < 10 and not numbers.units_first


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
