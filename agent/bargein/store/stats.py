"""Figures over many interruptions: counts, medians, the slowest twentieth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..core.language.kinds import FALSE_INTERRUPTIONS


@dataclass(frozen=True, slots=True)
class Spread:
    """One group of interruptions; latencies in ms from the caller's onset."""

    name: str
    count: int
    detect_median_ms: int
    detect_p95_ms: int
    stop_median_ms: int
    stop_p95_ms: int
    stop_worst_ms: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What `bargein stats` shows. `total` leaves out backchannels and noises; the groups have everything."""

    calls: int
    calls_interrupted: int
    duration_ms: int
    outcomes: Mapping[str, int]
    resolutions: Mapping[str, int]
    total: Spread | None
    by_kind: Sequence[Spread] = field(default_factory=tuple)
    by_day: Sequence[Spread] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the figures need of one interruption."""

    day: str  # 2026-03-01, UTC
    kind: str
    resolution: str
    detect_ms: int
    stop_ms: int


def quantile(values: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of all do not exceed (nearest rank). `values` is sorted, not empty."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def spread(name: str, samples: Sequence[Sample]) -> Spread:
    """The figures of one group, which is not empty."""
    detect = sorted(sample.detect_ms for sample in samples)
    stop = sorted(sample.stop_ms for sample in samples)
    return Spread(
        name,
        len(samples),
        quantile(detect, 0.5),
        quantile(detect, 0.95),
        quantile(stop, 0.5),
        quantile(stop, 0.95),
        stop[-1],
    )


def summarize(
    samples: Iterable[Sample], *, calls: int, calls_interrupted: int, duration_ms: int, outcomes: Mapping[str, int]
) -> Stats:
    """Groups by kind (most frequent first) and by day (latest first)."""
    everything = list(samples)
    kinds: dict[str, list[Sample]] = {}
    days: dict[str, list[Sample]] = {}
    for sample in everything:
        kinds.setdefault(sample.kind or "undecided", []).append(sample)
        if sample.kind not in FALSE_INTERRUPTIONS:
            days.setdefault(sample.day, []).append(sample)
    real = [sample for group in days.values() for sample in group]
    return Stats(
        calls,
        calls_interrupted,
        duration_ms,
        dict(outcomes),
        dict(Counter(sample.resolution or "undecided" for sample in everything).most_common()),
        spread("all", real) if real else None,
        tuple(spread(kind, group) for kind, group in sorted(kinds.items(), key=lambda item: -len(item[1]))),
        tuple(spread(day, days[day]) for day in sorted(days, reverse=True)),
    )
