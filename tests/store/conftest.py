"""Fixtures of the tests of the log."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.postgresql import FOUND, Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for all tests: making one takes seconds. Each test takes a fresh database, and starts again what it
    stops. Skips the test where there is no server program."""
    pytest.importorskip("asyncpg", reason="no asyncpg: pip install 'bargein[postgresql]'")
    if not FOUND:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as directory:
        made = Cluster(Path(directory))
        yield made
        made.stop()
