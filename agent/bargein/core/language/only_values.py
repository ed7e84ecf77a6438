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


def value_words(phrases: Phrases) -> set[str]:
    """The words that days, times and numbers are said with."""
    dates = phrases.dates
    forms = (*value_forms(phrases, VALUES), *dates.following, *dates.since, *dates.past, *dates.parts)
    return {word for form in forms for word in form.split()}


def value_forms(phrases: Phrases, types: Collection[str]) -> set[str]:
    """The words and phrases that values of these types of slots are said with, but those that may mean another value
    than the one that was said: "the day after", "in the evening"."""
    tables = {"date": _day_forms, "time": _time_forms, **dict.fromkeys(FIGURES, _number_forms)}
    return {form for kind in types if kind in tables for form in tables[kind](phrases)}


def _day_forms(phrases: Phrases) -> Iterable[str]:
    dates = phrases.dates
    return chain(
        *(dates.days, dates.weekdays, dates.months, dates.ordinals, dates.units, dates.ahead, dates.later),
        *(dates.coming, dates.after_next, dates.next_week, dates.day_of, dates.link),
        dates.one,
        _number_forms(phrases),
    )


def _time_forms(phrases: Phrases) -> Iterable[str]:
    dates, times = phrases.dates, phrases.times
    halves = (text for text in (*times.morning, *times.afternoon) if dates.days.keys().isdisjoint(text.split()))
    return chain(
        *(dates.at, dates.clock, times.fixed, halves, _number_forms(phrases)),
        (word for form, _ in times.forms for word in form),
    )


def _number_forms(phrases: Phrases) -> Iterable[str]:
    numbers = phrases.numbers
    return chain(
        *(numbers.quantities, numbers.parties, numbers.quantity_of, numbers.indefinite, numbers.values, numbers.scales),
        *(numbers.glue, numbers.tens_glue, numbers.articles, phrases.repairs.negations),
    )
