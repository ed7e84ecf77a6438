"""Speech evidence of one frame: band powers against the noise floor and against what could be echo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .echo import BINS, PARTITIONS, Cancelled, Samples
from .pcm import FRAME_SAMPLES, RATE

BANDS = 16
WINDOW = 256  # samples: this frame and 12 ms before it
LOWEST_DB = -100.0

Floats = NDArray[np.float32]


def band_edges() -> NDArray[np.float64]:
    """BANDS + 1 edges in Hz, 150 to 3800, evenly spaced in mel."""
    mel = np.linspace(2595 * np.log10(1 + 150 / 700), 2595 * np.log10(1 + 3800 / 700), BANDS + 1)
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def band_matrix(bins: int, points: int) -> Floats:
    """(bins, BANDS): sums the power spectrum of a `points` FFT into mean square per band."""
    hz = np.arange(bins) * RATE / points
    edges = band_edges()
    inside = (hz[:, None] >= edges[None, :-1]) & (hz[:, None] < edges[None, 1:])
    return inside.astype(np.float32)


def decibels(power: Floats) -> Floats:
    """Power as dB, not below LOWEST_DB."""
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


class Features:
    """What the classifier sees of a frame, level-normalised; one per call."""

    SIZE = 5 * BANDS + 8

    def __init__(self) -> None:
        rise, fall = 208, WINDOW - 208
        window = np.concatenate(
            [0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise),
             0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)]
        )  # fmt: skip
        self._window = window.astype(np.float32)
        scale = 2.0 / (WINDOW * float(np.sum(window**2)))
        self._bands = band_matrix(WINDOW // 2 + 1, WINDOW) * np.float32(scale)
        self._far_bands = band_matrix(BINS, 2 * (BINS - 1)) * np.float32(2.0 / (2 * (BINS - 1)) ** 2)
        self._recent = np.zeros((2, WINDOW), np.float32)  # near, echo
        self._floors = np.full((3, BANDS), -65.0, np.float32)  # minimum, peaks, mean
        self._frames = 0
        self.level_db = LOWEST_DB
        self.floor_db = -65.0
        self.echo_db = LOWEST_DB
        self.excess: Floats = np.zeros(BANDS, np.float32)

    def of(self, heard: Cancelled) -> Floats:
        """(SIZE,) features of the frame."""
        recent = self._recent
        recent[:, : WINDOW - FRAME_SAMPLES] = recent[:, FRAME_SAMPLES:]
        recent[0, WINDOW - FRAME_SAMPLES :] = heard.near
        recent[1, WINDOW - FRAME_SAMPLES :] = heard.echo
        spectra = np.fft.rfft(recent * self._window)
        powers = (spectra.real**2 + spectra.imag**2) @ self._bands
        level, echo = decibels(powers)
        if heard.active:
            unsure = decibels((heard.unsure_power * np.float32(0.5)) @ self._far_bands)
            far = decibels(heard.far_power @ self._far_bands)
        else:
            unsure = far = np.full(BANDS, LOWEST_DB, np.float32)
        quiet, peaks, mean = self._floors
        out = np.empty(self.SIZE, np.float32)
        out[:BANDS] = level - quiet
        out[BANDS : 2 * BANDS] = level - peaks
        out[2 * BANDS : 3 * BANDS] = level - echo
        out[3 * BANDS : 4 * BANDS] = level - unsure
        out[4 * BANDS : 5 * BANDS] = level - far
        near = heard.near
        total = decibels(np.float32([near @ near, heard.echo @ heard.echo]) / FRAME_SAMPLES)
        self.level_db, self.echo_db = float(total[0]), float(total[1])
        bound = np.maximum(quiet + 8, peaks + 2)
        if heard.active:
            bound = np.maximum(bound, np.minimum(np.maximum(echo - 6, unsure) + 4, far - 6))
        self.excess = level - bound
        self._follow(level)
        self._frames += 1
        return out

    def _follow(self, level: Floats) -> None:
        quiet, peaks, mean = self._floors
        first = self._frames < 10
        quiet += np.where(level < quiet, 0.3, 0.02 if not first else 0.2) * np.clip(level - quiet, -30, 3)
        peaks += np.where(level > peaks, 0.05, 0.01) * (level - peaks)
        mean += 0.02 * (level - mean)
        self.floor_db = float(quiet.mean()) + 12.0
