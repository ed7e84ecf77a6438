"""The README's commands are there, and every scenario of docs/scenarios.md names a test that is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_scenario_names_its_test() -> None:
    rows = [row for row in (ROOT / "docs" / "scenarios.md").read_text().splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 30
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= tests, row


def test_the_commands_of_the_readme_are_there() -> None:
    text = (ROOT / "README.md").read_text()
    for script in re.findall(r"scripts/[\w-]+", text):
        assert (ROOT / script).exists(), script
