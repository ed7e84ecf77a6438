"""`bargein tail`: calls as they happen."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..clock import SystemClock
from ..core.language.kinds import FALSE_INTERRUPTIONS
from ..core.language.neutral import neutral
from ..store.filters import CallFilter
from .filters import filter_options
from .log import database, with_log
from .options import COUNT, json_option, log_options, redact_option
from .rows import turn_row
from .terminal import SHORT_ID, UNLIMITED, Screen, plain, to_json, write

if TYPE_CHECKING:
    from ..store import Call, Reader
    from ..view.follow import CallEvent

POLL_S = 0.25
RECENT = timedelta(minutes=1)


@click.command("tail")
@filter_options
@click.option("--limit", type=COUNT, help="Stop after this number of lines or objects.")
@click.option("--once", is_flag=True, help="Print the last minute of the log and stop.")
@json_option
@redact_option
@log_options
def tail_command(
    which: CallFilter,
    limit: int | None,
    once: bool,
    as_json: bool,
    redact: bool,
    config_path: Path | None,
    db: str | None,
) -> None:
    """Follow calls as they happen: their start and end, every turn, and every interruption once.

    Begins with the last minute of the log. Rows appear when they are final: an interruption as soon as the agent has
    acted on it. With --json, prints one object per line.

    \b
    Examples:
      bargein tail --limit 5
      bargein tail --once --queue support --json
    """

    async def ask(log: Reader) -> None:
        await _follow(log, which, limit, once, as_json)

    with contextlib.suppress(KeyboardInterrupt):
        with_log(database(config_path, db), ask, redact=redact)


async def _follow(log: Reader, which: CallFilter, limit: int | None, once: bool, as_json: bool) -> None:
    from ..view.follow import Follower

    newest = await log.last_logged()
    follower = Follower(log, newest - RECENT if newest else SystemClock().utc(), which)
    screen, shown, count = Screen.of_stdout(), "", 0
    while True:
        for event in await follower.poll():
            if as_json:
                write([to_json(_object(event), indent=None)])
            else:
                if event.call_id != shown and event.type not in ("start", "end"):  # these lines name it
                    write([screen.dim(f"call {_name(event, screen)}")])
                write(_lines(event, screen))
                shown = event.call_id
            count += 1
            if limit and count >= limit:
                return
        if once:
            return
        await asyncio.sleep(POLL_S)


def _lines(event: CallEvent, screen: Screen) -> list[str]:
    from ..view.wording import length, outcome_text
    from .render import interruption_lines, turn_lines
    from .terminal import local

    if event.turn is not None:
        return turn_lines(event.turn, screen)
    if event.interruption is not None:
        apart = event.interruption.kind in FALSE_INTERRUPTIONS  # its words are no turn of the caller
        return interruption_lines(event.interruption, screen, repeat_words=apart)
    assert event.call is not None
    when = screen.dim(local(event.at))
    if event.type == "start":
        return [f"{when}  {screen.bold('call begins')}  {_route(event.call)}  {screen.dim(_name(event, screen))}"]
    ending = f"{outcome_text(event.call)}, {length(event.call.duration_ms)}"
    return [f"{when}  {screen.bold('call ends')}  {ending}  {screen.dim(_name(event, screen))}"]


def _name(event: CallEvent, screen: Screen) -> str:
    """The call's id; on a terminal the beginning, which is enough for `show`."""
    return event.call_id if screen.width == UNLIMITED else event.call_id[:SHORT_ID]


def _route(call: Call) -> str:
    name = f' "{neutral(call.caller_name)}"' if call.caller_name else ""
    route = f"{neutral(call.caller) or 'unknown caller'}{name} → {neutral(call.called) or '?'}"
    return route + (f", queue {neutral(call.queue)}" if call.queue else "")


def _object(event: CallEvent) -> dict[str, Any]:
    """The event, flat: its type, its time, and the row."""
    row: dict[str, Any]
    row = turn_row(event.call_id, event.turn) if event.turn else plain(event.interruption or event.call)
    return {"at": plain(event.at), "type": event.type, "call_id": event.call_id, **row}
