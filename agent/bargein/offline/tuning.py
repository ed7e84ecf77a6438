"""Which settings decide labelled calls best: tries each on all of them, and counts what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from .labels import NEAR_MS, Label, Mark, stops
from .replay import Replay

SENSITIVITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
OVERLAPS: tuple[Literal["duck", "pause"], ...] = ("duck", "pause")
LONGER = (1.0, 1.25, 1.6, 2.0)  # times the silences of [endpoint]
GOES_ON_MS = 2000  # a caller who speaks again so soon had not finished
HALT = 0.25  # the cost of an error: the agent fell silent for a moment and went on
LEAST_GAIN = 2.0  # errors: a change that gains less may be chance
ABOUT_BEST = 1.0  # errors: values that differ by less are as good
LATE_MS = 1000  # silence that comes so late, over all interruptions, counts as one error


@dataclass(frozen=True, slots=True)
class Settings:
    """What `bargein tune` may change: `[hearing]` and `[endpoint]`."""

    sensitivity: float
    overlap: Literal["duck", "pause"]
    min_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What these settings make of the labelled decisions."""

    settings: Settings
    labels: int
    wrong_stops: int  # stopped for a sound that was no interruption
    halts: int  # fell silent for such a sound, and went on
    missed: int
    cut_offs: int
    stop_ms: int | None  # the median from the onset to the silence, where it should stop
    late_ms: int = 0  # the sum, if there are also sounds for which it should not stop: else sooner is no better

    @property
    def errors(self) -> int:
        return self.wrong_stops + self.missed + self.cut_offs

    @property
    def stops(self) -> float:
        """Wrong stops; a halt counts as a part of one."""
        return self.wrong_stops + HALT * self.halts

    @property
    def cost(self) -> float:
        return self.stops + self.missed + self.cut_offs + self.late_ms / LATE_MS


Repeat = Callable[[Label, Settings], Replay]


def cuts_off(result: Replay, onset_ms: int) -> bool:
    """Whether the turn that begins at `onset_ms` is ended while the caller has more to say."""
    turns = sorted((turn for turn in result.turns if turn.speaker == "caller"), key=lambda turn: turn.started_ms)
    mine = next((turn for turn in turns if turn.ended_ms > onset_ms - NEAR_MS), None)
    if mine is None:
        return False
    begins = [turn.started_ms for turn in turns] + [pause.onset_ms for pause in result.pauses]
    return any(0 < begin - mine.ended_ms <= GOES_ON_MS for begin in begins)


def as_marked(label: Label, result: Replay) -> bool:
    """Whether a replay decides as the mark asks for."""
    if label.mark is Mark.CUT_OFF:
        return not cuts_off(result, label.onset_ms)
    return stops(result.pauses, label.onset_ms) == label.should_stop


def verdict(label: Label, result: Replay) -> str:
    """What the agent does in a replay, in words."""
    if label.mark is Mark.CUT_OFF:
        return "cuts off" if cuts_off(result, label.onset_ms) else "waits"
    return "stops" if stops(result.pauses, label.onset_ms) else "goes on"


def judge(settings: Settings, labels: Sequence[Label], repeat: Repeat) -> Outcome:
    """Repeat the calls of all labels with these settings, each recording once."""
    both = {True, False} <= {label.should_stop for label in labels}
    runs: dict[str, Replay] = {}
    counts = dict.fromkeys(("labels", "wrong_stops", "halts", "missed", "cut_offs"), 0)
    latencies = []
    for label in labels:
        if label.recording not in runs:
            runs[label.recording] = repeat(label, settings)
        result = runs[label.recording]
        counts["labels"] += 1
        near = [pause for pause in result.pauses if abs(pause.onset_ms - label.onset_ms) <= NEAR_MS]
        if label.mark is Mark.CUT_OFF:
            counts["cut_offs"] += cuts_off(result, label.onset_ms)
        elif label.should_stop:
            counts["missed"] += not stops(near, label.onset_ms)
            latencies += [pause.detect_latency_ms for pause in near[:1]]
        elif stops(near, label.onset_ms):
            counts["wrong_stops"] += 1
        else:
            counts["halts"] += any(pause.resolution != "held" for pause in near)
    late_ms = sum(latencies) if both else 0
    return Outcome(settings, **counts, stop_ms=int(median(latencies)) if latencies else None, late_ms=late_ms)


def candidates(now: Settings, labels: Sequence[Label]) -> list[Settings]:
    """What to try: how readily the agent stops; and longer silences if a caller was cut off."""
    sensitivities = sorted({*SENSITIVITIES, now.sensitivity})
    found = [replace(now, sensitivity=value, overlap=overlap) for overlap in OVERLAPS for value in sensitivities]
    if not any(label.should_stop is not None for label in labels):
        found = [now]
    return found


def longer(now: Settings) -> list[Settings]:
    """The same with longer silences before an answer."""
    return [replace(now, min_ms=round(now.min_ms * by), max_ms=round(now.max_ms * by)) for by in LONGER]


def best(outcomes: Sequence[Outcome], now: Settings) -> Outcome:
    """Of those that are about as good as the best, the one that changes least; `now`, which is among them, unless that
    gains LEAST_GAIN."""
    current = next(one for one in outcomes if one.settings == now)
    least = min(one.cost for one in outcomes)
    if current.cost - least < LEAST_GAIN:
        return current

    def change(one: Outcome) -> tuple[float, ...]:
        other = one.settings
        return (other.overlap != now.overlap, abs(other.sensitivity - now.sensitivity), other.max_ms, one.cost)

    good = [one for one in outcomes if one.cost - least < ABOUT_BEST and current.cost - one.cost >= LEAST_GAIN]
    return min(good, key=change)


def tune(
    now: Settings, labels: Sequence[Label], repeat: Repeat, progress: Callable[[], object] = lambda: None
) -> tuple[list[Outcome], Outcome]:
    """Every outcome, and the best. `progress` is called after each."""
    outcomes = []

    def tried(settings: Settings) -> Outcome:
        outcome = judge(settings, labels, repeat)
        progress()
        outcomes.append(outcome)
        return outcome

    chosen = best([tried(settings) for settings in candidates(now, labels)], now)
    if any(label.mark is Mark.CUT_OFF for label in labels):
        chosen = best([chosen, *(tried(settings) for settings in longer(chosen.settings)[1:])], chosen.settings)
    return outcomes, chosen
