"""Speech evidence of one frame: what rises above the noise floor and above what could be our echo, and a small
recurrent network that has learned what of that is a voice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .echo import BLOCK, Cancelled
from .pcm import FRAME_SAMPLES, RATE

BANDS = 16
WINDOW = 256  # samples: this frame and the 12 ms before it
NEW = WINDOW - FRAME_SAMPLES
LOWEST_DB = -100.0
PITCH_LAGS = slice(20, 115)  # 400 to 70 Hz

Floats = NDArray[np.float32]


def band_matrix(points: int) -> Floats:
    """(points // 2 + 1, BANDS): sums the power spectrum of a `points` FFT over bands, 150 to 3800 Hz, even in mel."""
    mel = np.linspace(2595 * np.log10(1 + 150 / 700), 2595 * np.log10(1 + 3800 / 700), BANDS + 1)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hz = np.arange(points // 2 + 1) * RATE / points
    inside = (hz[:, None] >= edges[None, :-1]) & (hz[:, None] < edges[None, 1:])
    return np.asarray(inside, np.float32)


def lopsided_window() -> Floats:
    """(WINDOW,): rises over 26 ms, falls over the last 6, so that an onset shows in its first frame."""
    rise, fall = 208, WINDOW - 208
    up = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    down = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return np.concatenate([up, down]).astype(np.float32)


_WINDOW = lopsided_window()
_NEAR_BANDS = band_matrix(WINDOW) * np.float32(2.0 / (WINDOW * np.sum(_WINDOW**2)))
_FAR_BANDS = band_matrix(BLOCK) * np.float32(2.0 / BLOCK**2)
_WINDOW_LAGS = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * WINDOW)) ** 2)[PITCH_LAGS].astype(np.float32)
_WINDOW_LAGS = _WINDOW_LAGS / np.float32(np.sum(_WINDOW**2))


class Features:
    """What the network sees of a frame: levels against floors and echo, none of them absolute but one. One per call."""

    BLOCKS = 6
    SCALARS = 10
    SIZE = BLOCKS * BANDS + SCALARS

    def __init__(self) -> None:
        self._recent = np.zeros((2, WINDOW), np.float32)  # near, echo
        self._floors = np.full((3, BANDS), -70.0, np.float32)  # minimum, peaks, mean of the level in dB
        self._against = np.full((Features.BLOCKS, BANDS), LOWEST_DB, np.float32)
        self._out = np.zeros(Features.SIZE, np.float32)
        self._frames = 0
        self._explained = 0.0
        self.level_db = LOWEST_DB
        self.floor_db = -70.0
        self.echo_db = LOWEST_DB

    def of(self, heard: Cancelled) -> Floats:
        """(SIZE,) features of the frame; the array is used again for the next."""
        recent = self._recent
        recent[:, :NEW] = recent[:, FRAME_SAMPLES:]
        recent[0, NEW:] = heard.near
        recent[1, NEW:] = heard.echo
        rows = 2 if heard.active else 1
        spectra = np.fft.rfft(recent[:rows] * _WINDOW)
        power = spectra.real**2 + spectra.imag**2
        banded = np.full((4, BANDS), 1e-10, np.float32)
        banded[:rows] += power @ _NEAR_BANDS
        if heard.active:
            banded[2] += heard.unsure_power @ _FAR_BANDS
            banded[3] += heard.far_power @ _FAR_BANDS
        decibels = 10 * np.log10(banded)
        level = decibels[0]
        if not self._frames:
            self._floors[:] = np.minimum(level, -45)
        self._against[:3] = self._floors
        self._against[3:] = decibels[1:]
        out = self._out
        np.subtract(level, self._against, out=out[: -Features.SCALARS].reshape(Features.BLOCKS, BANDS))
        np.clip(out, -30, 45, out=out)
        out[: -Features.SCALARS] *= 0.066
        self._scalars(heard, power[0], out[-Features.SCALARS :])
        self._follow(level)
        return out

    def _scalars(self, heard: Cancelled, power: Floats, out: Floats) -> None:
        near = heard.near
        first, second = near[:80], near[80:]
        early, late = float(first @ first) / 80, float(second @ second) / 80
        line = near + heard.echo if heard.active else near
        total, heard_power = 0.5 * (early + late), float(line @ line) / FRAME_SAMPLES
        echo = float(heard.echo @ heard.echo) / FRAME_SAMPLES
        levels = 10 * np.log10(np.array([early, late, total, heard_power, echo]) + 1e-10)
        self.level_db, self.echo_db = float(levels[2]), float(levels[4])
        self.floor_db = float(10 * np.log10(np.sum(10 ** (0.1 * self._floors[0]))))
        removed = float(levels[3] - levels[2])
        self._explained += 0.05 * (removed - self._explained) if heard_power > 1e-6 and heard.active else 0.0
        lags = np.fft.irfft(power)[PITCH_LAGS]
        out[0] = (levels[0] - self.floor_db) * 0.05
        out[1] = (levels[1] - self.floor_db) * 0.05
        out[2] = (self.level_db + 45) * 0.05
        out[3] = float((lags / _WINDOW_LAGS).max()) / (float(power.sum()) * 2 / WINDOW + 1e-9)
        out[4] = float(lags.max()) / (float(power.sum()) * 2 / WINDOW + 1e-9)
        out[5] = removed * 0.1
        out[6] = self._explained * 0.1
        out[7] = 1.0 if heard.active else 0.0
        out[8] = 1.0 if heard.aligned else 0.0
        out[9] = (self.floor_db + 55) * 0.05
        np.clip(out, -3, 3, out=out)

    def _follow(self, level: Floats) -> None:
        """Floors move in dB: down fast and up slowly, up fast and down slowly, and the mean of about a second."""
        self._frames += 1
        quiet, peaks, mean = self._floors
        settling = 0.15 if self._frames < 25 else 0.02
        change = level - quiet
        quiet += np.where(change < 0, 0.3, settling) * np.clip(change, -30, 6)
        change = level - peaks
        peaks += np.where(change > 0, 0.1, 0.02) * change
        mean += max(0.02, 1 / (self._frames + 1)) * (level - mean)


class Network:
    """Dense, GRU (Cho et al. 2014, reset after the product as in cuDNN), three logistic outputs; one per call.

    weights: in.w (SIZE, D), in.b, gru.wi (D, 3H), gru.wh (H, 3H), gru.bi, gru.bh in the order reset, update, new;
    out.w (H, 3), out.b; mean and scale (SIZE,) of the features.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._in_w = np.ascontiguousarray(weights["in.w"] * weights["scale"][:, None])
        self._in_b = weights["in.b"] - (weights["mean"] * weights["scale"]) @ weights["in.w"]
        self._wi, self._wh = weights["gru.wi"], weights["gru.wh"]
        self._bi, self._bh = weights["gru.bi"], weights["gru.bh"]
        self._out_w, self._out_b = weights["out.w"], weights["out.b"]
        self._size = self._wh.shape[0]
        self._state = np.zeros(self._size, np.float32)

    def forget(self) -> None:
        """As at the start of a call."""
        self._state[:] = 0

    def __call__(self, features: Floats) -> Floats:
        """(SIZE,) in; probabilities (3,): a caller's voice, a caller's sound of any kind, that it is a voice if so."""
        n = self._size
        x = np.maximum(features @ self._in_w + self._in_b, 0)
        given = x @ self._wi + self._bi
        kept = self._state @ self._wh + self._bh
        gates = 1 / (1 + np.exp(-(given[: 2 * n] + kept[: 2 * n])))
        new = np.tanh(given[2 * n :] + gates[:n] * kept[2 * n :])
        self._state = new + gates[n:] * (self._state - new)
        return np.asarray(1 / (1 + np.exp(-(self._state @ self._out_w + self._out_b))), np.float32)
