"""What several tests of dialogues use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bargein.dialogue import http_client


@pytest.fixture
async def connections_closed() -> AsyncIterator[None]:
    """The shared HTTP client is closed when the test is over."""
    yield
    await http_client.close()
