"""`bargein measure`: how agents and callers take turns in stereo recordings of any agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from ..view.wording import latency, length
from .options import format_options
from .progress import ProgressLine
from .rows import print_rows
from .terminal import Column, Screen, table, write

if TYPE_CHECKING:
    from ..offline.measures import Measures


@click.command("measure")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--agent", type=click.Choice(["left", "right"]), default="right", show_default=True,
              help="The agent's side.")  # fmt: skip
@format_options
def measure_command(recordings: tuple[Path, ...], agent: str, as_json: bool, as_csv: bool) -> None:
    """Measure turn-taking in stereo recordings, also of other agents: from the sound of both sides alone.

    RECORDINGS are WAV files or directories. Asterisk makes such files with MixMonitor: mix the files of its options r
    and t into two channels, for example with `sox -M`.

    Talk-over: both speak. Yields: from the caller's onset to the agent's silence. Talked through: it did not stop.
    False stops: the agent fell silent for a brief sound and went on. Dead air: nobody speaks for two seconds.

    \b
    Example:
      bargein measure recordings --csv
    """
    from ..offline.measures import measure
    from ..speech.audio import read_wav_stereo

    paths = [path for given in recordings for path in (sorted(given.rglob("*.wav")) if given.is_dir() else [given])]
    if not paths:
        raise UserError("no .wav file there")
    found: list[tuple[Path, Measures]] = []
    with ProgressLine("measuring recordings", len(paths)) as line:
        for path in paths:
            both = read_wav_stereo(path)
            if both.shape[1] != 2:
                raise UserError(f"{path}: not stereo")
            ours, theirs = (1, 0) if agent == "right" else (0, 1)
            found.append((path, measure(both[:, theirs].copy(), both[:, ours].copy())))
            line.at(len(found))
    rows = [_row(path, one) for path, one in found]
    if print_rows(list(rows[0]), rows, as_json, as_csv):
        return
    names = ("talk-over", "yields", "talked through", "false stops", "dead air", "answers")
    columns = [Column("recording", flexible=True, keep_end=True), *(Column(name, right=True) for name in names)]
    shown = [
        [
            str(path), length(one.talk_over_ms), latency(one.yield_median_ms),
            f"{one.talked_through} of {one.interruptions}", str(one.false_stops),
            f"{one.dead_airs}, {length(one.dead_air_ms)}", latency(one.answer_median_ms),
        ]
        for path, one in found
    ]  # fmt: skip
    write(table(columns, shown, Screen.of_stdout()))


def _row(path: Path, one: Measures) -> dict[str, object]:
    return {
        "recording": str(path), "duration_ms": one.duration_ms, "talk_over_ms": one.talk_over_ms,
        "interruptions": one.interruptions, "talked_through": one.talked_through,
        "yield_median_ms": one.yield_median_ms, "false_stops": one.false_stops, "dead_air_ms": one.dead_air_ms,
        "dead_airs": one.dead_airs, "longest_silence_ms": one.longest_silence_ms,
        "answer_median_ms": one.answer_median_ms,
    }  # fmt: skip
