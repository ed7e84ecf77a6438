"""`bargein chat`: a flow without a telephone."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.language.neutral import neutral
from ..core.turns.records import CallInfo
from ..core.turns.reply import Say
from ..errors import UserError

if TYPE_CHECKING:
    from ..dialogue.base import Planner
    from ..dialogue.flow import Flow
    from ..offline.text_call import TextAnswer

HELP = """\
Type what the caller says after the agent has finished. Also:
  /cut WORDS          interrupt after these words of the agent's last reply; then type what the caller says
  /cut WORDS = TEXT   the same in one line
  /digits 12          press keys
  /silence            say nothing
  /flow               show the current step and the known values
  /help, /quit"""


@click.command("chat")
@click.argument("flow")
@click.option("--caller", default="", help="The caller's number, for templates.")
@click.option("--set", "variables", multiple=True, metavar="NAME=VALUE", help="A variable from the dialplan.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Use the language model of this file.")
def chat_command(flow: str, caller: str, variables: tuple[str, ...], config_path: Path | None) -> None:
    """Talk to a flow by text, from a terminal or a pipe.

    FLOW is a YAML file or the name of a flow that comes with bargein. The line `/cut WORDS` interrupts the agent
    after these words; `/help` lists the other commands.

    \b
    Example:
      printf '%s\\n' '/cut We have the red = the blue one' yes | bargein chat shop
    """
    from ..dialogue.dialogues import find
    from ..dialogue.flow import load

    loaded = load(find(flow))
    table = dict(_variable(text) for text in variables)
    call = CallInfo("chat", caller=caller, variables=table)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a pipe may hold any bytes
    try:
        asyncio.run(_chat(_planner(loaded, call, config_path), sys.stdin.isatty()))
    except (EOFError, KeyboardInterrupt):
        click.echo()


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UserError(f"--set takes NAME=VALUE, not {text!r}", 2)
    return name, value


def _planner(flow: Flow, call: CallInfo, config_path: Path | None) -> Planner:
    from ..dialogue.flow import FlowPlanner
    from ..dialogue.languages import load as load_language

    if config_path is not None:
        from ..config import Config
        from ..dialogue.llm import LlmPlanner

        config = Config.load(config_path)
        if config.dialogue.planner == "llm":
            return LlmPlanner(config.llm, flow, call)
    return FlowPlanner(flow, call, load_language(flow.language, flow.language_file))


def _print(text: str) -> None:
    """One line. The text may come from a model or a web server, so it is neutralized."""
    click.echo(neutral(text))


async def _chat(planner: Planner, terminal: bool) -> None:
    from ..offline.text_call import TextCall

    call = TextCall(planner, on_say=_say)
    _show(await call.start())
    cut: str | None = None
    while call.last.finish is None:
        line = (await asyncio.to_thread(_read, terminal, cut)).strip()
        if not terminal:
            _print(f"> {line}")
        try:
            if line == "/quit":
                return
            if line == "/help":
                click.echo(HELP)
            elif line == "/flow":
                _state(planner)
            elif line.startswith("/cut"):
                words, sign, said = line.removeprefix("/cut").partition("=")
                cut = words.strip()
                if sign:
                    _show(await call.says(said.strip(), cut))
                    cut = None
            elif line.startswith("/digits"):
                _show(await call.presses(line.removeprefix("/digits").strip(), cut))
                cut = None
            elif line.startswith("/silence") or not line:
                _show(await call.silent())
                cut = None
            elif line.startswith("/"):
                _print(f"  no such command: {line.split()[0]}; /help lists the commands")
            else:
                _show(await call.says(line, cut))
                cut = None
        except UserError as error:
            cut = None
            _print(f"  {error}")


def _read(terminal: bool, cut: str | None) -> str:
    if terminal:
        return input("caller (interrupts)> " if cut is not None else "caller> ")
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _say(say: Say) -> None:
    """Print a sentence as soon as it is known: a language model may take its time for the next."""
    mark = " (again)" if say.repeated else ""
    _print(f"agent{mark}: {say.text or say.wav}")


def _show(answer: TextAnswer) -> None:
    if answer.kind is not None:
        _print(f"  [{answer.kind}]")
    if answer.finish is not None:
        end = answer.finish
        where = end.queue or end.exten
        _print(f"  => {end.result}{' ' + where if where else ''}{'; ' + end.summary if end.summary else ''}")
    elif not answer.says:
        click.echo("  (listens)")


def _state(planner: Planner) -> None:
    from ..dialogue.flow import FlowPlanner

    if isinstance(planner, FlowPlanner):
        state = planner.state
        known = ", ".join(f"{name}={value}" for name, value in {**state.values, **state.variables}.items())
        _print(f"  step {state.step}; {known or 'nothing known yet'}")
    else:
        click.echo("  a language model leads this dialogue")
