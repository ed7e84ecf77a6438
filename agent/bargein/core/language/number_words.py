"""The words of a language for numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any

from .values import NEVER, PAUSE, is_figure, merged, value_tokens

LONGEST_WORD = 80  # letters of a number written as one word: "zweitausenddreihundertfünfundzwanzig"
_BRACKETS = re.compile(r"[(\[]([^()\[\]0-9]*)[)\]]")
_COMPOUND = r"(?i),\s+(?={}\s+(?:{})\b)"
_SPACED = re.compile(r"(?<![0-9.,:/-])(?<![0-9] )[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9:/-]|[.,][0-9]| [0-9])")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Number words. `values`: "seven" 7, "twenty" 20; `scales`: "hundred" 100; `repeats`: "double" 2."""

    values: Mapping[str, int] = field(default_factory=dict)
    scales: Mapping[str, int] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    quantities: Mapping[str, int] = field(default_factory=dict)  # never in dictated digits: "dozen" 12
    parties: Mapping[str, int] = field(default_factory=dict)  # so many people, part of no other number: "zu viert" 4
    spoken_digits: Mapping[str, int] = field(default_factory=dict)  # only in dictated digits: "oh" 0
    fractions: Mapping[str, Decimal] = field(default_factory=dict)  # "half" 0.5, "anderthalb" 1.5: of a scale
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
    compound: re.Pattern[str] = NEVER  # a comma inside of two numbers: "zwei, und zwanzig Minuten"
    vigesimal: bool = False  # French: soixante-dix, quatre-vingt-douze
    one_word: bool = False  # numbers are written as one word: "zweihundertfünf"
    spaced: bool = False  # "1 200" is one number
    thousands: str = ","
    point: str = "."

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Numbers:
        """From the part `numbers` of a language file. Raises ValueError if it is wrong."""
        tables = ("values", "scales", "repeats", "quantities", "parties", "spoken_digits", "homophones")
        words = (
            "glue", "tens_glue", "digit_glue", "articles", "minus", "plus", "extensions", "area_codes", "unclear",
            "attached", "indefinite", "quantity_of", "no_numbers",
        )  # fmt: skip
        flags = ("vigesimal", "one_word", "spaced")
        if unknown := sorted(set(data) - {*tables, *words, *flags, "fractions", "compound", "thousands", "point"}):
            raise ValueError(f"numbers: {unknown[0]!r} is not known; days and months belong under dates:")
        found: dict[str, Any] = {
            name: {str(word): int(value) for word, value in data.get(name, {}).items()} for name in tables
        }
        found["fractions"] = {str(word): Decimal(str(value)) for word, value in data.get("fractions", {}).items()}
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
        return cls(**found, compound=re.compile(_COMPOUND.format(link, "|".join(tens))) if link else NEVER)

    @property
    def units_first(self) -> bool:
        """Whether units are said in front of tens: "einundzwanzig". Then "zwanzig eins" is no number."""
        return self.compound is not NEVER

    def words(self, text: str) -> list[str]:
        """The tokens of a text, with number words of several words, and of one long word, made whole."""
        text = self.compound.sub(f" {PAUSE} ", _BRACKETS.sub(self._said, text))
        if self.attached:  # "four, grand!"
            text = re.sub(rf"(?i)([,.;:!?]\s+)(?:{'|'.join(map(re.escape, sorted(self.attached)))})\b", r"\1", text)
        if self.spaced:
            text = _SPACED.sub(lambda m: m[0].replace(" ", "\u2009"), text)
        phrases = (self.values, self.quantities, self.parties, self.unclear, self.digit_glue, self.area_codes)
        found = merged(value_tokens(text), [*chain(*phrases), *self.no_numbers])
        found = [word for word in found if word not in self.no_numbers]
        if self.one_word:
            found = [part for word in found for part in self._parts(word)]
        return found

    def _said(self, aside: re.Match[str]) -> str:
        """What is in brackets without them if it is nothing but numbers: "(five five five)". Else it is a noise."""
        inside = value_tokens(aside[1])
        known = (self.values, self.scales, self.spoken_digits, self.repeats)
        digits = all(any(word in table for table in known) for word in inside) and any(w in self.values for w in inside)
        return f" {aside[1]} " if digits else aside[0]

    def _parts(self, word: str) -> list[str]:
        """ "zweihundertfünf" as "zwei", "hundert", "fünf"; any other word as it is."""
        known = self.values.keys() | (self.scales.keys() - self.attached) | self.fractions.keys() | self.repeats.keys()
        if word in known or is_figure(word) or len(word) > LONGEST_WORD:
            return [word]
        best: list[list[str] | None] = [[], *([None] * len(word))]
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - 20), end):
                before, part = best[start], word[start:end]
                if before is not None and (part in known or (start and part in self.glue)):
                    best[end] = [*before, part]
                    break
        return best[-1] or [word]
