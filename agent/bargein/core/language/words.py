"""Recognized words: tokens, patterns over them, and the choices that they mention."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jellyfish

_TOKEN = re.compile(r"[^\W_]+(?:['’´`][^\W_]+)*")
# Whisper writes other sounds in brackets: (coughs), [laughs]. Digits in brackets are speech: "(555) 010-4278".
_ASIDE = re.compile(r"\[[^\[\]0-9]*\]|\([^()0-9]*\)|\*[^*0-9]*\*|♪[^♪]*♪?")
_PATTERN = re.compile(r"\.\.\.|[()\[\]|]|<[\w-]+>|[^\s()\[\]|<>]+")
MOST_WILDCARDS = 3  # `...` in a pattern; each multiplies the work per word by up to five
_APOSTROPHES = str.maketrans("’´`", "'''")


def without_asides(text: str) -> str:
    """The text without a recognizer's notes of sounds in brackets."""
    return _ASIDE.sub(" ", text)


def spoken_text(text: str) -> str:
    """The text in lower case, without a recognizer's notes of sounds in brackets, with plain apostrophes."""
    return without_asides(text).lower().translate(_APOSTROPHES)


def tokens(text: str) -> list[str]:
    """Lower-case words without punctuation. Hyphens separate words, apostrophes stay, notes of sounds are removed."""
    return _TOKEN.findall(spoken_text(text))


def bare(word: str) -> str:
    """The word without punctuation around it: `dollars,` becomes `dollars`. Punctuation alone stays."""
    return re.sub(r"^\W+|\W+$", "", word) or word


def joined(words: Iterable[str]) -> str:
    """The form that patterns are matched against: a space after every word."""
    return "".join(word + " " for word in words)


def mentions_any(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases stands in the text, as whole words."""
    spoken = f" {joined(tokens(text))}"
    return any(f" {joined(phrase)}" in spoken for phrase in map(tokens, phrases) if phrase)


class PatternError(ValueError):
    """A pattern is wrong; the message says how."""


def compile_pattern(pattern: str, lists: Mapping[str, Sequence[str]], wild: bool = True) -> re.Pattern[str]:
    """A pattern as a regular expression over `joined` words.

    `(a|b c)`: alternatives. `[a]`: optional. `...`: up to four words. `<name>`: a phrase of that list. A pattern
    matches anywhere; with `^` in front only at the beginning, with `$` behind only at the end, with `=` in front only
    the whole. `wild`: without it `...` stands for no word. Raises PatternError.
    """
    body = pattern.strip()
    mode = body[0] if body[:1] in ("^", "=") else ""
    to_end = mode == "=" or body.endswith("$")
    parts: list[str] = []
    open_brackets: list[str] = []
    wildcards = 0
    for piece in _PATTERN.findall(body[len(mode) :].removesuffix("$")):
        if piece in "([":
            open_brackets.append(piece)
            parts.append("(?:")
        elif piece in ")]":
            if not open_brackets or open_brackets.pop() + piece not in ("()", "[]"):
                raise PatternError(f"unbalanced '{piece}' in {pattern!r}")
            parts.append(")" if piece == ")" else ")?")
        elif piece == "|":
            parts.append("|")
        elif piece == "...":
            wildcards += 1
            parts.append(r"(?:\S+ ){0,4}" if wild else "")
        elif piece[0] == "<":
            if piece[1:-1] not in lists:
                raise PatternError(f"no list {piece} for {pattern!r}")
            parts.append(alternatives(lists[piece[1:-1]]))
        else:
            parts.append(re.escape(joined(tokens(piece))))
    if wildcards > MOST_WILDCARDS:
        raise PatternError(f"more than {MOST_WILDCARDS} '...' in {pattern!r}; write two patterns")
    if open_brackets:
        raise PatternError(f"unbalanced '{open_brackets[-1]}' in {pattern!r}")
    start = r"^" if mode else r"(?<!\S)"
    return re.compile(f"{start}(?:{''.join(parts)}){'$' if to_end else ''}")


def alternatives(phrases: Iterable[str]) -> str:
    """A regular expression for any of these phrases, longest first. Without phrases it matches nothing."""
    forms = sorted({joined(tokens(phrase)) for phrase in phrases} - {""}, key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, forms))})" if forms else r"(?!)"


class PhraseTable:
    """Phrases by their first word. Immutable."""

    def __init__(self, table: Mapping[str, tuple[tuple[str, ...], ...]] | None = None) -> None:
        self._table = dict(table or {})

    @classmethod
    def of(cls, phrases: Iterable[str], base: PhraseTable | None = None) -> PhraseTable:
        """A table of these phrases, and those of `base`."""
        table = dict(base._table) if base is not None else {}
        for form in {tuple(tokens(phrase)) for phrase in phrases} - {()}:
            table[form[0]] = (*table.get(form[0], ()), form)
        return cls(table)

    def makes_up(self, words: Sequence[str]) -> bool:
        """Whether the words consist only of phrases of the table, one after another.

        It marks the places that a row of phrases can reach: linear, where a regular expression tries every way to
        part "ha ha ha ha".
        """
        reached = [True, *([False] * len(words))]
        for at, word in enumerate(words):
            if reached[at]:
                for form in self._table.get(word, ()):
                    if tuple(words[at : at + len(form)]) == form:
                        reached[at + len(form)] = True
        return bool(words) and reached[-1]


# ------------------------------------------------------------------------- choices


@dataclass(frozen=True, slots=True)
class Mention:
    """A choice that was said, in words `start` to `end` (exclusive). `negated`: "not the red one"."""

    choice: str
    start: int
    end: int
    negated: bool = False


FARTHEST = 2  # letters by which a recognized word may differ from the intended one
NEGATOR_WORDS = 8  # a negator stands at most this many words before what it negates


@lru_cache(maxsize=4096)
def _code(word: str) -> str:
    return jellyfish.metaphone(word)


def sounds_like(heard: str, meant: str, phonetic: bool = True) -> bool:
    """Whether a recognizer may have written `heard` for `meant`: similar letters, or the same sound.

    Sound is Metaphone (Philips 1990), which fits English spelling; one letter may differ in a word of four or more.
    """
    if heard == meant:
        return True
    if min(len(heard), len(meant)) < 3 or abs(len(heard) - len(meant)) > FARTHEST:
        return False
    distance = jellyfish.damerau_levenshtein_distance(heard, meant)
    longest = max(len(heard), len(meant))
    if distance <= (1 if longest < 8 else 2) and longest >= 4:
        return True
    return phonetic and distance <= 2 and len(_code(meant)) >= 2 and _code(heard) == _code(meant)


def mentions(
    words: Sequence[str],
    choices: Mapping[str, Sequence[str]],
    negators: re.Pattern[str] | None = None,
    known: frozenset[str] = frozenset(),
    phonetic: bool = True,
) -> list[Mention]:
    """The choices in the order in which they were said. The longest phrase wins.

    Only where nothing matches exactly, single words that sound alike are taken, but none of `known` (words with a
    meaning of their own). `negators` is matched against the words before a mention.
    """
    forms = [(tuple(tokens(phrase)), choice) for choice, phrases in choices.items() for phrase in phrases]
    forms = sorted((form for form in forms if form[0]), key=lambda form: -len(form[0]))
    found = _scan(words, forms, lambda heard, meant: heard == meant)
    if not found:
        found = _scan(
            words,
            [form for form in forms if len(form[0]) == 1 and len(form[0][0]) > 2],
            lambda heard, meant: heard[0] not in known and sounds_like(heard[0], meant[0], phonetic),
        )
    if negators is None:
        return found
    before = (joined(words[max(0, m.start - NEGATOR_WORDS) : m.start]) for m in found)
    return [
        Mention(m.choice, m.start, m.end, bool(negators.search(text))) for m, text in zip(found, before, strict=True)
    ]


_Form = tuple[str, ...]


def _scan(words: Sequence[str], forms: list[tuple[_Form, str]], same: Callable[[_Form, _Form], bool]) -> list[Mention]:
    found, at = [], 0
    while at < len(words):
        for form, choice in forms:
            part = tuple(words[at : at + len(form)])
            if len(part) == len(form) and same(part, form):
                found.append(Mention(choice, at, at + len(form)))
                at += len(form) - 1
                break
        at += 1
    return found
