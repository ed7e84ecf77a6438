"""Every test that the table of faults names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = "tests/store/test_faults.py"
NAMED = re.findall(
    r"`(?:(?P<file>[\w/]+\.py): )?(?P<test>test_\w+)[^`\s]*`", (ROOT / "docs/durability.md").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_exists(file: str, test: str) -> None:
    if file and "/" not in file:
        file = f"tests/store/{file}"
    text = (ROOT / (file or DEFAULT)).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {test}\(", text, re.MULTILINE)


def test_the_table_names_tests() -> None:
    assert len(NAMED) > 20
