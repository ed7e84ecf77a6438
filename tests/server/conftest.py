"""What several tests of the server use."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bargein.clock import SystemClock
from bargein.server.registry import Registry


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """The handlers and levels of the loggers are as before when the test is over."""
    root, ours = logging.getLogger(), logging.getLogger("bargein")
    before = root.handlers[:], root.level, ours.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.fixture
def registry() -> Registry:
    return Registry(SystemClock())
