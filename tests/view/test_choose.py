"""Times and durations as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bargein.store import Stats
from bargein.store.stats import HourCount
from bargein.view.choose import fate, milliseconds, moment, outcome
from bargein.view.figures import by_local_day, by_local_hour, fates, histogram


class At:
    """A clock that stands still."""

    def __init__(self, now: str) -> None:
        self._now = datetime.fromisoformat(now)

    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return self._now

    async def sleep_until(self, deadline: float) -> None:
        raise NotImplementedError


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "text", "began"),
    [
        ("2026-03-29T10:00:00Z", "today", "2026-03-28T23:00:00Z"),  # the clocks went forward at 01:00 UTC
        ("2026-03-30T10:00:00Z", "yesterday", "2026-03-28T23:00:00Z"),
        ("2026-10-25T10:00:00Z", "today", "2026-10-24T22:00:00Z"),  # and back
        ("2026-10-26T10:00:00Z", "yesterday", "2026-10-24T22:00:00Z"),
        ("2026-07-01T22:30:00Z", "today", "2026-07-01T22:00:00Z"),  # the second of July in Berlin
    ],
)
def test_days_begin_at_local_midnight(berlin: None, now: str, text: str, began: str) -> None:
    assert moment(text, At(now)) == datetime.fromisoformat(began)


def test_dates_are_local_and_durations_exact(berlin: None) -> None:
    clock = At("2026-07-01T12:00:00Z")
    assert moment("2026-03-01", clock) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert moment("2026-07-01T09:30", clock) == datetime(2026, 7, 1, 7, 30, tzinfo=UTC)
    assert moment("2h", clock) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert [milliseconds(text) for text in ("30s", "2m", "500ms", "7")] == [30_000, 120_000, 500, 7_000]


@pytest.mark.parametrize("text", ["", "soon", "-1d", "0001-01-01", "9999-99-99", "٣d", "1" * 40 + "d", "1e9"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        moment(text)


def test_an_outcome_is_found_as_people_write_it() -> None:
    assert outcome("Caller hung up") == "caller_hung_up"
    assert outcome("in progress") == ""
    with pytest.raises(ValueError, match="did you mean hangup"):
        outcome("hangupp")


def test_statistics_in_local_time(berlin: None) -> None:
    hours = {"2026-07-01T21": HourCount(2, 1), "2026-07-01T22": HourCount(3, 0)}
    stats = Stats(5, 1, 0, {}, {}, None, hours=hours)
    assert {day: count.calls for day, count in by_local_day(stats).items()} == {"2026-07-02": 3, "2026-07-01": 2}
    assert by_local_hour(stats) == {0: 3, 23: 2}


def test_what_became_of_calls() -> None:
    counts = {"hung up": 1, "answered": 3, "abandoned": 1, "handed over": 2, "contained": 2}
    assert list(fates(counts).items()) == [
        ("contained", 2), ("handed over", 6), ("answered", 3), ("abandoned", 1), ("hung up", 1),
    ]  # fmt: skip
    assert fate("Hung_up") == "hung up"
    with pytest.raises(ValueError, match="none of contained"):
        fate("lost")


def test_a_histogram_counts_everything() -> None:
    counts = {20: 5, 45: 10, 300: 2, 9000: 1}
    rows = histogram(counts)
    assert sum(count for _, count in rows) == 18
    assert rows[0][0].startswith("0 to ")
    assert [name for name, _ in histogram({150: 7, 155: 1})] == ["150 to 174 ms"]
    assert histogram({}) == []
