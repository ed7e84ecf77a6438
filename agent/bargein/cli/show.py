"""`bargein show`: one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .log import database, with_log
from .options import json_option, log_options, redact_option
from .render import conversation
from .rows import interruption_row, turn_row
from .terminal import Screen, plain, to_json, write

if TYPE_CHECKING:
    from ..store import Call, LoggedInterruption, LoggedTurn, Reader

WRITE = click.Path(dir_okay=False, path_type=Path)


@click.command("show")
@click.argument("call")
@click.option("--plot", "picture", type=WRITE, help="Draw the call instead: .png, .svg or .pdf.")
@click.option("--html", "page", type=WRITE, help="Write one page with the audio and the text instead.")
@json_option
@redact_option
@log_options
def show_command(
    call: str,
    picture: Path | None,
    page: Path | None,
    as_json: bool,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """Show a call as a conversation.

    CALL is an id, the beginning of one, or `last`. Words that the caller did not hear are struck through. Below each
    turn of the agent is where the caller interrupted, how soon the agent was silent, what it was and what the agent
    did. --plot and --html use the recording if there is one.

    \b
    Examples:
      bargein show last
      bargein show last --plot call.png
    """
    if picture is not None:
        from ..view.picture import check_picture

        check_picture(picture)
    if page is not None:
        from ..web.page import check_page

        check_page(page)

    async def ask(log: Reader) -> tuple[Call, list[LoggedTurn], list[LoggedInterruption]]:
        found = await log.call(call)
        cuts = await log.interruptions(call_id=found.id)
        return found, await log.turns(found.id), sorted(cuts, key=lambda cut: cut.interruption.onset_ms)

    found, turns, cuts = with_log(database(config_path, db), ask, redact=redact)
    if picture is None and page is None:
        if as_json:
            write([to_json(_object(found, turns, cuts))])
        else:
            write(conversation(found, [t.turn for t in turns], [c.interruption for c in cuts], Screen.of_stdout()))
        return
    if picture is not None:
        from ..view.picture import draw

        draw(_timeline(found, turns, cuts), picture)
        click.echo(f"{picture} written", err=True)
    if page is not None:
        from ..web.page import write_page

        write_page(found, _timeline(found, turns, cuts), [cut.interruption for cut in cuts], page)
        click.echo(f"{page} written", err=True)


def _timeline(call: Call, turns: list[LoggedTurn], cuts: list[LoggedInterruption]) -> Any:
    from ..view.timeline import of_call

    recording = Path(call.recording) if call.recording else None
    began = f"{call.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    title = f"{call.caller or 'unknown caller'} → {call.called or '?'}, {began}"
    return of_call(
        title, call.duration_ms, [turn.turn for turn in turns], [cut.interruption for cut in cuts], recording
    )


def _object(call: Call, turns: list[LoggedTurn], cuts: list[LoggedInterruption]) -> dict[str, Any]:
    counts = {"turn_count": call.turns, "interruption_count": call.interruptions}
    said = [turn_row(logged.call_id, logged.turn) for logged in turns]
    return {**plain(call), **counts, "turns": said, "interruptions": [interruption_row(cut) for cut in cuts]}
