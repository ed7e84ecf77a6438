"""docs/commands.md is what the commands say of themselves, and every command's help ends with an example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bargein.cli import COMMANDS, load_command

ROOT = Path(__file__).parents[2]


def test_the_page_of_commands_is_up_to_date() -> None:
    # in a process of its own: click remembers the help option of the first context in which it showed a command
    made = subprocess.run(
        [sys.executable, ROOT / "scripts" / "commands-page"], capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "commands.md").read_text() == made.stdout, "run scripts/commands-page > docs/commands.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_an_example_of_that_command(name: str) -> None:
    command = load_command(name)
    assert command is not None
    told = command.get_help(click.Context(command, info_name=f"bargein {name}", help_option_names=["-h", "--help"]))
    examples = re.findall(rf"^ +.*\bbargein {name}\b.*$", re.split(r"Examples?:\n", told)[1], re.MULTILINE)
    assert examples, told
