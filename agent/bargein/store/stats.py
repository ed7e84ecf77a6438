"""Figures over many calls: counts, medians, 95th percentiles. They add up, so each day is counted only once."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.language.words import bare, tokens
from ..core.turns.records import WAITS, Resolution, Waits

MOST_PHRASES = 100  # of a day
LONGEST_PHRASE = 80  # characters
BIN_MS = 5  # the resolution of latencies, in ms
WAIT_BIN_MS = 20


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


class Latencies:
    """The latencies of a group of interruptions, as histograms."""

    __slots__ = ("detect", "stop", "worst_ms")

    def __init__(self) -> None:
        self.detect: Counter[int] = Counter()
        self.stop: Counter[int] = Counter()
        self.worst_ms = 0

    def count(self, detect_ms: int, stop_ms: int) -> None:
        self.detect[detect_ms // BIN_MS] += 1
        self.stop[stop_ms // BIN_MS] += 1
        self.worst_ms = max(self.worst_ms, stop_ms)

    def add(self, other: Latencies) -> None:
        _add(self.detect, other.detect)
        _add(self.stop, other.stop)
        self.worst_ms = max(self.worst_ms, other.worst_ms)

    def spread(self, name: str) -> Spread:
        """The figures of this group, which is not empty."""
        detect, stop = sorted(self.detect.items()), sorted(self.stop.items())
        return Spread(
            name,
            self.total,
            BIN_MS * quantile(detect, 0.5),
            BIN_MS * quantile(detect, 0.95),
            BIN_MS * quantile(stop, 0.5),
            BIN_MS * quantile(stop, 0.95),
            self.worst_ms,
        )

    @property
    def total(self) -> int:
        return self.stop.total()


class Group(NamedTuple):
    """Calls that are counted together."""

    day: str  # 2026-03-01, UTC
    queue: str
    flow: str


class Figures:
    """The counts of a group of calls. They add up."""

    __slots__ = ("calls", "duration_ms", "fates", "flows", "hours", "hours_interrupted", "kinds", "misunderstood",
                 "outcomes", "queues", "resolutions", "steps", "waits", "words")  # fmt: skip

    def __init__(self) -> None:
        self.calls = self.duration_ms = 0
        self.outcomes: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()  # by "fate\nqueue\nflow"
        self.resolutions: Counter[str] = Counter()
        self.hours: Counter[str] = Counter()
        self.hours_interrupted: Counter[str] = Counter()
        self.kinds: dict[str, Latencies] = {}
        self.queues: dict[str, Latencies] = {}  # without backchannels and noises, as all below
        self.flows: dict[str, Latencies] = {}
        self.steps: dict[str, Latencies] = {}
        self.words: Counter[str] = Counter()  # by "step\nword"
        self.misunderstood: Counter[str] = Counter()
        self.waits: dict[str, Counter[int]] = {name: Counter() for name in WAITS}

    def count_call(self, hour: str, outcome: str, duration_ms: int, interruptions: int) -> None:
        self.calls += 1
        self.duration_ms += duration_ms
        self.outcomes[outcome or "in progress"] += 1
        self.hours[hour] += 1
        if interruptions:
            self.hours_interrupted[hour] += 1

    def count_fate(self, fate: str, queue: str, flow: str) -> None:
        self.fates[f"{fate}\n{queue}\n{flow}"] += 1

    def count_interruption(
        self, group: Group, kind: str, resolution: str, step: str, cut_word: str, detect_ms: int, stop_ms: int
    ) -> None:
        self.resolutions[resolution or "undecided"] += 1
        _group(self.kinds, kind or "undecided").count(detect_ms, stop_ms)
        if kind not in FALSE_INTERRUPTIONS and resolution != Resolution.RETRACTED:
            for groups, name in ((self.queues, group.queue), (self.flows, group.flow), (self.steps, step)):
                _group(groups, name).count(detect_ms, stop_ms)
            self.words[f"{step}\n{cut_word}"] += 1

    def count_asked_again(self, said: str) -> None:
        """The caller said this, and the agent asked the same again."""
        if phrase := " ".join(tokens(said)):
            self.misunderstood[phrase[:LONGEST_PHRASE]] += 1

    def count_waits(self, waits: Iterable[int | None]) -> None:
        """The waits before one reply, in the order of WAITS."""
        for counter, wait_ms in zip(self.waits.values(), waits, strict=True):
            if wait_ms is not None:
                counter[wait_ms // WAIT_BIN_MS] += 1

    def add(self, other: Figures) -> None:
        self.calls += other.calls
        self.duration_ms += other.duration_ms
        for name in COUNTERS:
            _add(getattr(self, name), getattr(other, name))
        for name in GROUPS:
            into = getattr(self, name)
            for key, latencies in getattr(other, name).items():
                _group(into, key).add(latencies)
        for name, counter in other.waits.items():
            _add(self.waits[name], counter)

    def interruptions(self) -> Latencies:
        """Those of the agent by the caller."""
        found = Latencies()
        for group in self.steps.values():
            found.add(group)
        return found

    def to_json(self) -> str:
        groups = {name: _packed(getattr(self, name)) for name in GROUPS}
        counters = {name: getattr(self, name) for name in COUNTERS}
        counters["misunderstood"] = dict(_most(self.misunderstood)[:MOST_PHRASES])
        numbers = {"calls": self.calls, "duration_ms": self.duration_ms}
        waits = {"waits": {name: _flat(counter) for name, counter in self.waits.items()}}
        return json.dumps({**numbers, **counters, **groups, **waits}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Figures:
        found, values = cls(), json.loads(text)
        found.calls, found.duration_ms = values["calls"], values["duration_ms"]
        for name in COUNTERS:
            setattr(found, name, Counter(values.get(name, {})))
        for name in GROUPS:
            setattr(found, name, _unpacked(values[name]))
        for name, flat in values.get("waits", {}).items():
            found.waits[name] = _counter(flat)
        return found


GROUPS = ("kinds", "queues", "flows", "steps")
COUNTERS = ("outcomes", "fates", "resolutions", "hours", "hours_interrupted", "words", "misunderstood")


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
        _group(days, day).add(figures.interruptions())
    total = everything.interruptions()
    hours = {hour: HourCount(everything.hours[hour], everything.hours_interrupted[hour]) for hour in everything.hours}
    return Stats(
        everything.calls,
        everything.hours_interrupted.total(),
        everything.duration_ms,
        dict(_most(everything.outcomes)),
        dict(_most(everything.resolutions)),
        total.spread("all") if total.total else None,
        _frequent(everything.kinds),
        _frequent(everything.queues),
        _frequent(everything.flows),
        _frequent(everything.steps),
        tuple(days[day].spread(day) for day in sorted(days, reverse=True) if days[day].total),
        dict(sorted(hours.items())),
        _cut_words(everything.words),
        {fate: sum(by_fate.values()) for fate, by_fate in _fates(everything.fates, 0).items()},
        _fates(everything.fates, 1),
        _fates(everything.fates, 2),
        _histogram(total.stop),
        _histogram(total.detect),
        _wait_spreads(everything),
        dict(_most(everything.misunderstood)[:MOST_PHRASES]),
    )


def _add(into: Counter[Any], other: Mapping[Any, int]) -> None:
    """Like Counter.update, but faster for small ones."""
    for key, count in other.items():
        into[key] += count


def _group(groups: dict[str, Latencies], name: str) -> Latencies:
    if name not in groups:
        groups[name] = Latencies()
    return groups[name]


def _frequent(groups: Mapping[str, Latencies]) -> tuple[Spread, ...]:
    counts = {name: latencies.total for name, latencies in groups.items() if latencies.total}
    return tuple(groups[name].spread(name) for name, _ in _most(counts))


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, else by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _cut_words(places: Mapping[str, int]) -> tuple[CutWord, ...]:
    """The most frequent first. A word counts as the same whatever punctuation follows it."""
    found: Counter[str] = Counter()
    for place, count in places.items():
        step, _, word = place.partition("\n")
        found[f"{step}\n{bare(word)}"] += count
    return tuple(CutWord(*place.partition("\n")[::2], count=count) for place, count in _most(found))


def _fates(counts: Mapping[str, int], part: int) -> dict[str, dict[str, int]]:
    """Calls by fate for each queue (part 1) or flow (part 2); those with the most calls first."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, count in counts.items():
        parts = key.split("\n")
        found[parts[part]][parts[0]] += count
    most = sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))
    return {name: dict(_most(by_fate)) for name, by_fate in most}


def _histogram(bins: Mapping[int, int]) -> dict[int, int]:
    return {BIN_MS * value: count for value, count in sorted(bins.items())}


def _packed(groups: Mapping[str, Latencies]) -> dict[str, list[Any]]:
    """Each as [worst, [value, count, value, count ...] of detect, the same of stop]."""
    return {name: [group.worst_ms, _flat(group.detect), _flat(group.stop)] for name, group in groups.items()}


def _unpacked(groups: Mapping[str, Sequence[Any]]) -> dict[str, Latencies]:
    found = {}
    for name, (worst_ms, detect, stop) in groups.items():
        group = found[name] = Latencies()
        group.worst_ms = worst_ms
        group.detect, group.stop = _counter(detect), _counter(stop)
    return found


def _flat(counter: Mapping[int, int]) -> list[int]:
    return [n for item in counter.items() for n in item]


def _counter(flat: Sequence[int]) -> Counter[int]:
    return Counter(dict(zip(flat[::2], flat[1::2], strict=True)))


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
