"""What several tests of commands use."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.log_of_two import fill


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """In a directory with a log of two calls, the defaults in force."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BARGEIN_")] + ["FORCE_COLOR", "NO_COLOR", "COLUMNS"]:
        monkeypatch.delenv(name, raising=False)
    asyncio.run(fill("sqlite:///bargein.db"))
    return CliRunner()
