"""Counts over many calls. They add up, so each day is counted only once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.language.words import tokens
from ..core.turns.records import WAITS, Resolution

MOST_PHRASES = 100  # of a day
LONGEST_PHRASE = 80  # characters
BIN_MS = 5  # the resolution of latencies, in ms
WAIT_BIN_MS = 20


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
        counters["misunderstood"] = dict(most_frequent(self.misunderstood)[:MOST_PHRASES])
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


def most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, else by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _add(into: Counter[Any], other: Mapping[Any, int]) -> None:
    """Like Counter.update, but faster for small ones."""
    for key, count in other.items():
        into[key] += count


def _group(groups: dict[str, Latencies], name: str) -> Latencies:
    if name not in groups:
        groups[name] = Latencies()
    return groups[name]


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
