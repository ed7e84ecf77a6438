"""What tests of several files use; and where everything that they need has to be there (continuous integration:
BARGEIN_NEED_ALL=1), a skipped test has failed. Elsewhere it is skipped, and says what to install."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator

import pytest

from bargein.clock import SystemClock
from bargein.server.fastagi import FastAgiServer
from bargein.server.registry import Registry


@pytest.fixture
async def fastagi() -> AsyncIterator[str]:
    """Our own FastAGI, listening."""
    server = FastAgiServer(Registry(SystemClock()), "127.0.0.1:1")
    await server.start("127.0.0.1", 0)
    yield f"127.0.0.1:{server.port}"
    await server.close()


REAL_TIME = ("tests/asterisk/", "tests/conversations/")
# These watch the clock, and so do those that are marked flaky.
TIMED = (*REAL_TIME, "tests/server/", "tests/speech/", "tests/store/test_faults.py", "tests/test_app.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lane", choices=("timed", "untimed"), help="half of the tests: see scripts/test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Calls in real time on a shared machine are flaky: each may fail once. Other tests say so themselves."""
    for item in items:
        if item.nodeid.startswith(REAL_TIME) and item.get_closest_marker("lasting") is None:
            item.add_marker(pytest.mark.flaky(reruns=1))
    if lane := config.getoption("--lane"):
        lanes: dict[str, list[pytest.Item]] = {"timed": [], "untimed": []}
        for item in items:
            timed = item.nodeid.startswith(TIMED) or item.get_closest_marker("flaky")
            lanes["timed" if timed else "untimed"].append(item)
        items[:] = lanes.pop(lane)
        config.hook.pytest_deselected(items=[item for others in lanes.values() for item in others])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _has_failed_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _has_failed_if_skipped(report)
    return report


def _has_failed_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    expected = hasattr(report, "wasxfail")  # pytest says "skipped" of those too
    if os.environ.get("BARGEIN_NEED_ALL") and report.skipped and not expected:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if str(reason).startswith("Skipped: OPTIONAL"):  # 1.8 GB of packages, see scripts/test-coqui
            return
        report.outcome = "failed"
        report.longrepr = f"BARGEIN_NEED_ALL is set, and this does not run: {reason}"
