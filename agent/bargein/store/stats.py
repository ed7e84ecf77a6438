"""What `bargein stats` shows: counts, medians, 95th percentiles."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field

from ..core.language.words import bare
from ..core.turns.records import Waits
from .figures import BIN_MS, MOST_PHRASES, WAIT_BIN_MS, Figures, Latencies, most_frequent

FATE, QUEUE, FLOW = range(3)  # the parts of a key of Figures.fates


@dataclass(frozen=True, slots=True)
class Spread:
    """One group of interruptions. Latencies are in ms from the caller's onset, rounded down to BIN_MS."""

    name: str
    count: int
    detect_median_ms: int
    detect_p95_ms: int
    stop_median_ms: int
    stop_p95_ms: int
    stop_worst_ms: int


@dataclass(frozen=True, slots=True)
class WaitSpread:
    """One part of the time before the agent's replies, in ms, rounded down to WAIT_BIN_MS."""

    name: str  # of the column in `turns`
    count: int
    median_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class HourCount:
    """What began in one hour."""

    calls: int
    interrupted: int  # of these calls


@dataclass(frozen=True, slots=True)
class CutWord:
    """Where callers interrupt: the step, and the cut word."""

    step: str
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What `bargein stats` shows. `by_kind` and `resolutions` have everything, the rest leaves out backchannels and
    noises."""

    calls: int
    calls_interrupted: int
    duration_ms: int
    outcomes: Mapping[str, int]
    resolutions: Mapping[str, int]
    total: Spread | None
    by_kind: Sequence[Spread] = field(default_factory=tuple)  # the most frequent first, as are the next three
    by_queue: Sequence[Spread] = field(default_factory=tuple)
    by_flow: Sequence[Spread] = field(default_factory=tuple)
    by_step: Sequence[Spread] = field(default_factory=tuple)
    by_day: Sequence[Spread] = field(default_factory=tuple)  # UTC, the latest first
    hours: Mapping[str, HourCount] = field(default_factory=dict)  # by "2026-03-01T09", UTC, in order
    words: Sequence[CutWord] = field(default_factory=tuple)  # the most frequent first
    fates: Mapping[str, int] = field(default_factory=dict)  # calls by FATES of filters.py
    fates_by_queue: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # the queue in which the caller ended
    fates_by_flow: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    stop_histogram: Mapping[int, int] = field(default_factory=dict)  # ms, in steps of BIN_MS: interruptions
    detect_histogram: Mapping[int, int] = field(default_factory=dict)
    waits: Sequence[WaitSpread] = field(default_factory=tuple)  # in the order of the columns
    misunderstood: Mapping[str, int] = field(default_factory=dict)  # what callers said before the agent asked again
    counted_since: str = ""  # if not all matching calls were counted: when the first of those that were started


def quantile(bins: Sequence[tuple[int, int]], share: float) -> int:
    """The smallest value that at least `share` of all do not exceed (nearest rank). `bins` are values, in order, each
    with its count."""
    left = max(1, math.ceil(share * sum(count for _, count in bins)))
    for value, count in bins:
        left -= count
        if left <= 0:
            return value
    raise ValueError("no values")


def summarize(groups: Iterable[tuple[str, Figures]]) -> Stats:
    """The sum of all; each comes with its day, 2026-03-01, UTC."""
    everything = Figures()
    days: dict[str, Latencies] = {}
    for day, figures in groups:
        everything.add(figures)
        days.setdefault(day, Latencies()).add(figures.interruptions())
    total = everything.interruptions()
    hours = {hour: HourCount(everything.hours[hour], everything.hours_interrupted[hour]) for hour in everything.hours}
    return Stats(
        calls=everything.calls,
        calls_interrupted=everything.hours_interrupted.total(),
        duration_ms=everything.duration_ms,
        outcomes=dict(most_frequent(everything.outcomes)),
        resolutions=dict(most_frequent(everything.resolutions)),
        total=_spread("all", total) if total.total else None,
        by_kind=_frequent(everything.kinds),
        by_queue=_frequent(everything.queues),
        by_flow=_frequent(everything.flows),
        by_step=_frequent(everything.steps),
        by_day=tuple(_spread(day, days[day]) for day in sorted(days, reverse=True) if days[day].total),
        hours=dict(sorted(hours.items())),
        words=_cut_words(everything.words),
        fates=dict(most_frequent(_all_fates(everything.fates))),
        fates_by_queue=_fates_by(everything.fates, QUEUE),
        fates_by_flow=_fates_by(everything.fates, FLOW),
        stop_histogram=_histogram(total.stop),
        detect_histogram=_histogram(total.detect),
        waits=_wait_spreads(everything),
        misunderstood=dict(most_frequent(everything.misunderstood)[:MOST_PHRASES]),
    )


def _spread(name: str, found: Latencies) -> Spread:
    """The figures of this group, which is not empty."""
    detect, stop = sorted(found.detect.items()), sorted(found.stop.items())
    return Spread(
        name,
        found.total,
        BIN_MS * quantile(detect, 0.5),
        BIN_MS * quantile(detect, 0.95),
        BIN_MS * quantile(stop, 0.5),
        BIN_MS * quantile(stop, 0.95),
        found.worst_ms,
    )


def _frequent(groups: Mapping[str, Latencies]) -> tuple[Spread, ...]:
    counts = {name: latencies.total for name, latencies in groups.items() if latencies.total}
    return tuple(_spread(name, groups[name]) for name, _ in most_frequent(counts))


def _cut_words(places: Mapping[str, int]) -> tuple[CutWord, ...]:
    """The most frequent first. A word counts as the same whatever punctuation follows it."""
    found: Counter[str] = Counter()
    for place, count in places.items():
        step, _, word = place.partition("\n")
        found[f"{step}\n{bare(word)}"] += count
    return tuple(CutWord(*place.partition("\n")[::2], count=count) for place, count in most_frequent(found))


def _all_fates(counts: Mapping[str, int]) -> Counter[str]:
    """Calls by fate, whatever their queue and flow."""
    found: Counter[str] = Counter()
    for key, count in counts.items():
        found[key.split("\n")[FATE]] += count
    return found


def _fates_by(counts: Mapping[str, int], part: int) -> dict[str, dict[str, int]]:
    """Calls by fate for each QUEUE or FLOW; those with the most calls first."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, count in counts.items():
        parts = key.split("\n")
        found[parts[part]][parts[FATE]] += count
    most = sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))
    return {name: dict(most_frequent(by_fate)) for name, by_fate in most}


def _histogram(bins: Mapping[int, int]) -> dict[int, int]:
    return {BIN_MS * value: count for value, count in sorted(bins.items())}


def wait_spreads(waits: Iterable[Waits]) -> tuple[WaitSpread, ...]:
    """Of the waits before some replies."""
    figures = Figures()
    for each in waits:
        figures.count_waits(astuple(each))
    return _wait_spreads(figures)


def _wait_spreads(figures: Figures) -> tuple[WaitSpread, ...]:
    return tuple(_wait_spread(name, counter) for name, counter in figures.waits.items() if counter)


def _wait_spread(name: str, counter: Mapping[int, int]) -> WaitSpread:
    bins = sorted(counter.items())
    half, most = (WAIT_BIN_MS * quantile(bins, share) for share in (0.5, 0.95))
    return WaitSpread(name, sum(counter.values()), half, most)
