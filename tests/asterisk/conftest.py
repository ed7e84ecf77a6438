"""One Asterisk for all tests of this folder; without one they are skipped, and say so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from .pbx import Asterisk, installed
from .stub import StubServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/asterisk/" in item.nodeid:
            item.add_marker(pytest.mark.asterisk)


@pytest.fixture(scope="session")
def pbx() -> Iterator[Asterisk]:
    home = installed()
    if not (home / "version").exists():
        pytest.skip(f"NO ASTERISK in {home}: nothing of this folder is tested; run scripts/install-asterisk")
    asterisk = Asterisk(home)
    asterisk.start()
    yield asterisk
    asterisk.stop()


@pytest.fixture
async def stub(pbx: Asterisk) -> AsyncIterator[StubServer]:
    """Our FastAGI with an AudioSocket server that a test tells what to do."""
    server = StubServer()
    await server.start(pbx.agi_port)
    yield server
    await server.close()
