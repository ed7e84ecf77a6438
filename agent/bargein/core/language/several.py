"""Several answers in one sentence: "my name is Jones and I'd like a table for two on Friday at ten". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .intent import Phrases
from .only_values import value_words
from .values import is_figure
from .words import joined, tokens

_PAUSE = re.compile(r"(?:[,;:!?]|(?<![0-9])\.)(?=\s|$)|\.\s*$")  # not in "5. Dezember"


def clauses(text: str, phrases: Phrases) -> list[str]:
    """The parts of a text between pauses and the words for "and"."""
    found: list[str] = []
    for part in _PAUSE.split(text):
        words: list[str] = []
        for word in part.split():
            if "".join(tokens(word)) in phrases.numbers.glue:
                found.append(" ".join(words))
                words = []
            else:
                words.append(word)
        found.append(" ".join(words))
    return [clause for clause in found if tokens(clause)]


@dataclass(frozen=True, slots=True)
class WhenAndRest:
    """The days and times of day in a text, and its other words. `doubtful`: "before Friday", "at ten or eleven"."""

    when: tuple[str, ...]
    rest: str
    doubtful: bool


def when_and_rest(text: str, phrases: Phrases) -> WhenAndRest:
    """ "For four on Friday at seven" is "on friday", "at seven", and "for four"."""
    values, calendar = value_words(phrases) - phrases.repairs.negations, _calendar_words(phrases)
    begins = phrases.lists.get("begins", ())
    runs: list[list[str]] = [[]]
    for word in [word for part in _PAUSE.split(text) for word in (*phrases.numbers.words(part), "")]:
        is_value = bool(word) and (is_figure(word) or values.issuperset(word.split()))
        if not is_value or word in begins or not (runs[-1] and runs[-1][-1]):
            runs.append([])
        runs[-1] += [word] if is_value else [word, ""]
    runs = [[word for word in run if word] for run in runs]
    dated = [any(word in calendar or (is_figure(word) and not word.isdecimal()) for word in run) for run in runs]
    unsure = phrases.dates.unclear | phrases.times.unclear | phrases.repairs.joiners
    beside = [{*_last(runs[at - 1 : at]), *_first(runs[at + 1 : at + 2])} for at in range(len(runs))]
    doubtful = any(is_when and unsure & around for is_when, around in zip(dated, beside, strict=True))
    when = tuple(" ".join(run) for run, is_when in zip(runs, dated, strict=True) if is_when)
    rest = [word for run, is_when in zip(runs, dated, strict=True) if not is_when for word in run]
    return WhenAndRest(when, " ".join(rest), doubtful)


def _last(runs: list[list[str]]) -> list[str]:
    return runs[0][-1:] if runs else []


def _first(runs: list[list[str]]) -> list[str]:
    return runs[0][:1] if runs else []


def _calendar_words(phrases: Phrases) -> set[str]:
    """Words that only days and times are said with."""
    dates, times, numbers = phrases.dates, phrases.times, phrases.numbers
    forms = {word for form, _ in times.forms for word in form if word not in phrases.trailing | numbers.glue}
    return {
        *dates.days, *dates.weekdays, *dates.months, *dates.ordinals, *dates.units, *dates.at, *dates.clock,
        *dates.parts, *dates.coming, *times.fixed, *times.morning, *times.afternoon,
        *(forms - dates.link - {*numbers.scales, "{h}", "{m}"}),
    } - dates.loose  # fmt: skip


def says_name(text: str, phrases: Phrases) -> bool:
    """Whether a name is said in words that nothing else follows: "my name is Jones", but not "I'm Jones"."""
    return phrases.mentions("named", text)


def may_be_name(clause: str, phrases: Phrases) -> bool:
    """Whether a part of a text may say a name: it holds no value, and is more than "hello"."""
    words = tokens(clause)
    greets = phrases.lead.fullmatch(joined(words))
    return not (greets or when_and_rest(clause, phrases).when or phrases.numbers.values.keys() & {*words})
