"""How an agent and a caller take turns in any stereo recording of any agent: from the sound of both alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from ..core.audio.pcm import FRAME_SAMPLES, FULL_SCALE, Pcm, ms, whole_frames

FRAME_MS = ms(FRAME_SAMPLES)
ABOVE_DB = 12.0  # over the noise floor of its side
QUIET_DBFS = -50.0  # nothing below is speech
GAP_MS = 240  # a shorter silence belongs to the speech around it
SHORTEST_MS = 100  # a shorter sound is a click
YIELDS_MS = 3000  # an agent that talks on for longer does not yield
BRIEF_MS = 700  # a shorter sound may be a backchannel or a cough
GOES_ON_MS = 3000  # an agent that went silent for nothing goes on within this time
DEAD_MS = 2000  # a longer silence of both is dead air

Span = tuple[int, int]  # from, to: ms from the start


@dataclass(frozen=True, slots=True)
class Measures:
    """Times in ms. `yields` are those from the caller's onset to the agent's silence, `answers` from the caller's end
    to the agent's next words."""

    duration_ms: int
    talk_over_ms: int  # both spoke
    interruptions: int  # the caller began while the agent spoke, and went on
    yields_ms: tuple[int, ...]
    talked_through: int  # interruptions to which the agent did not yield
    false_stops: int  # the agent fell silent for a brief sound, then went on
    dead_air_ms: int
    dead_airs: int
    longest_silence_ms: int
    answers_ms: tuple[int, ...]

    @property
    def yield_median_ms(self) -> int | None:
        return int(median(self.yields_ms)) if self.yields_ms else None

    @property
    def answer_median_ms(self) -> int | None:
        return int(median(self.answers_ms)) if self.answers_ms else None


def spoken(pcm: Pcm) -> list[Span]:
    """When this side speaks: louder than its own noise floor."""
    frames = whole_frames(pcm).astype(np.float64)
    if not len(frames):
        return []
    level = 10 * np.log10(np.mean(frames**2, axis=1) / FULL_SCALE**2 + 1e-10)
    floor = float(np.percentile(level, 10))
    voiced = np.flatnonzero(level > max(QUIET_DBFS, floor + ABOVE_DB))
    spans: list[Span] = []
    for at in (int(frame) * FRAME_MS for frame in voiced):
        if spans and at - spans[-1][1] <= GAP_MS:
            spans[-1] = (spans[-1][0], at + FRAME_MS)
        else:
            spans.append((at, at + FRAME_MS))
    return [span for span in spans if span[1] - span[0] >= SHORTEST_MS]


def measure(caller: Pcm, agent: Pcm) -> Measures:
    """The measures of one recording; both sides have 8000 samples a second."""
    duration_ms = ms(len(caller))
    theirs, ours = spoken(caller), spoken(agent)
    yields, answers, through, false_stops, interruptions = [], [], 0, 0, 0
    for onset, end in theirs:
        over = next((span for span in ours if span[0] < onset < span[1]), None)
        if over is not None and end - onset > BRIEF_MS:
            interruptions += 1
            if over[1] - onset <= YIELDS_MS and over[1] < end + GAP_MS:
                yields.append(over[1] - onset)
            else:
                through += 1
        elif over is not None and 0 < over[1] - onset <= YIELDS_MS:
            following = next((span[0] for span in ours if span[0] >= over[1]), None)
            spoke = any(over[1] - GAP_MS < begin and begin < (following or 0) for begin, _ in theirs if begin != onset)
            false_stops += following is not None and following - over[1] <= GOES_ON_MS and not spoke
        answer = next((span[0] for span in ours if span[0] > end), None)
        more = next((begin for begin, _ in theirs if begin > end), None)
        if answer is not None and (more is None or answer < more) and not any(b <= end < e for b, e in ours):
            answers.append(answer - end)
    silences = _silences([*theirs, *ours], duration_ms)
    dead = [silence for silence in silences if silence > DEAD_MS]
    return Measures(
        duration_ms, _shared(theirs, ours), interruptions, tuple(yields), through, false_stops, sum(dead), len(dead),
        max(silences, default=0), tuple(answers),
    )  # fmt: skip


def _shared(one: Sequence[Span], other: Sequence[Span]) -> int:
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in other)


def _silences(spans: Sequence[Span], duration_ms: int) -> list[int]:
    """The lengths of the silences of both sides."""
    found, at = [], 0
    for begin, end in sorted(spans):
        found.append(begin - at)
        at = max(at, end)
    return [silence for silence in [*found, duration_ms - at] if silence > 0]
