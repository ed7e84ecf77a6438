"""Files that come with the package: printed by `bargein dialplan --file` and `bargein service`."""

from __future__ import annotations

from pathlib import Path

import click

from ..data import SYSTEMD
from ..errors import UserError
from .terminal import Screen, folded, write


def shipped(folder: Path, suffix: str = "") -> list[Path]:
    """The files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(suffix))


def first_comment(path: Path) -> str:
    """What the file says about itself: the first line of its first comment, or of its Description."""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("Description="):
            return line.partition("=")[2]
        if line.startswith((";", "#")) and (text := line.strip(";#- ")):
            return text
    return ""


def list_files(folder: Path, suffix: str = "") -> None:
    """One line per file: its name and its purpose."""
    paths = shipped(folder, suffix)
    width = max(len(path.name) for path in paths)
    for path in paths:
        write(folded(f"{path.name:{width}}  {first_comment(path)}", Screen.of_stdout().width, width + 2))


def print_file(folder: Path, name: str, suffix: str = "") -> None:
    """The contents of the file. Raises UserError (exit 2) for a name that does not exist."""
    paths = {path.name: path for path in shipped(folder, suffix)}
    if name not in paths:
        raise UserError(f"there is no file {name!r}; choose one of: {', '.join(paths)}", 2)
    click.echo(paths[name].read_text("utf-8"), nl=False)


@click.command("service")
@click.argument("name", default="bargein.service")
@click.option("--list", "list_only", is_flag=True, help="List the units.")
def service_command(name: str, list_only: bool) -> None:
    """Print a systemd unit: the server (bargein.service) unless you name another one.

    \b
    Example:
      bargein service > /etc/systemd/system/bargein.service
    """
    if list_only:
        list_files(SYSTEMD)
    else:
        print_file(SYSTEMD, name)
