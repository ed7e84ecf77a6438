"""`bargein label` and `bargein tune`: what went wrong in your own calls, and which sensitivity does better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Config
from ..errors import UserError
from .log import database, with_log
from .options import log_options
from .progress import ProgressLine
from .terminal import Column, Screen, table, write

if TYPE_CHECKING:
    from ..offline.labels import Label
    from ..store import Call, LoggedInterruption, Reader

MARKS = ("wrong-stop", "missed", "right", "cut-off")
LABELS = Path("bargein-labels.jsonl")
SENSITIVITIES = tuple(round(0.1 * i, 1) for i in range(1, 10))
labels_option = click.option(
    "--labels", type=click.Path(dir_okay=False, path_type=Path), default=LABELS, show_default=True, help="The labels."
)


@click.command("label")
@click.argument("interruption", metavar="CALL#N")
@click.argument("mark", type=click.Choice(MARKS))
@labels_option
@log_options
def label_command(interruption: str, mark: str, labels: Path, config_path: Path | None, db: str | None) -> None:
    """Mark interruption number N of a recorded call as right or wrong.

    `bargein show CALL` lists the interruptions in order, false ones included; the first is 1. wrong-stop: the agent
    stopped for nothing. missed: the agent went on over the caller. cut-off: it answered too early. `bargein tune` and
    `bargein replay --labelled` use the labels.

    \b
    Example:
      bargein label last#1 right
    """
    name, sign, digits = interruption.rpartition("#")
    if not sign or not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits[:9]) <= 10_000:
        raise UserError(f"{interruption!r}: expected CALL#N, such as last#1", 2)
    number = int(digits)

    async def ask(log: Reader) -> tuple[Call, list[LoggedInterruption]]:
        call = await log.call(name)
        cuts = await log.interruptions(call_id=call.id)
        return call, sorted(cuts, key=lambda cut: cut.interruption.onset_ms)

    call, cuts = with_log(database(config_path, db), ask)
    if number > len(cuts):
        raise UserError(f"this call has {len(cuts)} interruption{'s' * (len(cuts) != 1)}")
    if not call.recording:
        raise UserError("this call was not recorded, so nothing can repeat its decisions")
    from ..offline.labels import Label, Mark, add_label

    cut = cuts[number - 1].interruption
    stopped = cut.resolution not in ("resumed", "held")
    label = Label(call.id, number, Mark(mark), cut.onset_ms, stopped, call.recording, call.dialogue)
    add_label(labels, label)
    click.echo(f"{call.id}#{number}: {mark}, written to {labels}", err=True)


@click.command("tune")
@labels_option
@click.option("--fast", is_flag=True, help="Without speech to text: only the sound decides.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file.")
def tune_command(labels: Path, fast: bool, config_path: Path | None) -> None:
    """Try sensitivities on all labelled calls, print the trade-off, and propose one.

    \b
    Example:
      bargein tune --fast
    """
    from ..offline.labels import read_labels

    config, known = Config.load(config_path), usable(read_labels(labels))
    results = {}
    with ProgressLine("replaying calls", len(SENSITIVITIES) * len(known)) as line:
        for value in SENSITIVITIES:
            results[value] = [decided(label, config, value, fast) for label in known]
            line.at(len(results) * len(known))
    right = {
        value: sum(stop == label.should_stop for stop, label in zip(answers, known, strict=True))
        for value, answers in results.items()
    }
    columns = [Column("sensitivity"), *(Column(name, right=True) for name in ("as marked", "wrong stops", "missed"))]
    rows = [
        [
            str(value),
            f"{right[value]} of {len(known)}",
            str(sum(stop and not label.should_stop for stop, label in zip(answers, known, strict=True))),
            str(sum(bool(label.should_stop) and not stop for stop, label in zip(answers, known, strict=True))),
        ]
        for value, answers in results.items()
    ]
    write(table(columns, rows, Screen.of_stdout()))
    now = config.hearing.sensitivity
    best = max(SENSITIVITIES, key=lambda value: (right[value], -abs(value - now)))
    write(["", f"proposal: [hearing] sensitivity = {best} (now {now})"])


def usable(labels: list[Label]) -> list[Label]:
    """Labels that a replay can repeat. Raises UserError if there are none."""
    found = [label for label in labels if label.should_stop is not None and Path(label.recording).is_file()]
    if not found:
        raise UserError("no label has a recording on this machine that a replay can repeat")
    return found


def decided(label: Label, config: Config, sensitivity: float | None, fast: bool) -> bool:
    """Whether a replay stops for the labelled sound."""
    from ..offline.labels import stops
    from .replay import run_recording

    if sensitivity is not None:
        config = replace(config, hearing=replace(config.hearing, sensitivity=sensitivity))
    return stops(run_recording(Path(label.recording), config, sensitivity, fast).pauses, label.onset_ms)
