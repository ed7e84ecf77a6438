"""An answer with a day and a time behind it: "my name is Jones and I'd like to come on Friday at ten". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .only_values import value_words
from .phrases import MOST_LEADS, Phrases
from .times import is_clock_time
from .values import is_figure
from .words import joined, mentions_any, tokens


@dataclass(frozen=True, slots=True)
class AnswerAndWhen:
    """The words of an `answer`, "" if there are none, and those of a `day` and a `time`, "" if it is not said."""

    answer: str
    day: str
    time: str


def answer_and_when(text: str, phrases: Phrases) -> AnswerAndWhen | None:
    """The parts of a text that ends with a day, a time or both; None if another word stands there, or a denial.

    A day or a time begins with a word of the list `begins`. Nothing else may stand there but the list `wishes`.
    """
    denies = not phrases.repairs.negations.isdisjoint(tokens(text)) or phrases.repairs.markers.search(_spoken(text))
    words = [] if denies or text.rstrip().endswith("?") else text.split()
    closed = [joined(tokens(form)) for name in ("begins", "wishes") for form in phrases.lists.get(name, ())]
    longest = max((len(form.split()) for form in closed), default=0)
    for at in range(len(words)):
        if _spoken(" ".join(words[at : at + longest])).startswith(tuple(closed)):
            return _when(" ".join(words[:at]), " ".join(words[at:]), phrases)
    return None


def _when(answer: str, rest: str, phrases: Phrases) -> AnswerAndWhen | None:
    runs = _runs(rest, phrases)
    found: dict[str, str] = {}
    for run in runs:
        kind = _kind(run, phrases)
        if not kind or kind in found:
            return None
        found[kind] = " ".join(run)
    return AnswerAndWhen(answer, found.get("day", ""), found.get("time", "")) if found else None


def _runs(text: str, phrases: Phrases) -> list[list[str]]:
    """The words from each word of the list `begins` on; none if a word is neither of a value nor of a wish."""
    values = value_words(phrases) - phrases.repairs.negations
    begins = [tokens(form) for form in phrases.lists.get("begins", ())]
    wishes = [tokens(form) for form in (*phrases.lists.get("wishes", ()), *phrases.fillers)]
    words = [part for word in phrases.numbers.words(text) for part in word.split()]
    runs: list[list[str]] = []
    open_run, at = False, 0
    while at < len(words):
        begin = max((len(form) for form in begins if words[at : at + len(form)] == form), default=0)
        wish = max((len(form) for form in wishes if words[at : at + len(form)] == form), default=0)
        if begin:
            runs.append(words[at : at + begin])
            open_run = True
        elif open_run and (is_figure(words[at]) or words[at] in values):
            runs[-1].append(words[at])
        elif wish:
            open_run = False
        else:
            return []
        at += begin or (1 if open_run else wish)
    return runs


def _kind(run: Sequence[str], phrases: Phrases) -> str:
    """Whether a run says a "day" or a "time", and nothing else; "" if that is not certain."""
    dates, times, numbers = phrases.dates, phrases.times, phrases.numbers
    said = " ".join(run)
    day = any(mentions_any(said, words) for words in (dates.days, dates.weekdays, dates.months))
    figures = any(is_figure(word) or word in numbers.values or word in dates.ordinals for word in run)
    if day:
        halves = any(mentions_any(said, words) for words in (times.morning, times.afternoon, dates.parts))
        plain = figures and not mentions_any(said, dates.months)
        return "" if halves or plain or mentions_any(said, dates.past) else "day"
    return "time" if is_clock_time(said, times, numbers, dates.at) and not mentions_any(said, dates.units) else ""


def _spoken(text: str) -> str:
    return joined(tokens(text))


def says_only_name(text: str, name: str, phrases: Phrases) -> bool:
    """Whether "good day, my name is" and this name are all that a text says: not "my name is Jones and I'm late"."""
    rest = _spoken(text)
    greetings = [joined(tokens(form)) for form in phrases.lists.get("greetings", ())]
    for _ in range(MOST_LEADS):
        lead = phrases.lead.match(rest)
        leads = [lead.end() if lead is not None else 0, *(len(form) for form in greetings if rest.startswith(form))]
        rest = rest[max(leads) :]
    said = joined(tokens(name))
    return bool(name) and rest in {joined(tokens(form)) + said for form in phrases.lists.get("named", ())}
