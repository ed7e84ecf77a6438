"""`bargein dialplan`: print a dialplan."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from ..config import Config, parse_address
from ..data import DIALPLANS
from ..pbx.dialplan import App, Plan, render
from ..pbx.tell import LOGS
from ..pbx.warm import Tone
from .files import list_files, print_file
from .options import config_option


@click.command("dialplan")
@click.option("--list", "list_only", is_flag=True, help="List the dialplans that come with bargein.")
@click.option("--file", "name", metavar="NAME", help="Print one of them.")
@click.option("--exten", help="Extension (or _pattern) that reaches the agent.")
@click.option("--queue", help="Queue for callers who want a person, and whenever there is no agent.")
@click.option("--context", default=Plan.context, show_default=True, help="Context of the extension and of transfers.")
@click.option("--agi", multiple=True, metavar="HOST:PORT", help="Address of bargein's FastAGI, as the PBX reaches it "
              "([fastagi] listen of the configuration). Repeat it for more servers: the next is asked when one has no "
              "agent.")  # fmt: skip
@click.option("--app", type=click.Choice(["audiosocket", "dial", "dial16"]), default=Plan.app, show_default=True,
              help="The application AudioSocket, or Dial to the channel driver, at 8 or 16 kHz.")  # fmt: skip
@click.option("--dialogue", default="", help="Dialogue to talk (the server's default).")
@click.option("--var", "variables", multiple=True, metavar="NAME", help="Hand channel variable BARGEIN_VAR_NAME to the "
              "flow. May be repeated.")  # fmt: skip
@click.option("--continue", "onward", default="", metavar="CONTEXT,EXTEN,PRIORITY", help="Where a flow that ends with "
              "`continue` goes on (the queue).")  # fmt: skip
@click.option("--cdr", is_flag=True, help="Call id and result in the CDR's userfield.")
@click.option("--cel", is_flag=True, help="CEL events BARGEIN_START and BARGEIN_RESULT.")
@click.option("--queue-log", "queue_log", is_flag=True, help="An entry BARGEIN in queue_log: call id, result, "
              "interruptions.")  # fmt: skip
@click.option("--events", is_flag=True, help="AMI events BargeinStart and BargeinResult, with interruptions and "
              "summary.")  # fmt: skip
@click.option("--warm", type=click.Choice(["music", "ringing"]), help="A member who answers first hears what the call "
              "is about, and takes it or leaves it (flow `announce`). The caller hears this meanwhile.")  # fmt: skip
@click.option("--back", default="", metavar="DIALOGUE", help="With --warm: the dialogue of a caller whom nobody took, "
              "such as `callback` (a sentence).")  # fmt: skip
@click.option("--patience", "patience_s", type=click.IntRange(1, 86400), default=Plan.patience_s, show_default=True,
              metavar="SECONDS", help="With --warm: how long to wait for a member.")  # fmt: skip
@click.option("--voicemail", default="", metavar="MAILBOX", help="The mailbox, such as 100@default, of callers who "
              "choose to leave a message (result `voicemail`) and of those whom nobody answers.")  # fmt: skip
@config_option
@click.option("--record", is_flag=True, help="Record these calls: stereo, caller left, agent right.")
def dialplan_command(
    list_only: bool,
    name: str | None,
    exten: str | None,
    queue: str | None,
    context: str,
    agi: tuple[str, ...],
    app: str,
    dialogue: str,
    variables: tuple[str, ...],
    onward: str,
    cdr: bool,
    cel: bool,
    queue_log: bool,
    events: bool,
    warm: Tone | None,
    back: str,
    patience_s: int,
    voicemail: str,
    config_path: Path | None,
    record: bool,
) -> None:
    """Print a dialplan for an extension that the agent answers.

    After the agent it goes on: to the queue, a transfer or a hangup. If the server is down, too slow or full, the
    caller is in the queue at once. The queue and the context must exist in your PBX.

    \b
    Example:
      bargein dialplan --exten 700 --queue support > /etc/asterisk/bargein-700.conf
    """
    if list_only:
        return list_files(DIALPLANS, ".conf")
    if name is not None:
        return print_file(DIALPLANS, name, ".conf")
    if exten is None or queue is None:
        missing = "--exten" if exten is None else "--queue"
        raise click.UsageError(f"Missing option '{missing}'.")
    if back and not warm:
        raise click.UsageError("--back needs --warm")
    agi = agi or (_reachable(Config.load(config_path).fastagi.listen),)
    given = {"cdr": cdr, "cel": cel, "queue_log": queue_log, "events": events}
    logs = tuple(log for log in LOGS if given[log])
    plan = Plan(exten, queue, context, agi, cast(App, app), dialogue, variables, onward, logs, warm, back, patience_s,
                voicemail, record)  # fmt: skip
    click.echo(render(plan), nl=False)


def _reachable(listen: str) -> str:
    """The address for a PBX on this machine. A server on all addresses is reached on loopback."""
    host, port = parse_address(listen)
    loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return f"{loopback[host]}:{port}" if host in loopback else listen
