"""Speech evidence of one frame: what rises above the noise floor and above what could be our echo, its pitch, what
WebRTC's VAD makes of it, and a small recurrent network that has learned what of that is a voice."""

from __future__ import annotations

import math

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, SILENCE, Pcm
from .echo_canceller import BLOCK, CancellerOutput

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
_FAR_BANDS = band_matrix(BLOCK) * np.float32(2.0 / BLOCK**2)
_DB = np.float32(10)
_PER_DECIBEL = np.float32(math.log(10) / 10)
_LEAST, _MOST, _PER_DB = np.float32(-30), np.float32(45), np.float32(0.066)
_LOWEST, _HIGHEST = np.float32(-3), np.float32(3)  # of the scalars
_FULL_SCALE = np.float32(FULL_SCALE)
_RISE = np.array([[0.02], [0.1], [0.02]], np.float32)  # of the floors per frame: minimum, peaks, mean
_FALL = np.array([[0.3], [0.02], [0.02]], np.float32)
_RISE_MORE = _RISE - _FALL
_STEP = np.array([[6.0], [200.0], [200.0]], np.float32)  # dB: no more at once, so that speech is no floor


def _analysis() -> Floats:
    """(bins, BANDS + lags + 1): from the windowed power spectrum to band powers, autocorrelation and their sum."""
    bins = WINDOW // 2 + 1
    bands = band_matrix(WINDOW) * np.float32(2.0 / (WINDOW * np.sum(_WINDOW**2)))
    lags = np.fft.irfft(np.eye(bins), axis=1)[:, PITCH_LAGS]
    return np.concatenate([bands, lags, np.ones((bins, 1))], axis=1).astype(np.float32)


def _taper() -> Floats:
    """(lags,): what undoes the window's own autocorrelation."""
    own = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * WINDOW)) ** 2)[PITCH_LAGS] / np.sum(_WINDOW**2)
    return np.asarray(1 / own, np.float32)


_ANALYSIS, _UNTAPERED = _analysis(), _taper()
_BANDS = np.ascontiguousarray(_ANALYSIS[:, :BANDS])
_LAGS = PITCH_LAGS.stop - PITCH_LAGS.start


def _decibels(power: float) -> float:
    return 10 * math.log10(power + 1e-10)


class Features:
    """What the network sees of a frame: levels against floors and echo, none of them absolute but one. One per call."""

    BLOCKS = 6
    SCALARS = 12
    SIZE = BLOCKS * BANDS + SCALARS

    def __init__(self) -> None:
        self._recent = np.zeros((2, WINDOW), np.float32)  # near, echo
        self._windowed = np.zeros((2, WINDOW), np.float32)
        self._floors = np.full((3, BANDS), -70.0, np.float32)  # minimum, peaks, mean of the level in dB
        self._against = np.full((Features.BLOCKS, BANDS), LOWEST_DB, np.float32)
        self._banded = np.full((4, BANDS), 1e-10, np.float32)
        self._analysed = np.zeros(BANDS + _LAGS + 1, np.float32)
        self._tones = np.zeros((2, _LAGS), np.float32)  # for the pitch, and as they are for the tilt
        self._out = np.zeros(Features.SIZE, np.float32)
        self._over = self._out[: -Features.SCALARS].reshape(Features.BLOCKS, BANDS)
        self._vads = (webrtcvad.Vad(0), webrtcvad.Vad(3))  # easily and hardly convinced; 1.5 us each
        self._frames = 0
        self._explained = 0.0
        self.near: Pcm = SILENCE  # the frame without our echo, 16 bits
        self.level_db = LOWEST_DB
        self.floor_db = -70.0
        self.echo_db = LOWEST_DB

    def of(self, heard: CancellerOutput) -> Floats:
        """(SIZE,) features of the frame; the array is used again for the next."""
        recent, banded, active = self._recent, self._banded, heard.active
        recent[:, :NEW] = recent[:, FRAME_SAMPLES:]
        recent[0, NEW:] = heard.near
        recent[1, NEW:] = heard.echo
        np.multiply(recent, _WINDOW, out=self._windowed)
        parts = np.fft.rfft(self._windowed if active else self._windowed[0])
        parts = parts.astype(np.complex64, copy=False).view(np.float32)
        np.multiply(parts, parts, out=parts)
        power = parts[..., ::2] + parts[..., 1::2]
        banded.fill(1e-10)
        if active:
            np.matmul(power[0], _ANALYSIS, out=self._analysed)
            banded[1] += power[1] @ _BANDS
            banded[2:] += heard.power @ _FAR_BANDS
        else:
            np.matmul(power, _ANALYSIS, out=self._analysed)
        banded[0] += self._analysed[:BANDS]
        np.log10(banded, out=banded)
        np.multiply(banded, _DB, out=banded)
        level = banded[0]
        if not self._frames:
            np.minimum(level, -45, out=self._floors)
        self._against[:3] = self._floors
        self._against[3:] = banded[1:]
        np.subtract(level, self._against, out=self._over)
        change = self._over[:3].copy()
        np.maximum(self._over, _LEAST, out=self._over)
        np.minimum(self._over, _MOST, out=self._over)
        np.multiply(self._over, _PER_DB, out=self._over)
        total = float(self._analysed[-1]) * 2 / WINDOW + 1e-9
        self._tones[1] = self._analysed[BANDS:-1]
        np.multiply(self._tones[1], _UNTAPERED, out=self._tones[0])
        pitch, tilt = np.maximum.reduce(self._tones, axis=1).tolist()
        self._scalars(heard, pitch / total, tilt / total)
        self._follow(change)
        return self._out

    def _scalars(self, heard: CancellerOutput, pitch: float, tilt: float) -> None:
        near = heard.near
        self.near = (near * _FULL_SCALE).clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        first, second = near[:80], near[80:]
        early, late = float(first.dot(first)) / 80, float(second.dot(second)) / 80
        power = 0.5 * (early + late)
        level = self.level_db = _decibels(power)
        floor = self.floor_db = _decibels(float(np.add.reduce(np.exp(self._floors[0] * _PER_DECIBEL))))
        self.echo_db, removed = LOWEST_DB, 0.0
        if heard.active:
            echo = float(heard.echo.dot(heard.echo)) / FRAME_SAMPLES
            self.echo_db = _decibels(echo)
            line = max(0.0, power + echo + 2 * float(near.dot(heard.echo)) / FRAME_SAMPLES)
            removed = _decibels(line) - level
            if line > 1e-6:
                self._explained += 0.05 * (removed - self._explained)
        scalars = (
            (_decibels(early) - floor) * 0.05, (_decibels(late) - floor) * 0.05, (level + 45) * 0.05, pitch, tilt,
            removed * 0.1, self._explained * 0.1, float(heard.active), float(heard.aligned), (floor + 55) * 0.05,
            *self._webrtc(),
        )  # fmt: skip
        out = self._out[-Features.SCALARS :]
        out[:] = scalars
        np.maximum(out, _LOWEST, out=out)
        np.minimum(out, _HIGHEST, out=out)

    def _webrtc(self) -> list[float]:
        """What each VAD says, 0 or 1: Gaussian mixtures in six bands, trained on far more talk than ours."""
        pcm = self.near.tobytes()
        return [float(vad.is_speech(pcm, RATE)) for vad in self._vads]

    def _follow(self, change: Floats) -> None:
        """Floors move in dB: down fast and up slowly, up fast and down slowly, and the mean of about a second."""
        self._frames += 1
        fall, more = _FALL, _RISE_MORE
        if self._frames < 50:  # they settle faster at first
            mean = max(0.02, 1 / (self._frames + 1))
            fall = np.array([[0.3], [0.02], [mean]], np.float32)
            more = np.array([[0.15 if self._frames < 25 else 0.02], [0.1], [mean]], np.float32) - fall
        rate = np.multiply(change > 0, more)
        rate += fall
        np.minimum(change, _STEP, out=change)
        change *= rate
        self._floors += change
