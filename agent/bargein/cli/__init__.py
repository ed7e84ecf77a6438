"""The command `bargein`: a thin layer over the library. A command is a module, imported when it is asked for."""

from __future__ import annotations

import sys

import click

from .. import __version__

COMMANDS = (
    "serve", "demo", "replay", "calls", "show", "interruptions", "stats", "tail", "export", "prune", "doctor",
    "dialplan", "check", "chat", "voices", "say", "service",
)  # fmt: skip


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return _command(name)


def _command(name: str) -> click.Command | None:
    """The command NAME. Each import waits until its command runs, so that `bargein --help` starts at once."""
    match name:
        case "serve":
            from .serve import serve_command as command
        case "demo":
            from .demo import demo_command as command
        case "replay":
            from .replay import replay_command as command
        case "calls":
            from .inspect import calls_command as command
        case "show":
            from .show import show_command as command
        case "interruptions":
            from .inspect import interruptions_command as command
        case "stats":
            from .inspect import stats_command as command
        case "tail":
            from .inspect import tail_command as command
        case "export":
            from .export import export_command as command
        case "prune":
            from .export import prune_command as command
        case "doctor":
            from .doctor import doctor_command as command
        case "dialplan":
            from .dialplan import dialplan_command as command
        case "check":
            from .flow import check_command as command
        case "chat":
            from .flow import chat_command as command
        case "voices":
            from .voices import voices_command as command
        case "say":
            from .voices import say_command as command
        case "service":
            from .files import service_command as command
        case _:
            return None
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
