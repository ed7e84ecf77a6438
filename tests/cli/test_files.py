"""What `pip install` brings besides code: dialplans and units, listed and printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bargein.cli import cli
from bargein.errors import UserError

ROOT = Path(__file__).parents[2]


def printed(*words: str) -> str:
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_every_dialplan_is_listed_with_what_it_is_for_and_printed() -> None:
    names = {path.name for path in (ROOT / "asterisk-conf").glob("*.conf")}
    listed = [line.split(maxsplit=1) for line in printed("dialplan", "--list").splitlines()]
    assert {line[0] for line in listed} == names
    assert all(len(line) == 2 for line in listed)
    for name in names:
        assert printed("dialplan", "--file", name) == (ROOT / "asterisk-conf" / name).read_text()


def test_every_unit_is_listed_and_printed() -> None:
    names = {path.name for path in (ROOT / "systemd").iterdir()}
    assert {line.split()[0] for line in printed("service", "--list").splitlines()} == names
    assert printed("service") == (ROOT / "systemd" / "bargein.service").read_text()
    assert printed("service", "bargein-prune.timer") == (ROOT / "systemd" / "bargein-prune.timer").read_text()


@pytest.mark.parametrize("words", [("service", "../x"), ("dialplan", "--file", "x")])
def test_a_file_that_is_not_there_names_those_that_are(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="choose one of: "):
        CliRunner().invoke(cli, words, catch_exceptions=False)
