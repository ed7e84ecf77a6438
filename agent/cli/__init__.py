"""The command `bargein`: a thin layer over the library. A command is a module, imported when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

from .. import __version__

COMMANDS = {  # name -> module of this package that holds a click command of that name
    "serve": "serve",
    "demo": "demo",
    "replay": "replay",
    "calls": "inspect",
    "show": "show",
    "interruptions": "inspect",
    "stats": "inspect",
    "tail": "inspect",
    "export": "export",
    "prune": "export",
    "doctor": "doctor",
    "dialplan": "dialplan",
    "check": "flow",
    "chat": "flow",
    "voices": "voices",
    "say": "voices",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[name]}", __name__)
        command: click.Command = getattr(module, f"{name}_command")
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bargein")
def cli() -> None:
    """A voice agent for Asterisk that yields when the caller cuts in.

    \b
    Example:
      bargein demo
    """


def main() -> None:
    """Entry point: errors that a person can mend are one line on stderr, exit 1; wrong usage exits 2."""
    from ..errors import UserError

    try:
        cli()
    except UserError as error:
        click.echo(f"bargein: {error}", err=True)
        sys.exit(error.exit_code)
