"""Whether days, times and numbers are all that the caller said. Pure."""

from __future__ import annotations

from itertools import chain

from .intent import MOST_LEADS, Phrases
from .values import is_figure
from .words import joined, tokens


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
    dates, times, numbers, repairs = phrases.dates, phrases.times, phrases.numbers, phrases.repairs
    texts = chain(
        *(dates.days, dates.weekdays, dates.months, dates.ordinals, dates.units, dates.ahead, dates.since, dates.later),
        *(dates.following, dates.coming, dates.after_next, dates.next_week, dates.day_of, dates.past, dates.link),
        *(dates.one, dates.parts, dates.at, dates.clock, times.fixed, times.morning, times.afternoon),
        *(
            numbers.quantities,
            numbers.parties,
            numbers.quantity_of,
            numbers.indefinite,
            numbers.values,
            numbers.scales,
            numbers.glue,
            numbers.tens_glue,
            numbers.articles,
            repairs.negations,
        ),
        (word for form, _ in times.forms for word in form),
    )
    return {word for text in texts for word in text.split()}
