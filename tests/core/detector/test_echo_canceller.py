"""The canceller against made-up echo paths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bargein.core.detector.echo_canceller import _take_step
from bargein.core.detector.echo_row import NOWHERE
from bargein.core.detector.single_call import CancellerOutput, EchoCanceller

RATE, FRAME = 8000, 160


def talk(seconds: float, seed: int = 1) -> np.ndarray:
    """Noise with the rhythm and the tilt of speech, about -20 dBFS."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    x = np.convolve(rng.standard_normal(n), np.exp(-np.arange(12) / 3), "same")
    knots = rng.uniform(0, 1, n // 1200 + 2)
    x *= np.interp(np.arange(n), np.arange(len(knots)) * 1200, knots)
    return np.asarray(0.1 * x / np.std(x), np.float32)


def echo_of(far: np.ndarray, delay_ms: float, loss_db: float, seed: int = 2) -> np.ndarray:
    h = np.random.default_rng(seed).standard_normal(400) * np.exp(-np.arange(400) / 60)
    h *= 10 ** (-loss_db / 20) / np.sqrt(np.sum(h**2))
    wet = np.convolve(far, h)[: len(far)]
    delay = int(delay_ms * 8)
    return np.concatenate([np.zeros(delay), wet])[: len(far)].astype(np.float32)


def cancelled(far: np.ndarray, line: np.ndarray) -> Iterator[CancellerOutput]:
    canceller = EchoCanceller()
    for a in range(0, len(line) - FRAME + 1, FRAME):
        canceller.far(far[a : a + FRAME])
        yield canceller.near(line[a : a + FRAME])


def cancel(far: np.ndarray, line: np.ndarray) -> np.ndarray:
    out = np.zeros_like(line)
    for i, frame in enumerate(cancelled(far, line)):
        out[i * FRAME : (i + 1) * FRAME] = frame.near
    return out


def decibels(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-12))


@pytest.mark.parametrize("delay_ms", [0, 37, 180, 400])
def test_removes_echo_at_any_delay(delay_ms: float) -> None:
    far = talk(8)
    line = echo_of(far, delay_ms, 12)
    left = cancel(far, line)
    assert decibels(line[5 * RATE :]) - decibels(left[5 * RATE :]) > 12


def test_never_louder_than_the_line() -> None:
    far = talk(3)
    line = echo_of(far, 100, 10) + 0.01 * np.random.default_rng(3).standard_normal(len(far)).astype(np.float32)
    left = cancel(far, line)
    before = np.sum(line[: 150 * FRAME].reshape(-1, FRAME) ** 2, axis=1)
    after = np.sum(left[: 150 * FRAME].reshape(-1, FRAME) ** 2, axis=1)
    assert np.all(after <= before * 1.001)


def test_caller_in_double_talk_is_untouched() -> None:
    far, caller = talk(10), 0.7 * talk(10, seed=9)
    caller[: 6 * RATE] = 0
    left = cancel(far, echo_of(far, 80, 12) + caller)
    spoken, heard = caller[6 * RATE :], left[6 * RATE :]
    assert abs(decibels(heard) - decibels(spoken)) < 1
    assert np.corrcoef(spoken, heard)[0, 1] > 0.95


def test_follows_a_jump_of_the_jitter_buffer() -> None:
    far = talk(10)
    line = np.concatenate([echo_of(far, 60, 10)[: 6 * RATE], echo_of(far, 80, 10)[6 * RATE :]])
    left = cancel(far, line)
    later = slice(int(6.3 * RATE), 7 * RATE)
    assert decibels(line[later]) - decibels(left[later]) > 8
    moved = [i * FRAME / RATE for i, frame in enumerate(cancelled(far, line)) if frame.moved]
    assert len(moved) == 1
    assert 6 < moved[0] < 6.3


@pytest.mark.parametrize("to_ms", [73, 160, 0])
def test_finds_an_echo_that_comes_another_way(to_ms: float) -> None:
    """Not by a block or two: a call that is moved from the handset to the speakerphone, another network."""
    far = talk(20)
    line = np.concatenate([echo_of(far, 60, 10)[: 8 * RATE], echo_of(far, to_ms, 10, seed=5)[8 * RATE :]])
    left = cancel(far, line)
    later = slice(14 * RATE, 20 * RATE)
    assert decibels(line[later]) - decibels(left[later]) > 12


@pytest.mark.parametrize("caller_db", [-6, 0, 6, 12])
def test_a_caller_who_never_pauses_does_not_make_it_forget(caller_db: float) -> None:
    far, caller = talk(20), 10 ** (caller_db / 20) * talk(20, seed=9)
    caller[: 5 * RATE] = 0
    caller[15 * RATE :] = 0
    line = echo_of(far, 80, 12) + caller
    left = cancel(far, line)
    after = slice(int(15.2 * RATE), int(16.2 * RATE))
    assert decibels(line[after]) - decibels(left[after]) > 8


def test_silent_agent_leaves_the_line_as_it_is() -> None:
    line = talk(1)
    assert np.array_equal(cancel(np.zeros_like(line), line), line)


def test_uncertainty_falls_as_it_learns() -> None:
    far = talk(6)
    line = echo_of(far, 60, 12)
    unsure = [out.power[0].sum() / (out.power[1].sum() + 1e-9) for out in cancelled(far, line)]
    assert np.mean(unsure[-50:]) < 0.2 * np.mean(unsure[5:30])


def test_a_step_that_is_taken_with_the_next_frame_is_the_same_step() -> None:
    far, rng = talk(6), np.random.default_rng(8)
    line = echo_of(far, 40, 10) + 0.001 * rng.standard_normal(len(far)).astype(np.float32)
    later, at_once, taken = EchoCanceller(), EchoCanceller(), 0
    for t, a in enumerate(range(0, len(far) - FRAME + 1, FRAME)):
        missing, both = t % 9 == 3, t % 9 == 4  # frames that we sent, before this frame of the line
        for canceller in (later, at_once):
            if both:
                canceller.far(far[a - FRAME : a])
            if not missing:
                canceller.far(far[a : a + FRAME])
        heard = [canceller.near(line[a : a + FRAME]).near for canceller in (later, at_once)]
        assert np.array_equal(*heard)
        if at_once._rows[0]["owes"]:
            _take_step(at_once._rows[0])
            taken += 1
    assert taken > 100


def test_what_is_added_up_ahead_is_what_the_next_frame_would_add_up() -> None:
    """Through missing frames, a burst that fills the memory, a jump of the delay and quite another echo."""
    far = talk(20)
    line = np.concatenate(
        [
            echo_of(far, 60, 10)[: 9 * RATE],
            echo_of(far, 80, 10)[9 * RATE : 11 * RATE],
            echo_of(far, 73, 10, seed=5)[11 * RATE :],
        ]
    )
    line += 0.001 * np.random.default_rng(8).standard_normal(len(line)).astype(np.float32)
    burst = range(402, 429)
    late = {t for t in range(1000) if t % 9 == 3} | set(burst)
    ahead, plain, used, jumps, waiting = EchoCanceller(), EchoCanceller(), 0, 0, []
    for t, (sent, heard) in enumerate(zip(far.reshape(-1, FRAME), line.reshape(-1, FRAME), strict=True)):
        waiting.append(sent)
        if t not in late:
            for canceller in (ahead, plain):
                for frame in waiting:
                    canceller.far(frame)
            waiting.clear()
        used += ahead._rows[0]["ahead_head"] == ahead._rows[0]["head"]
        plain._rows[0]["ahead_head"] = NOWHERE
        got, wanted = (canceller.near(heard, aligned=t not in burst) for canceller in (ahead, plain))
        assert np.array_equal(got.near, wanted.near)
        assert np.array_equal(got.power, wanted.power)
        jumps += got.moved
    assert used > 100
    assert jumps
