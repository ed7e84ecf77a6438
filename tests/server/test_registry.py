"""Ids given out and taken once, outcomes handed back once, nothing kept for ever."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from bargein.core.turns.records import CallInfo
from bargein.core.turns.reply import CallResult
from bargein.server.registry import CallOutcome, Registry, RegistryFull

INFO = CallInfo("", caller="100", called="700", dialogue="shop")


class HandClock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def sleep_until(self, deadline: float) -> None:
        self.now = max(self.now, deadline)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def registry(clock: HandClock) -> Registry:
    return Registry(clock, ttl_s=30)


def test_an_id_is_a_random_uuid_and_good_for_one_take(registry: Registry) -> None:
    first, second = registry.register(INFO), registry.register(INFO)
    assert first != second
    assert uuid.UUID(first).version == 4
    info = registry.take(first)
    assert info is not None
    assert (info.id, info.called, info.dialogue) == (first, "700", "shop")
    assert registry.take(first) is None
    assert registry.take(str(uuid.uuid4())) is None


def test_an_id_expires(registry: Registry, clock: HandClock) -> None:
    call_id = registry.register(INFO)
    clock.now += 31
    assert registry.take(call_id) is None
    assert len(registry) == 0


async def test_an_id_that_was_taken_is_known_as_used(registry: Registry, clock: HandClock) -> None:
    call_id = registry.register(INFO)
    assert not registry.used(call_id)
    registry.take(call_id)
    registry.finish(call_id, CallOutcome("queue"))
    await registry.outcome(call_id, 0)
    clock.now += 3600
    assert registry.used(call_id)


async def test_an_outcome_is_handed_back_once(registry: Registry) -> None:
    call_id = registry.register(INFO)
    registry.take(call_id)
    registry.finish(call_id, CallOutcome("queue", queue="sales"))
    assert await registry.outcome(call_id, 0) == CallOutcome("queue", queue="sales")
    assert await registry.outcome(call_id, 0) is None


async def test_an_outcome_that_is_asked_for_early_is_waited_for(registry: Registry) -> None:
    call_id = registry.register(INFO)
    registry.take(call_id)
    asked = asyncio.create_task(registry.outcome(call_id, 5))
    await asyncio.sleep(0)
    registry.finish(call_id, CallOutcome("hangup"))
    assert await asked == CallOutcome("hangup")


async def test_a_call_that_does_not_end_has_no_outcome_in_time(registry: Registry) -> None:
    call_id = registry.register(INFO)
    registry.take(call_id)
    assert await registry.outcome(call_id, 0.01) is None


async def test_a_call_that_never_came_is_not_waited_for(registry: Registry) -> None:
    call_id = registry.register(INFO)
    async with asyncio.timeout(1):
        assert await registry.outcome(call_id, 60) is None
        assert await registry.outcome("nothing", 60) is None
    assert registry.take(call_id) is None  # the dialplan has gone on


async def test_outcomes_that_nobody_asks_for_are_forgotten(registry: Registry, clock: HandClock) -> None:
    for _ in range(100):
        call_id = registry.register(INFO)
        registry.take(call_id)
        registry.finish(call_id, CallOutcome("hangup"))
    clock.now += 31
    assert len(registry) == 0


async def test_a_long_call_is_not_forgotten(registry: Registry, clock: HandClock) -> None:
    call_id = registry.register(INFO)
    registry.take(call_id)
    clock.now += 3600
    registry.finish(call_id, CallOutcome("continue"))
    assert await registry.outcome(call_id, 0) == CallOutcome("continue")


async def test_memory_is_bounded(clock: HandClock) -> None:
    registry = Registry(clock, capacity=3)
    ids = [registry.register(INFO) for _ in range(3)]
    with pytest.raises(RegistryFull):
        registry.register(INFO)
    for call_id in ids:
        assert registry.take(call_id) is not None
    for _ in range(20):
        call_id = registry.register(INFO)
        registry.take(call_id)
        registry.finish(call_id, CallOutcome("hangup"))
        registry.take(registry.register(INFO))
    assert not registry.used(ids[0])
    assert len(registry) <= 6
    assert await registry.outcome(ids[0], 0) is None


def test_an_outcome_for_a_call_of_nobody_is_dropped(registry: Registry) -> None:
    registry.finish("nothing", CallOutcome("queue"))
    assert len(registry) == 0


def test_an_id_is_live_from_when_it_is_given_out_to_the_end_of_its_call(registry: Registry, clock: HandClock) -> None:
    used, unused = registry.register(INFO), registry.register(INFO)
    assert used in registry
    registry.take(used)
    clock.now += 31
    assert used in registry
    assert unused not in registry
    registry.finish(used, CallOutcome(CallResult.QUEUE))
    assert used not in registry
