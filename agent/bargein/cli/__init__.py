"""The command `bargein`: a thin layer over the library. Each command is a module that loads when it runs."""

from __future__ import annotations

import errno
import os
import re
import sys

import click

from .. import __version__

SUMMARIES = {
    "serve": "Run the server.",
    "demo": "Place a test call on this machine, without Asterisk.",
    "doctor": "Check this machine, the configuration and the PBX.",
    "dialplan": "Print the dialplan for an extension.",
    "service": "Print a systemd unit.",
    "check": "Check a flow file.",
    "chat": "Talk to a flow by text.",
    "voices": "List speech engines and voices.",
    "say": "Speak a text into a WAV file.",
    "engines": "Prepare speech models.",
    "calls": "List calls.",
    "show": "Show one call as a conversation, a picture or a page.",
    "play": "Play the recording of a call.",
    "interruptions": "List interruptions.",
    "callbacks": "List callers who were promised to be called back.",
    "stats": "Summarize calls and interruptions.",
    "tail": "Follow calls as they happen.",
    "web": "Serve the call log as web pages.",
    "export": "Export calls as JSON lines or CSV.",
    "prune": "Delete old calls.",
    "forget": "Delete every call of a caller.",
    "replay": "Repeat the decisions on a recording.",
    "label": "Mark an interruption as right or wrong.",
    "tune": "Propose settings from labelled calls.",
    "measure": "Measure how agents and callers take turns in recordings.",
    "completion": "Print the completion script for a shell.",
}
COMMANDS = tuple(SUMMARIES)
OUTPUT_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command `name`. Its module loads only now, so that `bargein --help` starts at once."""
        return load_command(name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from SUMMARIES: the group's help loads no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in COMMANDS])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in args:
            if not _is_text(word):
                shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                raise click.UsageError(f"the argument {shown!r} is not UTF-8 text")
        return super().parse_args(ctx, args)


def load_command(name: str) -> click.Command | None:
    """The command `name`, or None if there is no such command. Imports its module only now."""
    match name:
        case "serve":
            from .serve import serve_command as command
        case "demo":
            from .demo import demo_command as command
        case "doctor":
            from .doctor import doctor_command as command
        case "dialplan":
            from .dialplan import dialplan_command as command
        case "service":
            from .files import service_command as command
        case "check":
            from .check import check_command as command
        case "chat":
            from .chat import chat_command as command
        case "voices":
            from .voices import voices_command as command
        case "say":
            from .voices import say_command as command
        case "engines":
            from .engines import engines_command as command
        case "calls":
            from .calls import calls_command as command
        case "show":
            from .show import show_command as command
        case "play":
            from .play import play_command as command
        case "interruptions":
            from .interruptions import interruptions_command as command
        case "callbacks":
            from .callbacks import callbacks_command as command
        case "stats":
            from .stats import stats_command as command
        case "tail":
            from .tail import tail_command as command
        case "web":
            from .web import web_command as command
        case "export":
            from .export import export_command as command
        case "forget":
            from .forget import forget_command as command
        case "prune":
            from .prune import prune_command as command
        case "replay":
            from .replay import replay_command as command
        case "label":
            from .label import label_command as command
        case "tune":
            from .tune import tune_command as command
        case "measure":
            from .measure import measure_command as command
        case "completion":
            from .completion import completion_command as command
        case _:
            return None
    return command


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # bytes that the operating system passed and that are not UTF-8
        return False
    return True


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bargein")
def cli() -> None:
    """A voice agent for Asterisk that yields when the caller interrupts.

    \b
    Example:
      bargein demo
    """


def main() -> None:
    """Entry point. An error that a person can fix is one line on stderr and exit code 1; wrong usage exits with 2."""
    from ..errors import UserError

    if sys.stdout is None:  # the shell closed it: `bargein calls >&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - lives as long as the process
    try:
        try:
            cli()
        finally:
            sys.stdout.flush()
    except UserError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader of our output has gone: `bargein calls | head`
        _discard_output()
        sys.exit(1)
    except OSError as error:
        if error.errno in OUTPUT_ERRORS and error.filename is None:
            _discard_output()
            _fail(f"the output cannot be written: {error.strerror}", 1)
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)


def _fail(message: str, code: int) -> None:
    from ..core.language.neutral import neutral

    lines = message.splitlines()
    if not all(re.match(r".+:[0-9]+: ", line) for line in lines):  # FILE:LINE: a list of faults in a file
        lines = [message]
    click.echo("\n".join(f"bargein: {neutral(line)}" for line in lines), err=True)
    sys.exit(code)


def _discard_output() -> None:
    """Discard what stdout still holds, so that the last flush of the interpreter does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
