"""Dictated digits: reference numbers, codes, telephone numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from .number_words import Numbers
from .numbers import cardinals
from .values import Repairs, Said, Unclear, is_figure, wanted
from .words import spoken_text

_NOT_DIGIT = re.compile(r"[^0-9]")
_INTERJECTION = re.compile(r"^\s*(?:oh|o|ah)\s*[,.!]", re.IGNORECASE)
_TRUNK_ZERO = re.compile(
    r"((?:\+|\b00)[0-9]{1,3}[\s)-]*)\(0\)"
)  # +49 (0) 30: the zero is dialled only without the country code
_PLUS = re.compile(r"[+\uff0b]\s*(?=[0-9])")
_LETTER = re.compile(  # "A4278", "10%", "$42", "4278#12": more than digits
    r"[^\W\d_][0-9]|[0-9] ?[%°$€£]|[$€£] ?[0-9]|[0-9] ?[#*] ?[0-9]"
)
# "AB 4278", "4278 AB", in the capitals in which recognizers write spelled letters; not what a number is called.
_CODE = re.compile(
    r"\b(?!(?:OK|ID|NO|NR|PIN|TAN|BLZ|PLZ|CVC|CVV)\b)[A-Z]{2,3}[ -]?(?=[0-9])|[0-9][ -]?(?!OK\b)[A-Z]{2,3}\b"
)
_HYPHENED = re.compile(r"(?<![^\W\d_])([^\W\d_]+)[-\u2010-\u2015](?=[0-9])|(?<=[0-9])[-\u2010-\u2015]([^\W\d_]+)")
_LETTER_O = re.compile(r"(?<![^\W\d_])[oO]+(?=[0-9])|(?<=[0-9])[oO]+(?![^\W\d_])")  # "O5", as it is heard
_CONSONANT = re.compile(r"[b-df-hj-np-tv-xz]")  # a letter that is no word of its own in any language here
SENTENCE = 3  # words; in so many a lone "one" may be no digit
LEAST_TWICE = 4  # digits that may be one number said twice: "4278, 4278"
GROUP = 3  # digits that are read back as one group


def digits_in(text: str, numbers: Numbers, repairs: Repairs, low: int = 0, high: int = 0) -> str:
    """Digits dictated one by one or in groups: "four two double seven", "(555) 010-4278". "" if there are none.

    `low` and `high` are how many are expected (0: unknown). They decide between readings ("eight hundred five" is 805
    or 8005); the result may still be of another length. Raises Unclear if several numbers may be meant.
    """
    scales = {word: n for word, n in numbers.scales.items() if word not in numbers.attached}
    numbers = replace(numbers, scales=scales, spaced=False)
    text = _TRUNK_ZERO.sub(r"\1", text)
    if "o" in numbers.spoken_digits:
        text = _LETTER_O.sub(lambda m: "0" * len(m[0]), text)
    words = numbers.words(repairs.marked(_parted(text, numbers)))
    found = _likeliest(text, words, numbers, repairs, low, high)
    if found and (_has_letters(text, numbers) or _is_more(found, words, numbers, low, high)):
        raise Unclear
    return found


def _has_letters(text: str, numbers: Numbers) -> bool:
    """Whether the code holds more than digits: "A4278", "SKU-4278", "1-800-FLOWERS", but not "555-oh-one"."""
    spoken = spoken_text(text)
    beside = (word for pair in _HYPHENED.findall(spoken) for word in pair if word)
    in_words = any(not _is_dictation(word, numbers) for word in beside)
    return in_words or _LETTER.search(spoken) is not None or _CODE.search(text) is not None


def _parted(text: str, numbers: Numbers) -> str:
    """The text with a word of `digit_glue` for the comma in "thirty, one two", which is not 31."""
    glue = min((word for word in numbers.digit_glue - numbers.glue if len(word) > 2), default="")
    tens = [word for word, n in numbers.values.items() if n in range(20, 100, 10)]
    units = [word for word, n in numbers.values.items() if 0 < n < 10]
    if not (glue and tens and units) or "," not in text:
        return text
    pattern = rf"(?i)\b({'|'.join(map(re.escape, tens))}),\s+(?=(?:{'|'.join(map(re.escape, units))})\b)"
    return re.sub(pattern, rf"\1 {glue} ", text)


def _likeliest(text: str, words: Sequence[str], numbers: Numbers, repairs: Repairs, low: int, high: int) -> str:
    """The digits, with misheard ones ("for") if nothing but digits was said, or if the length fits only so."""
    best = _read(text, words, numbers, repairs, low, high)
    if not numbers.homophones.keys() & set(words):
        return best
    misheard = replace(numbers, spoken_digits={**numbers.spoken_digits, **numbers.homophones})
    only_digits = bool(best) and all(_is_dictation(word, misheard) for word in words)
    if not only_digits and (not (low or high) or _fits(best, low, high)):
        return best
    try:
        other = _read(text, words, misheard, repairs, low, high)
    except Unclear:
        return best
    return other if only_digits or _fits(other, low, high) else best


def _is_more(best: str, words: Sequence[str], numbers: Numbers, low: int, high: int) -> bool:
    """Whether more than these digits was said: a letter, "three zeros", "half", the same again, "one" for a thing."""
    spoken = numbers.spoken_digits.keys() | numbers.plus | numbers.minus | numbers.digit_glue | numbers.glue
    if any((word in numbers.unclear or _CONSONANT.fullmatch(word)) and word not in spoken for word in words):
        return True
    if len(best) == 1 and len(words) >= SENTENCE and not any(map(is_figure, words)) and low != 1:
        return True  # "I have one", "the first one"
    half = len(best) // 2
    in_one = any(is_figure(word) and len(_NOT_DIGIT.sub("", word)) > half for word in words)
    is_twice = best[:half] == best[half:] and len(set(best)) > 1 and not in_one
    return is_twice and half >= max(low, LEAST_TWICE) and (low != high or not low)


def _read(text: str, words: Sequence[str], numbers: Numbers, repairs: Repairs, low: int, high: int) -> str:
    composed = _joined(_groups(words, numbers, composed=True), words, repairs, low, high)
    apart = _joined(_groups(words, numbers, composed=False), words, repairs, low, high)
    best = composed
    if composed != apart and _fits(apart, low, high):
        if not _fits(composed, low, high) or _is_dictated(words, numbers):
            best = apart
        elif len(cardinals(words, numbers)) > 1:
            raise Unclear
    if (low or high) and not _fits(best, low, high) and _INTERJECTION.match(text):
        best = best[1:] if _fits(best[1:], low, high) else best
    return best


def _is_dictation(word: str, numbers: Numbers) -> bool:
    """Whether a word belongs among dictated digits."""
    tables = (numbers.values, numbers.spoken_digits, numbers.repeats, numbers.scales, numbers.digit_glue, numbers.glue)
    return is_figure(word) or any(word in table for table in tables)


def telephone_number_in(text: str, numbers: Numbers, repairs: Repairs, low: int = 0, high: int = 0) -> str:
    """A telephone number: its digits, with a + in front if it was said. "" if there is none. Raises Unclear."""
    text = _PLUS.sub("+", text)
    words = numbers.words(text)
    digits = digits_in(text, numbers, repairs, low, high)
    first = next((i for i, word in enumerate(words) if is_figure(word) or word in numbers.values), 0)
    international = words[first : first + 1] and words[first][0] == "+"
    if international or (first and words[first - 1] in numbers.plus):
        return f"+{digits}" if digits else ""
    return digits


def read_back(digits: str) -> str:
    """Digits as they are read aloud, in groups: "4 7 1, 8 2 3, 5 5". Four or fewer are one group."""
    sign, rest = ("+ ", digits[1:]) if digits.startswith("+") else ("", digits)
    groups: list[str] = []
    while len(rest) > GROUP + 1:
        groups.append(rest[:GROUP])
        rest = rest[GROUP:]
    return sign + ", ".join(" ".join(group) for group in [*groups, rest] if group)


def _fits(digits: str, low: int, high: int) -> bool:
    return bool(digits) and len(digits) >= low and (not high or len(digits) <= high)


def _joined(groups: Sequence[Said[str]], words: Sequence[str], repairs: Repairs, low: int, high: int) -> str:
    """The digits of all groups that were meant, or those of the only one that has the right length."""
    kept = wanted(groups, words, repairs)
    if len(kept) < len(groups) and kept and not (low or high):
        taken_back = max(len(group.value) for group in groups if group not in kept)
        if len("".join(group.value for group in kept)) < taken_back:
            raise Unclear  # "four two seven, no, eight": does it replace the last digit or all?
    if any(words[group.start - 1] in repairs.joiners for group in kept[1:]):
        raise Unclear
    whole = "".join(group.value for group in kept)
    if len(kept) < 2:
        return whole
    fits = (low or high) and _fits(whole, low, high)
    if fits and low != high and any(_fits(group.value, low, high) for group in kept):
        raise Unclear  # "555 0104, room 12": is all of it the number?
    if fits:
        return whole
    fitting = {group.value for group in kept if _fits(group.value, low, high)} if low or high else set()
    if len(fitting) == 1:
        return fitting.pop()
    if fitting or not (low or high):
        raise Unclear
    return whole


def _is_dictated(words: Sequence[str], numbers: Numbers) -> bool:
    """Whether a digit follows on "eight hundred five": then it is 8 0 0, 5, and so on."""
    found = cardinals(words, numbers)
    return any(
        a.end == b.start and a.end - a.start > 1 and 0 < a.value % 100 < 10 and words[a.end - 2] in numbers.scales
        for a, b in pairwise(found)
    )


def _groups(words: Sequence[str], numbers: Numbers, composed: bool) -> list[Said[str]]:
    """Runs of digits with only glue words between them. `composed`: "eight hundred five" is 805, else 8005."""
    read_by = numbers if composed else replace(numbers, scales={})
    counted = numbers.quantities.keys() | numbers.parties.keys()
    numbered = {said.start: said for said in cardinals(words, read_by) if words[said.start] not in counted}
    groups: list[Said[str]] = []
    at, times, open_run = 0, 1, False
    while at < len(words):
        word = words[at]
        if not composed and word in numbers.scales and not open_run:
            return []  # "hundred twenty three" has no other reading
        piece, end = _piece(words, at, numbers, numbered)
        if piece:
            if times > 1 and len(piece) > 1:
                raise Unclear  # "double twelve"
            if open_run:
                groups[-1] = Said(groups[-1].value + piece * times, groups[-1].start, end)
            else:
                groups.append(Said(piece * times, at, end))
            times, open_run = 1, True
        elif word in numbers.repeats:
            times = times * numbers.repeats[word]
        elif is_figure(word) or word in numbers.extensions or (groups and word in numbers.area_codes):
            raise Unclear  # "5k", "4th"; an extension is no part of the number, an area code is its beginning
        elif times > 1 and word in numbers.digit_glue | numbers.articles:
            pass
        elif word not in numbers.digit_glue and word not in numbers.plus and word not in numbers.glue:
            times, open_run = 1, False
        at = end
    return groups


def _piece(words: Sequence[str], at: int, numbers: Numbers, numbered: Mapping[int, Said[Decimal]]) -> tuple[str, int]:
    """The digits that a word stands for ("" if none), and the word after it."""
    word = words[at]
    if is_figure(word):
        letters = any(c.isalpha() for c in word)
        return "" if letters else _NOT_DIGIT.sub("", word), at + 1
    if word in numbers.spoken_digits:
        return str(numbers.spoken_digits[word]), at + 1
    if at in numbered:
        said = numbered[at]
        if word in numbers.digit_glue and said.end == at + 1:
            return "", said.end  # "eine Fünf"
        return str(int(said.value)), said.end
    if word in numbers.scales:
        return str(numbers.scales[word])[1:], at + 1
    return "", at + 1
