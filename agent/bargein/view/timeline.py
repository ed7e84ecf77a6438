"""What happened in a call over time: turns, words and interruptions, with the audio if there is a recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.audio.rate import ms, samples
from ..core.language.kinds import FALSE_INTERRUPTIONS, Kind
from ..core.turns.records import Interruption, Turn
from ..errors import UserError

if TYPE_CHECKING:
    from ..core.audio.pcm import Pcm
    from ..offline.replay import Replay

SILENT_DBFS = -50.0  # the agent says nothing
BEFORE_MS = 300  # the agent spoke so shortly before: a sound of the caller fell into its speech


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and when it was said, in ms from the start of the call. An unheard word has no time: None."""

    text: str
    start_ms: int | None
    end_ms: int | None
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """Someone speaks. Times in ms from the start of the call."""

    speaker: str  # agent | caller
    start_ms: int
    end_ms: int
    words: tuple[TimedWord, ...]
    step: str = ""
    seq: int = -1  # number of the turn


@dataclass(frozen=True, slots=True)
class Cut:
    """A sound of the caller while the agent spoke, and what became of it. Times in ms from the start of the call."""

    onset_ms: int
    paused_ms: int | None  # None: the agent did not pause
    decided_ms: int | None
    answered_ms: int | None  # the agent's next words
    kind: str
    resolution: str
    noticed_ms: int  # latencies, from the onset
    silent_ms: int | None
    is_interruption: bool
    seq: int = -1  # number of the agent's turn
    text: str = ""  # what the caller said


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """A call over time. `caller` and `agent` are the two sides of the recording, None without one."""

    title: str
    duration_ms: int
    spans: tuple[Span, ...]
    cuts: tuple[Cut, ...]
    caller: Pcm | None = None
    agent: Pcm | None = None


def of_call(
    title: str, duration_ms: int, turns: Sequence[Turn], cuts: Iterable[Interruption], recording: Path | None = None
) -> Timeline:
    """A logged call. Reads the recording if there is one; a file that cannot be read counts as none."""
    spans = tuple(_span(turn) for turn in turns)
    ends = [duration_ms, *(span.end_ms for span in spans)]
    caller, agent = _audio(recording)
    if caller is not None:
        ends.append(ms(len(caller)))
    return Timeline(title, max(ends), spans, tuple(_cut(cut, turns) for cut in cuts), caller, agent)


def _span(turn: Turn) -> Span:
    timed = [TimedWord(word.text, ms(word.start), ms(word.end)) for word in turn.words]
    if not timed:
        timed = _spread(turn.heard_text.split(), turn.started_ms, turn.ended_ms)
    timed += [TimedWord(word, None, None, heard=False) for word in turn.unheard_text.split()]
    return Span(turn.speaker, turn.started_ms, turn.ended_ms, tuple(timed), turn.step, turn.seq)


def _spread(words: Sequence[str], start_ms: int, end_ms: int) -> list[TimedWord]:
    """Words laid out by their length in letters, for turns without word times."""
    total = sum(len(word) + 1 for word in words)
    timed, at = [], 0
    for word in words:
        begin = start_ms + (end_ms - start_ms) * at // total
        at += len(word) + 1
        timed.append(TimedWord(word, begin, start_ms + (end_ms - start_ms) * at // total))
    return timed


def _cut(cut: Interruption, turns: Sequence[Turn]) -> Cut:
    after = [turn.started_ms for turn in turns if turn.speaker == "agent" and turn.started_ms > cut.onset_ms]
    resumed = cut.resolution in ("resumed", "held")
    return Cut(
        cut.onset_ms,
        cut.paused_ms if cut.resolution != "held" else None,
        cut.decided_ms,
        None if resumed else min(after, default=None),
        cut.kind,
        cut.resolution,
        cut.detect_latency_ms,
        cut.stop_latency_ms if cut.resolution != "held" else None,
        cut.kind not in FALSE_INTERRUPTIONS,
        cut.turn_seq,
        cut.caller_text,
    )


def _audio(recording: Path | None) -> tuple[Pcm | None, Pcm | None]:
    if recording is None or not recording.is_file():
        return None, None
    from ..speech.audio import read_wav_stereo

    try:
        both = read_wav_stereo(recording)
    except UserError:
        return None, None
    if both.shape[1] != 2:
        return None, None
    return both[:, 0].copy(), both[:, 1].copy()


def of_replay(title: str, replayed: Replay) -> Timeline:
    """A replayed recording. A pause while the agent says nothing is the caller's turn, not an interruption.

    Without audio of the agent, the agent counts as talking all the time.
    """
    from ..core.audio.pcm import dbfs

    cuts = []
    for pause in replayed.pauses:
        before = replayed.agent[max(0, samples(pause.onset_ms - BEFORE_MS)) : samples(pause.paused_ms)]
        if replayed.agent.any() and (not len(before) or dbfs(before) < SILENT_DBFS):
            continue
        kind = "interruption" if pause.is_stop and pause.kind == Kind.NOISE else pause.kind  # one without words
        cuts.append(
            Cut(
                pause.onset_ms, pause.paused_ms, pause.decided_ms, None, kind, pause.resolution,
                pause.detect_latency_ms, None, pause.is_stop, text=pause.caller_text,
            )
        )  # fmt: skip
    spans = tuple(_span(turn) for turn in replayed.turns if turn.text)
    return Timeline(title, ms(len(replayed.caller)), spans, tuple(cuts), replayed.caller, replayed.agent)
