"""`bargein completion`: the completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .terminal import write

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      bargein completion bash > ~/.local/share/bash-completion/completions/bargein
      bargein completion zsh > ~/.zfunc/_bargein
      bargein completion fish > ~/.config/fish/completions/bargein.fish
    """
    from . import cli

    found = get_completion_class(shell)
    assert found is not None
    write(found(cli, {}, "bargein", "_BARGEIN_COMPLETE").source().splitlines())
