"""Decides whether one more call could be served as well as those in progress, from measurements, with hysteresis.

A call costs most in the seconds after it begins, and a measurement needs time. So no more than MAX_BURST calls begin
between two measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_BURST = 6  # calls that begin between two measurements
REOPEN_AFTER_S = 3.0  # how long all has to be well before new calls are taken again
FEW_CALLS = 5  # with fewer calls the machine is slow for other reasons, and refusing calls would not help


@dataclass(frozen=True, slots=True)
class Load:
    """The measurements: times in s, the share of frames that left late, and the calls in progress."""

    loop_lag_s: float = 0.0
    late_share: float = 0.0
    recognizer_wait_s: float = 0.0
    calls: int = FEW_CALLS


# Above CLOSE callers would notice: a frame 10 ms late is made up for by any jitter buffer, one in twenty is not; a
# recognizer that is a second behind answers a second late. Below REOPEN there is room for more.
CLOSE = Load(loop_lag_s=0.012, late_share=0.05, recognizer_wait_s=1.0)
REOPEN = Load(loop_lag_s=0.005, late_share=0.01, recognizer_wait_s=0.3)


class AdmissionControl:
    """Call `measured` at regular times and `admitted` for each new call. `admits` says whether there is room."""

    def __init__(self) -> None:
        self.refused = 0
        self.reason = ""  # why there is no room; "" if there is
        self._begun = 0
        self._well_since: float | None = None

    @property
    def admits(self) -> bool:
        return not self.reason and self._begun < MAX_BURST

    def admitted(self) -> None:
        """A call begins."""
        self._begun += 1

    def measured(self, load: Load, now: float) -> None:
        """A new measurement; `now` is monotonic time in s."""
        self._begun = 0
        if reason := _exceeds(load, CLOSE):
            self.reason, self._well_since = reason, None
        elif self.reason:
            if _exceeds(load, REOPEN):
                self._well_since = None
            elif self._well_since is None:
                self._well_since = now
            elif now - self._well_since >= REOPEN_AFTER_S:
                self.reason = ""


def _exceeds(load: Load, limit: Load) -> str:
    """What is over its limit, "" if nothing is."""
    if load.calls < FEW_CALLS:
        return ""
    if load.late_share > limit.late_share:
        return f"{100 * load.late_share:.0f} % of the frames leave late"
    if load.loop_lag_s > limit.loop_lag_s:
        return f"the event loop is {1000 * load.loop_lag_s:.0f} ms late"
    if load.recognizer_wait_s > limit.recognizer_wait_s:
        return f"the recognizer is {load.recognizer_wait_s:.1f} s behind"
    return ""
