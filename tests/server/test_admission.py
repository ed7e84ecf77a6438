"""Admission by measurement: it closes at once, opens when all has been well for a while, limits bursts, looks ahead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bargein.app import App
from bargein.server.admission import (
    CLOSE,
    FEW_CALLS,
    MAX_BURST,
    REOPEN_AFTER_S,
    TALKS_AFTER_S,
    AdmissionControl,
    Load,
    forecast,
)
from bargein.server.media import MediaEngine
from bargein.server.metrics import Meter
from bargein.server.monitor import Monitor, RecognizerState
from tests.conversations.phone import ask_agi
from tests.server.test_metrics import get
from tests.server.test_registry import HandClock
from tests.test_app import config, planner

WELL = Load()


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (Load(late_share=0.1), "10 % of the frames leave late"),
        (Load(loop_lag_s=0.030), "the event loop is 30 ms late"),
        (Load(loop_cpu=0.8), "the event loop takes 80 % of a core"),
        (Load(cpu=1.1), "the calls in progress will need 110 % of the CPU"),
        (Load(recognizer_wait_s=1.5), "the recognizer is 1.5 s behind"),
    ],
)
def test_it_closes_at_once_and_opens_after_a_while(load: Load, reason: str) -> None:
    control = AdmissionControl()
    control.measured(WELL, 0.0)
    assert control.room
    control.measured(load, 0.5)
    assert (control.room, control.reason) == (0, reason)
    control.measured(WELL, 1.0)
    control.measured(WELL, 1.0 + REOPEN_AFTER_S - 0.1)
    assert not control.room
    control.measured(WELL, 1.0 + REOPEN_AFTER_S)
    assert control.room


def test_few_calls_are_never_the_reason() -> None:
    control = AdmissionControl()
    control.measured(Load(late_share=0.5, loop_lag_s=0.1, cpu=2.0, calls=FEW_CALLS - 1), 0.0)
    assert control.room == MAX_BURST
    control.measured(Load(late_share=0.5, calls=FEW_CALLS), 0.5)
    assert not control.room


def test_between_the_limits_it_stays_as_it_is() -> None:
    control = AdmissionControl()
    between = Load(late_share=0.02)
    control.measured(between, 0.0)
    assert control.room
    control.measured(Load(late_share=0.5), 0.5)
    for step in range(100):
        control.measured(between, 1.0 + step)
    assert not control.room
    control.measured(WELL, 200.0)
    control.measured(between, 202.0)
    control.measured(WELL, 204.0)
    assert not control.room  # the good time begins anew


def test_no_more_calls_begin_between_two_measurements_than_it_can_judge() -> None:
    control = AdmissionControl()
    for _ in range(MAX_BURST):
        assert control.room
        control.admitted()
    assert not control.room
    control.measured(WELL, 0.5)
    assert control.room


def test_near_the_limit_calls_begin_one_by_one() -> None:
    control = AdmissionControl()
    rooms = []
    for part in (0.0, 0.5, 0.75, 0.99):
        control.measured(Load(cpu=part * CLOSE.cpu), 0.0)
        rooms.append(control.room)
    assert rooms == [MAX_BURST, 6, 3, 1]


def test_callers_who_have_just_begun_will_talk_as_much_as_the_others() -> None:
    talks = TALKS_AFTER_S
    assert forecast(0.2, [talks, 100.0], 0.0) == 0.2
    assert forecast(0.2, [talks, 100.0, 0.0, 0.0], 0.0) == pytest.approx(0.4)
    assert forecast(0.2, [talks, 100.0, 0.0, 0.0], 0.5) == pytest.approx(0.2 * 4 / 3)
    assert forecast(0.2, [0.1], 0.0) == 0.2  # too little to go by
    assert forecast(0.2, [], 0.0) == 0.2


def test_the_cpu_of_audio_and_recognizer_is_forecast_for_the_cores_of_the_worker() -> None:
    clock, used = HandClock(), [0.0, 0.0]  # of the loop, and of the recognizer's process
    meter, began = Meter(), [clock.now - 100.0] * 10 + [clock.now] * 10
    monitor = Monitor(
        MediaEngine(clock),
        AdmissionControl(),
        meter,
        store=NoRows(),
        began=lambda: began,
        recognizer=lambda: RecognizerState(cpu_s=used[1]),
        clock=clock,
        cores=2.0,
        cpu_s=lambda: (used[0], used[0]),
    )
    clock.now += 0.5
    used[:] = 0.2, 0.1
    load = monitor.measure()
    old, new = 10, 10
    audio = 0.4 * (old + new) / (old + new * (0.8 + 0.2 * 0.5 / TALKS_AFTER_S))
    recognizer = 0.2 * (old + new) / (old + new * 0.5 / TALKS_AFTER_S)
    assert load.loop_cpu == pytest.approx(0.4)
    assert load.cpu == pytest.approx((audio + recognizer) / 2)
    assert load.calls == 20


def test_one_delay_counts_a_fifth_and_many_count_in_full() -> None:
    clock, cpu_s = HandClock(), [0.0]
    media = MediaEngine(clock)
    monitor = Monitor(
        media, AdmissionControl(), Meter(), NoRows(), list, RecognizerState, clock, cpu_s=lambda: (cpu_s[0], cpu_s[0])
    )
    shares, loops = [], []
    for late, used_s in [(0, 0.1)] * 6 + [(50, 0.4), (0, 0.1), (0, 0.1)]:
        clock.now += 0.5
        media.sent_frames, media.late_frames = media.sent_frames + 100, media.late_frames + late
        cpu_s[0] += used_s
        load = monitor.measure()
        shares.append(load.late_share)
        loops.append(load.loop_cpu)
    assert shares[5:] == pytest.approx([0.0, 0.1, 50 / 600, 50 / 600])
    assert loops[5:] == pytest.approx([0.2, 0.5, 0.5, 0.2])  # of the last second


async def test_who_asks_counts_before_the_audio_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.server.monitor.MEASURE_S", 3600.0)
    app = App(config(tmp_path), planner)
    await app.start()
    try:
        told = [await ask_agi(app.fastagi.port, "start", {}) for _ in range(MAX_BURST + 2)]
        assert [variables["BARGEIN_ID"] != "" for variables in told] == [True] * MAX_BURST + [False] * 2
        assert app.admission.refused == 2
    finally:
        await app.close()


async def test_no_more_ids_are_given_out_than_calls_are_allowed_and_a_full_server_is_well(tmp_path: Path) -> None:
    plain = config(tmp_path)
    most = replace(plain.audiosocket, max_calls=2)
    app = App(replace(plain, audiosocket=most, server=replace(plain.server, metrics="127.0.0.1:0")), planner)
    await app.start()
    try:
        told = [await ask_agi(app.fastagi.port, "start", {}) for _ in range(4)]
        assert [variables["BARGEIN_ID"] != "" for variables in told] == [True, True, False, False]
        assert app.admission.refused == 2
        status, health = await get(app.metrics_port, "/healthz")
        assert (status, json.loads(health)["admits"]) == (200, False)
    finally:
        await app.close()


def test_where_only_the_number_counts_nothing_else_does() -> None:
    free = 7
    control = AdmissionControl(lambda: free, by_load=False)
    control.measured(Load(late_share=0.1), 0.0)
    assert (control.room, control.reason) == (7, "")
    free = 0
    assert control.room == 0


class NoRows:
    backlog = dropped = 0
