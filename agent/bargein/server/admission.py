"""Decides whether one more call could be served as well as those in progress, from measurements, with hysteresis.

A measurement needs time, so no more than MAX_BURST calls begin between two measurements, and fewer near the limit. And
a call costs its full share only once its caller talks: then the recognizer has work. So we forecast what the calls in
progress will cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_BURST = 10  # calls that begin between two measurements, at most ...
BURST = 12  # ... of which the part that is left to the limit
REOPEN_AFTER_S = 3.0  # how long all has to be well before new calls are taken again
TALKS_AFTER_S = 8.0  # when a caller talks as often as the others; until then he counts as a part of one
FEW_CALLS = 5  # with fewer calls the machine is slow for other reasons, and refusing calls would not help


@dataclass(frozen=True, slots=True)
class Load:
    """The measurements: times in s, the share of frames that left late, and the calls in progress.

    `loop_cpu` is what the event loop uses of a core. `cpu` is the part that this process and its recognizer's will need
    of the cores that they may use.
    """

    loop_lag_s: float = 0.0
    late_share: float = 0.0
    recognizer_wait_s: float = 0.0
    loop_cpu: float = 0.0
    cpu: float = 0.0
    calls: int = FEW_CALLS


# Above CLOSE callers would notice: a frame 10 ms late is made up for by any jitter buffer, many are not; a recognizer
# that is a second behind answers a second late. An event loop that uses more than 0.72 of a core sends 1 % of its
# frames 5 ms late. Below REOPEN there is room for more.
CLOSE = Load(loop_lag_s=0.008, late_share=0.03, recognizer_wait_s=1.0, loop_cpu=0.72, cpu=0.80)
REOPEN = Load(loop_lag_s=0.005, late_share=0.01, recognizer_wait_s=0.3, loop_cpu=0.67, cpu=0.73)


def forecast(cpu: float, ages_s: Iterable[float], at_once: float) -> float:
    """What will be used of a core when all callers talk, from what is used now and how old the calls are in s.

    A call uses the part `at_once` of its share from its beginning. Less than one call allows no forecast.
    """
    parts = [at_once + (1 - at_once) * min(1.0, age_s / TALKS_AFTER_S) for age_s in ages_s]
    return cpu * max(1.0, len(parts) / max(1.0, sum(parts)))


class AdmissionControl:
    """Call `measured` at regular times and `admitted` for each new call.

    `free()` is how many calls more are allowed by their number. Unless `by_load`, nothing else counts.
    `room` is how many calls may begin before the next measurement.
    """

    def __init__(self, free: Callable[[], int] = lambda: MAX_BURST, *, by_load: bool = True) -> None:
        self._free, self._by_load = free, by_load
        self.refused = 0
        self.reason = ""  # why there is no room; "" if there is
        self._room = MAX_BURST
        self._well_since: float | None = None

    @property
    def room(self) -> int:
        if not self._by_load:
            return self._free()
        return 0 if self.reason else min(self._room, self._free())

    def admitted(self) -> None:
        """A call begins."""
        self._room = max(0, self._room - 1)

    def measured(self, load: Load, now: float) -> None:
        """A new measurement; `now` is monotonic time in s."""
        if not self._by_load:
            return
        self._room = _burst(load)
        if reason := _exceeds(load, CLOSE):
            self.reason, self._well_since = reason, None
        elif self.reason:
            if _exceeds(load, REOPEN):
                self._well_since = None
            elif self._well_since is None:
                self._well_since = now
            elif now - self._well_since >= REOPEN_AFTER_S:
                self.reason = ""


def _burst(load: Load) -> int:
    """The fewer calls may begin the nearer the limit is."""
    near = max(load.cpu / CLOSE.cpu, load.loop_cpu / CLOSE.loop_cpu) if load.calls >= FEW_CALLS else 0.0
    return max(1, min(MAX_BURST, round((1 - near) * BURST)))


def _exceeds(load: Load, limit: Load) -> str:
    """What is over its limit, "" if nothing is."""
    if load.calls < FEW_CALLS:
        return ""
    if load.late_share > limit.late_share:
        return f"{100 * load.late_share:.0f} % of the frames leave late"
    if load.loop_lag_s > limit.loop_lag_s:
        return f"the event loop is {1000 * load.loop_lag_s:.0f} ms late"
    if load.loop_cpu > limit.loop_cpu:
        return f"the event loop takes {100 * load.loop_cpu:.0f} % of a core"
    if load.cpu > limit.cpu:
        return f"the calls in progress will need {100 * load.cpu:.0f} % of the CPU"
    if load.recognizer_wait_s > limit.recognizer_wait_s:
        return f"the recognizer is {load.recognizer_wait_s:.1f} s behind"
    return ""
