"""`bargein label`: marks what went wrong in your own calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from .log import database, with_log
from .options import log_options
from .terminal import counted

if TYPE_CHECKING:
    from ..store import Call, LoggedInterruption, Reader

MARKS = ("wrong-stop", "missed", "right", "cut-off")
LABELS = Path("bargein-labels.jsonl")
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
        raise UserError(f"this call has {counted(len(cuts), 'interruption')}")
    if not call.recording:
        raise UserError("this call was not recorded, so nothing can repeat its decisions")
    from ..offline.labels import Label, Mark, add_label

    cut = cuts[number - 1].interruption
    stopped = cut.resolution not in ("resumed", "held")
    label = Label(call.id, number, Mark(mark), cut.onset_ms, stopped, call.recording, call.dialogue, call.trunk)
    add_label(labels, label)
    click.echo(f"{call.id}#{number}: {mark}, written to {labels}", err=True)
