"""Admission by measurement: it closes at once, opens when all has been well for a while, and limits bursts."""

from __future__ import annotations

import pytest

from bargein.server.admission import FEW_CALLS, MAX_BURST, REOPEN_AFTER_S, AdmissionControl, Load

WELL = Load()


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (Load(late_share=0.1), "10 % of the frames leave late"),
        (Load(loop_lag_s=0.030), "the event loop is 30 ms late"),
        (Load(recognizer_wait_s=1.5), "the recognizer is 1.5 s behind"),
    ],
)
def test_it_closes_at_once_and_opens_after_a_while(load: Load, reason: str) -> None:
    control = AdmissionControl()
    control.measured(WELL, 0.0)
    assert control.admits
    control.measured(load, 0.5)
    assert (control.admits, control.reason) == (False, reason)
    control.measured(WELL, 1.0)
    control.measured(WELL, 1.0 + REOPEN_AFTER_S - 0.1)
    assert not control.admits
    control.measured(WELL, 1.0 + REOPEN_AFTER_S)
    assert control.admits


def test_few_calls_are_never_the_reason() -> None:
    control = AdmissionControl()
    control.measured(Load(late_share=0.5, loop_lag_s=0.1, calls=FEW_CALLS - 1), 0.0)
    assert control.admits
    control.measured(Load(late_share=0.5, calls=FEW_CALLS), 0.5)
    assert not control.admits


def test_between_the_limits_it_stays_as_it_is() -> None:
    control = AdmissionControl()
    between = Load(late_share=0.03)
    control.measured(between, 0.0)
    assert control.admits
    control.measured(Load(late_share=0.5), 0.5)
    for step in range(100):
        control.measured(between, 1.0 + step)
    assert not control.admits
    control.measured(WELL, 200.0)
    control.measured(between, 202.0)
    control.measured(WELL, 204.0)
    assert not control.admits  # the good time begins anew


def test_no_more_calls_begin_between_two_measurements_than_it_can_judge() -> None:
    control = AdmissionControl()
    for _ in range(MAX_BURST):
        assert control.admits
        control.admitted()
    assert not control.admits
    control.measured(WELL, 0.5)
    assert control.admits
