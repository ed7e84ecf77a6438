"""Whether days, times and numbers are all that the caller said. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

from .phrases import MOST_LEADS, Phrases
from .values import is_figure
from .words import joined, tokens

VALUES = ("date", "time", "number")
FIGURES = ("number", "digits", "phone")


def only_values(text: str, phrases: Phrases) -> bool:
    """Whether nothing stands beside days, times and numbers but "no, I mean": not "no, it's my birthday tomorrow"."""
    rest = phrases.repairs.instead.sub("", _behind_leads(text, phrases))
    known = value_words(phrases) | phrases.fillers
    return all(is_figure(word) or word in known for token in phrases.numbers.words(rest) for word in token.split())


def without_leads(text: str, phrases: Phrases) -> str:
    """The text as it was said, without "no, I mean" at its beginning."""
    words, left = text.split(), len(_behind_leads(text, phrases).split())
    return " ".join(words[next((at for at in range(len(words)) if len(tokens(" ".join(words[at:]))) <= left), 0) :])


def _behind_leads(text: str, phrases: Phrases) -> str:
    rest = joined(tokens(text))
    for _ in range(MOST_LEADS):
        leads = [lead.end() for p in (phrases.repairs.markers, phrases.lead) if (lead := p.match(rest)) is not None]
        if not leads:
            break
        rest = rest[max(leads) :]
    return rest


def value_words(phrases: Phrases, types: Collection[str] = VALUES) -> set[str]:
    """The words that values of these types of slots are said with; without `types`: days, times and numbers."""
    tables = {"date": _day_words, "time": _time_words, **dict.fromkeys(FIGURES, _number_words)}
    texts = {text for kind in types if kind in tables for text in tables[kind](phrases)}
    return {word for text in texts for word in text.split()}


def _day_words(phrases: Phrases) -> Iterable[str]:
    dates = phrases.dates
    return chain(
        *(dates.days, dates.weekdays, dates.months, dates.ordinals, dates.units, dates.ahead, dates.since, dates.later),
        *(dates.following, dates.coming, dates.after_next, dates.next_week, dates.day_of, dates.link),
        *(dates.one, dates.parts),
        _number_words(phrases),
    )


def _time_words(phrases: Phrases) -> Iterable[str]:
    dates, times = phrases.dates, phrases.times
    halves = (text for text in (*times.morning, *times.afternoon) if dates.days.keys().isdisjoint(text.split()))
    return chain(
        *(dates.at, dates.clock, times.fixed, halves, _number_words(phrases)),
        (word for form, _ in times.forms for word in form),
    )


def _number_words(phrases: Phrases) -> Iterable[str]:
    numbers = phrases.numbers
    return chain(
        *(numbers.quantities, numbers.parties, numbers.quantity_of, numbers.indefinite, numbers.values, numbers.scales),
        *(numbers.glue, numbers.tens_glue, numbers.articles, phrases.repairs.negations),
    )
