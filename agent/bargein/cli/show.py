"""`bargein show`: one call as a conversation."""

from __future__ import annotations

import click

from ..store import Call, LoggedInterruption, LoggedTurn, Reader
from .options import database, interruption_row, log_options, turn_row, with_log
from .render import conversation
from .terminal import Screen, plain, to_json, write


@click.command("show")
@click.argument("call")
@log_options
@click.option("--json", "as_json", is_flag=True, help="JSON, times in UTC.")
def show_command(call: str, config_path: str | None, db: str | None, as_json: bool) -> None:
    """Show a call as a conversation.

    CALL is its id, the beginning of it, or `last`. What the caller did not hear is struck through; under
    each turn is where the caller cut in, how soon the agent was silent, what it was and what became of it.

    \b
    Example:
      bargein show last
    """

    async def ask(log: Reader) -> tuple[Call, list[LoggedTurn], list[LoggedInterruption]]:
        found = await log.call(call)
        return found, await log.turns(found.id), await log.interruptions(call_id=found.id)

    found, turns, cuts = with_log(database(config_path, db), ask)
    if as_json:
        cuts = sorted(cuts, key=lambda cut: cut.interruption.onset_ms)
        told = {"turns": [turn_row(turn) for turn in turns], "interruptions": [interruption_row(cut) for cut in cuts]}
        counts = {"turn_count": found.turns, "interruption_count": found.interruptions}
        write([to_json({**plain(found), **counts, **told})])
        return
    write(conversation(found, [t.turn for t in turns], [c.interruption for c in cuts], Screen.of_stdout()))
