"""`bargein check` and `bargein chat`: a flow without a telephone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from ..core.turns.records import CallInfo
from ..core.turns.reply import Say
from ..dialogue.base import Planner
from ..dialogue.dialogues import find
from ..dialogue.flow import Flow, FlowPlanner, load
from ..dialogue.flow.graph import dot, mermaid
from ..dialogue.flow.prompts import known_sentences
from ..dialogue.languages import load as load_language
from ..errors import UserError
from ..offline.text_call import TextAnswer, TextCall

HELP = """\
Type what the caller says when the agent has finished. Also:
  /cut WORDS          the caller cuts in right after these words of the agent's last reply; type then what they say
  /cut WORDS = TEXT   the same in one line
  /digits 12          keys pressed
  /silence            nothing is said
  /flow               where the flow is and what it knows
  /help, /quit"""


@click.command("check")
@click.argument("flow")
@click.option("--graph", type=click.Choice(["mermaid", "dot"]), is_flag=False, flag_value="mermaid", help="Draw it.")
def check_command(flow: str, graph: str | None) -> None:
    """Check a flow file, or one that comes with bargein; with --graph draw it as Mermaid or DOT text.

    \b
    Example:
      bargein check shop --graph
    """
    path = find(flow)
    checked = load(path)
    if graph:
        click.echo(mermaid(checked) if graph == "mermaid" else dot(checked))
        return
    sayings = load_language(checked.language, checked.language_file).sayings
    click.echo(
        f"{path}: good. {len(checked.steps)} steps, {len(checked.slots)} slots, language {checked.language}, "
        f"{len(known_sentences(checked, sayings))} sentences known in advance"
    )


@click.command("chat")
@click.argument("flow")
@click.option("--caller", default="", help="The caller's number, for templates.")
@click.option("--set", "variables", multiple=True, metavar="NAME=VALUE", help="A variable from the dialplan.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file: talk to its language model.")
def chat_command(flow: str, caller: str, variables: tuple[str, ...], config_path: Path | None) -> None:
    """Talk to a flow by text; /cut WORDS interrupts the agent after these words. Reads a terminal or a pipe.

    \b
    Example:
      printf '%s\\n' '/cut We have the red = the blue one' yes | bargein chat shop
    """
    loaded = load(find(flow))
    table = dict(_variable(text) for text in variables)
    call = CallInfo("chat", caller=caller, variables=table)
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
    if config_path is not None:
        from ..config import Config
        from ..dialogue.llm import LlmPlanner

        config = Config.load(config_path)
        if config.dialogue.planner == "llm":
            return LlmPlanner(config.llm, flow, call)
    return FlowPlanner(flow, call, load_language(flow.language, flow.language_file))


async def _chat(planner: Planner, terminal: bool) -> None:
    call = TextCall(planner, on_say=_say)
    _show(await call.start())
    cut: str | None = None
    while call.last.finish is None:
        line = (await asyncio.to_thread(_read, terminal, cut)).strip()
        if not terminal:
            click.echo(f"> {line}")
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
                click.echo(f"  there is no {line.split()[0]}; /help tells what there is")
            else:
                _show(await call.says(line, cut))
                cut = None
        except UserError as error:
            cut = None
            click.echo(f"  {error}")


def _read(terminal: bool, cut: str | None) -> str:
    if terminal:
        return input("caller (cuts in)> " if cut is not None else "caller> ")
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _say(say: Say) -> None:
    """A sentence as soon as it is known: a language model may take its time for the next."""
    mark = " (again)" if say.repeated else ""
    click.echo(f"agent{mark}: {say.text or say.wav}")


def _show(answer: TextAnswer) -> None:
    if answer.kind is not None:
        click.echo(f"  [{answer.kind}]")
    if answer.finish is not None:
        end = answer.finish
        where = end.queue or end.exten
        click.echo(f"  => {end.result}{' ' + where if where else ''}{'; ' + end.summary if end.summary else ''}")
    elif not answer.says:
        click.echo("  (listens)")


def _state(planner: Planner) -> None:
    if isinstance(planner, FlowPlanner):
        state = planner.state
        known = ", ".join(f"{name}={value}" for name, value in {**state.values, **state.variables}.items())
        click.echo(f"  step {state.step}; {known or 'nothing known yet'}")
    else:
        click.echo("  a language model leads this dialogue")
