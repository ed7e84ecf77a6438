"""What the templates show: words, figures, the picture of a call as SVG paths, the statistics as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..core.language.kinds import FALSE_INTERRUPTIONS, Kind
from ..core.language.neutral import neutral
from ..core.language.words import bare
from ..core.turns.records import CallNow
from ..store.filters import FATES
from ..view.choose import OUTCOMES
from ..view.figures import by_local_day, by_local_hour, fates, histogram
from ..view.timeline import Cut, Timeline
from ..view.wording import became, latency, length, outcome_text, position, said, summary_text

if TYPE_CHECKING:
    from jinja2 import Environment

    from ..core.audio.pcm import Pcm
    from ..store import Stats

WIDTH = 1000  # of a picture, in its own units
LANE = 60  # half the height of a voice
CENTRES = {"agent": 80, "caller": 220}
SILENT_DBFS = -60  # the lower end of a meter


def clock(time: datetime) -> str:
    """A time of day in the server's zone."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def utc(iso: str) -> datetime:
    """A time of the log."""
    return datetime.fromisoformat(iso)


def time_of_day(time: datetime) -> str:
    """A time of day without the date, in the server's zone."""
    return time.astimezone().strftime("%H:%M:%S")


def words(text: str) -> str:
    """A name of the database as words: `hung_up` becomes `hung up`."""
    return text.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a call in progress. `level` in dBFS, -60 and less being silence; `told` is the same in words."""

    who: str  # caller | agent
    level: int
    told: str
    words: str


def sides(now: CallNow | None) -> list[Side]:
    """Levels and words of a call in progress; levels of silence if its server has told nothing."""
    now = now or CallNow(SILENT_DBFS, SILENT_DBFS)
    both = (("caller", now.caller_dbfs, now.caller_words), ("agent", now.agent_dbfs, now.agent_words))
    return [
        Side(who, max(SILENT_DBFS, level), f"{level} dB" if level > SILENT_DBFS else "silent", neutral(said))
        for who, level, said in both
    ]


def prepare(environment: Environment) -> None:
    """Give the templates their filters and lists."""
    environment.filters.update(
        bare=bare,
        time=time_of_day,
        utc=utc,
        duration=length,  # Jinja has a `length` of its own
        latency=latency,
        position=position,
        clock=clock,
        words=words,
        clean=neutral,
        outcome=outcome_text,
        summary=summary_text,
        said=said,
        became=became,
    )
    environment.globals.update(
        outcomes=[*OUTCOMES, "in_progress"],
        all_fates=FATES,
        kinds=list(Kind),
        not_real=FALSE_INTERRUPTIONS,
        sides=sides,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A call as SVG: paths of both voices, and marks."""

    width: int
    height: int
    voices: Mapping[str, str]  # agent | caller -> the `d` of a path
    cuts: Sequence[tuple[Cut, float, float]]  # with the x of onset and of decision
    ticks: Sequence[float]  # x of each tick of the time axis
    tick_s: int


def picture(call: Timeline) -> Picture:
    """The timeline of a call, from the recording if there is one, else a bar for each turn."""
    scale = WIDTH / max(1, call.duration_ms)
    voices = {}
    for lane, pcm in (("agent", call.agent), ("caller", call.caller)):
        if pcm is not None and len(pcm):
            voices[lane] = _waveform(pcm, CENTRES[lane])
        else:
            bars = [span for span in call.spans if span.speaker == lane]
            voices[lane] = "".join(
                f"M{span.start_ms * scale:.1f} {CENTRES[lane] - LANE // 4}"
                f"H{max(span.end_ms, span.start_ms + 1) * scale:.1f}v{LANE // 2}H{span.start_ms * scale:.1f}Z"
                for span in bars
            )
    cuts = [(cut, cut.onset_ms * scale, (cut.decided_ms or cut.onset_ms) * scale) for cut in call.cuts]
    seconds = call.duration_ms / 1000
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800) if seconds / step <= 12), 3600)
    ticks = [second * 1000 * scale for second in range(0, int(seconds) + 1, step)]
    return Picture(WIDTH, 320, voices, cuts, ticks, step)


def _waveform(pcm: Pcm, centre: int) -> str:
    """The lowest and highest sample of each unit of width, on a scale on which quiet voices show."""
    import numpy as np

    from ..core.audio.pcm import FULL_SCALE

    block = max(1, len(pcm) // WIDTH)
    blocks = pcm[: len(pcm) // block * block].reshape(-1, block) / FULL_SCALE
    scaled = np.sign(blocks) * np.sqrt(np.abs(blocks)) * LANE
    high, low = centre - scaled.max(axis=1), centre - scaled.min(axis=1)
    x = np.linspace(0, WIDTH, len(blocks))
    there = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, high, strict=True))
    back = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1], low[::-1] + 0.6, strict=True))
    return f"M{there}L{back}Z"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart."""

    name: str
    count: int
    share: float  # of the longest, 0 to 1
    note: str = ""


def bars(counts: Sequence[tuple[str, int, str]], most: int = 15) -> list[Bar]:
    """The first `most` of (name, count, note)."""
    longest = max((count for _, count, _ in counts), default=0) or 1
    return [Bar(name or "–", count, count / longest, note) for name, count, note in counts[:most]]


def charts(stats: Stats) -> dict[str, list[Bar]]:
    """Every chart of the statistics page that has data."""
    found: dict[str, list[Bar]] = {
        "Words at which callers interrupt": bars([(f"“{w.word}”", w.count, f"step {w.step}") for w in stats.words]),
        "Said before the agent asked again": bars(
            [(f"“{phrase}”", count, "") for phrase, count in stats.misunderstood.items()]
        ),
        "Interruptions by step": bars([(one.name, one.count, _median(one)) for one in stats.by_step]),
        "Calls per day": bars(
            [(day, one.calls, f"{one.interrupted} interrupted") for day, one in by_local_day(stats).items()], 31
        ),
        "Calls by hour of the day": bars(
            [(f"{hour:02d}:00", calls, "") for hour, calls in by_local_hour(stats).items()], 24
        ),
        "What became of calls": bars([(name, count, "") for name, count in fates(stats.fates).items()]),
        "Queues: calls answered by people": bars(_answered(stats.fates_by_queue)),
        "Flows: calls contained": bars(_contained(stats.fates_by_flow)),
        "Silent after": bars([(name, count, "") for name, count in histogram(stats.stop_histogram)]),
        "Outcomes": bars([(words(name), count, "") for name, count in stats.outcomes.items()]),
        "What callers did": bars([(said(one.name), one.count, _median(one)) for one in stats.by_kind]),
        "What the agent did": bars([(words(name), count, "") for name, count in stats.resolutions.items()]),
        "Interruptions by queue": bars([(one.name, one.count, _median(one)) for one in stats.by_queue]),
        "Interruptions by flow": bars([(one.name, one.count, _median(one)) for one in stats.by_flow]),
    }
    return {title: rows for title, rows in found.items() if rows}


def _answered(groups: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int, str]]:
    """For each queue that callers were handed over to: how many were answered, and what became of the others."""
    found = {name: fates(counts) for name, counts in groups.items()}
    return [
        (name, counts.get("answered", 0), f"of {counts['handed over']}, {counts.get('abandoned', 0)} abandoned")
        for name, counts in found.items()
        if "handed over" in counts
    ]


def _contained(groups: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int, str]]:
    found = {name: fates(counts) for name, counts in groups.items()}
    return [
        (name, counts.get("contained", 0), f"{counts.get('handed over', 0)} handed over")
        for name, counts in found.items()
    ]


def _median(spread: Any) -> str:
    return f"silent after {latency(spread.stop_median_ms)}, 95 %: {latency(spread.stop_p95_ms)}"
