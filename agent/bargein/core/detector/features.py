"""Features of one frame: what rises above the noise floor and above what could be our echo, its pitch, and what
WebRTC's VAD makes of it.

As in echo_canceller.py the functions work on one frame of each of many calls. FEATURES_ROW is their state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat

import _webrtcvad  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_BYTES, FRAME_SAMPLES, FULL_SCALE, RATE, Pcm
from .compiled import Floats, Indices, Row, Rows, Spectra, add_product, compiled, fill
from .echo_row import BLOCK
from .transforms import spectra_of

BANDS = 16
WINDOW = 256  # samples: this frame and the 12 ms before it
NEW = WINDOW - FRAME_SAMPLES
LOWEST_DB = -100.0
PITCH_LAGS = slice(20, 115)  # 400 to 70 Hz

AGAINST = 6  # what the level of a band is compared with: three floors, the echo, its uncertainty, the loudest far end
SCALARS = 12
SIZE = AGAINST * BANDS + SCALARS


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
_FULL_SCALE = np.float32(FULL_SCALE)
_PER_DECIBEL = np.float32(math.log(10) / 10)
# Of the floors per frame (minimum, peaks, mean): how fast they rise and fall, and how far at once, so that speech is
# no floor.
_RISE = np.array([0.02, 0.1, 0.02], np.float32)
_FALL = np.array([0.3, 0.02, 0.02], np.float32)
_STEP = np.array([6.0, 200.0, 200.0], np.float32)  # dB
_MODES = (0, 3)  # of the VADs: easily and hardly convinced; 1 us each
_LAGS = PITCH_LAGS.stop - PITCH_LAGS.start


def _edges(points: int) -> Indices:
    """(BANDS + 1,): band b covers the bins from the b-th to before the next."""
    inside = band_matrix(points) > 0
    first = [int(np.flatnonzero(inside[:, band])[0]) for band in range(BANDS)]
    return np.array([*first, int(np.flatnonzero(inside[:, -1])[-1]) + 1])


_EDGES, _FAR_EDGES = _edges(WINDOW), _edges(BLOCK)
_WHOLE = np.float32(WINDOW)
_SCALE = np.float32(2.0 / (WINDOW * np.sum(_WINDOW**2)))
_FAR_SCALE = np.float32(2.0 / BLOCK**2)
# (bins, lags): from a power spectrum to the autocorrelation; and what undoes the window's own.
_LAG_MATRIX = np.fft.irfft(np.eye(WINDOW // 2 + 1), axis=1)[:, PITCH_LAGS].astype(np.float32)
_UNTAPERED = np.asarray(
    np.sum(_WINDOW**2) / np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * WINDOW)) ** 2)[PITCH_LAGS], np.float32
)

FEATURES_ROW = np.dtype(
    [
        ("recent", np.float32, (2, WINDOW)),  # of the line without our echo, and of the echo
        ("floors", np.float32, (3, BANDS)),  # minimum, peaks, mean of the level in dB
        ("over", np.float32, (AGAINST, BANDS)),
        ("features", np.float32, (SIZE,)),
        ("explained", np.float64),
        ("level_db", np.float64),  # of the frame; the floor's and the echo's likewise
        ("floor_db", np.float64),
        ("echo_db", np.float64),
        ("frames", np.int64),
    ],
    align=True,
)


@compiled
def begin_features(row: Row) -> None:
    """Set the row to the start of a call. The row must be all zero."""
    for j in range(3):
        fill(row.floors[j], -70.0)


@compiled
def _decibels(power: float) -> float:
    return 10 * math.log10(power + 1e-10)


@compiled
def take_frame(rows: Rows, which: Indices, windowed: Floats, pcm: Pcm) -> None:
    """Write the windows to be transformed to `windowed` (n, 2, 256), the line without our echo to `pcm` (n, 160)."""
    for i in range(len(which)):
        row = rows[which[i]]
        recent = row.recent
        for j in range(2):
            for k in range(NEW):
                recent[j, k] = recent[j, k + FRAME_SAMPLES]
        for k in range(FRAME_SAMPLES):
            recent[0, NEW + k] = row.near[k]
            recent[1, NEW + k] = row.echo[k]
        for j in range(2):
            for k in range(WINDOW):
                windowed[i, j, k] = recent[j, k] * _WINDOW[k]
        for k in range(FRAME_SAMPLES):
            pcm[i, k] = np.int16(min(max(row.near[k] * _FULL_SCALE, -_FULL_SCALE), _FULL_SCALE - np.float32(1)))


@compiled
def compute(rows: Rows, which: Indices, spectra: Spectra, voiced: NDArray[np.bool_]) -> None:
    """The features of the frame, into `row.features`. `voiced` (n, 2): what WebRTC's VADs say."""
    powers = np.empty((2, WINDOW // 2 + 1), np.float32)
    banded = np.empty((4, BANDS), np.float32)
    lags = np.empty(_LAGS, np.float32)
    for i in range(len(which)):
        row = rows[which[i]]
        for j in range(2):
            for k in range(WINDOW // 2 + 1):
                re, im = spectra[i, j, k].real * _WHOLE, spectra[i, j, k].imag * _WHOLE
                powers[j, k] = re * re + im * im
        for j in range(1, 4):
            fill(banded[j], 0)
        _band(powers[0], _EDGES, _SCALE, banded[0])
        if row.active:
            _band(powers[1], _EDGES, _SCALE, banded[1])
            _band(row.unsure, _FAR_EDGES, _FAR_SCALE, banded[2])
            _band(row.loudest, _FAR_EDGES, _FAR_SCALE, banded[3])
        for j in range(4):
            for b in range(BANDS):
                banded[j, b] = np.float32(10) * np.log10(banded[j, b] + np.float32(1e-10))
        if row.frames == 0:
            for j in range(3):
                for b in range(BANDS):
                    row.floors[j, b] = min(banded[0, b], np.float32(-45))
        _compare(row, banded)
        total = np.float32(0)
        fill(lags, 0)
        add_product(powers[0], _LAG_MATRIX, lags)
        for power in powers[0]:
            total += power
        pitch, tilt = np.float32(-1e30), np.float32(-1e30)
        for lag in range(_LAGS):
            pitch, tilt = max(pitch, lags[lag] * _UNTAPERED[lag]), max(tilt, lags[lag])
        scale = 1 / (float(total) * 2 / WINDOW + 1e-9)
        _scalars(row, float(pitch) * scale, float(tilt) * scale, voiced[i])
        _follow_floors(row)


@compiled
def _band(power: Floats, edges: Indices, scale: np.float32, out: Floats) -> None:
    for b in range(BANDS):
        total = np.float32(0)
        for k in range(edges[b], edges[b + 1]):
            total += power[k]
        out[b] = total * scale


@compiled
def _compare(row: Row, banded: Floats) -> None:
    """The level of each band against the floors and against what could be our echo."""
    for j in range(AGAINST):
        for b in range(BANDS):
            over = banded[0, b] - (row.floors[j, b] if j < 3 else banded[j - 2, b])
            row.over[j, b] = over
            row.features[j * BANDS + b] = min(max(over, np.float32(-30)), np.float32(45)) * np.float32(0.066)


@compiled
def _scalars(row: Row, pitch: float, tilt: float, voiced: NDArray[np.bool_]) -> None:
    early = late = across = echo = np.float32(0)
    for k in range(FRAME_SAMPLES // 2):
        early += row.near[k] * row.near[k]
        late += row.near[k + 80] * row.near[k + 80]
    for k in range(FRAME_SAMPLES):
        across += row.near[k] * row.echo[k]
        echo += row.echo[k] * row.echo[k]
    early_power, late_power = float(early) / 80, float(late) / 80
    power = 0.5 * (early_power + late_power)
    row.level_db = _decibels(power)
    floor = np.float32(0)
    for b in range(BANDS):
        floor += np.exp(row.floors[0, b] * _PER_DECIBEL)
    row.floor_db = _decibels(float(floor))
    row.echo_db = LOWEST_DB
    removed = 0.0
    if row.active:
        echo_power = float(echo) / FRAME_SAMPLES
        row.echo_db = _decibels(echo_power)
        line = max(0.0, power + echo_power + 2 * float(across) / FRAME_SAMPLES)
        removed = _decibels(line) - row.level_db
        if line > 1e-6:
            row.explained += 0.05 * (removed - row.explained)
    out = row.features[AGAINST * BANDS :]
    out[0] = (_decibels(early_power) - row.floor_db) * 0.05
    out[1] = (_decibels(late_power) - row.floor_db) * 0.05
    out[2] = (row.level_db + 45) * 0.05
    out[3] = pitch
    out[4] = tilt
    out[5] = removed * 0.1
    out[6] = row.explained * 0.1
    out[7] = row.active
    out[8] = row.aligned
    out[9] = (row.floor_db + 55) * 0.05
    out[10] = voiced[0]
    out[11] = voiced[1]
    for k in range(SCALARS):
        out[k] = min(max(out[k], np.float32(-3)), np.float32(3))


@compiled
def _follow_floors(row: Row) -> None:
    """Floors move in dB: down fast and up slowly, up fast and down slowly, and the mean of about a second."""
    row.frames += 1
    for j in range(3):
        rise, fall = _RISE[j], _FALL[j]
        if row.frames < 50:  # they settle faster at first
            if j == 0 and row.frames < 25:
                rise = np.float32(0.15)
            if j == 2:
                rise = fall = np.float32(max(0.02, 1 / (row.frames + 1)))
        for b in range(BANDS):
            change = row.over[j, b]
            row.floors[j, b] += (rise if change > 0 else fall) * min(change, _STEP[j])


class VoiceActivity:
    """What WebRTC's VAD makes of a call: Gaussian mixtures in six bands, trained on far more talk than ours."""

    def __init__(self) -> None:
        self.vads = [_webrtcvad.create() for _ in _MODES]
        for vad, mode in zip(self.vads, _MODES, strict=True):
            _webrtcvad.init(vad)
            _webrtcvad.set_mode(vad, mode)


def _voiced(near: Pcm, activity: Sequence[VoiceActivity]) -> NDArray[np.bool_]:
    """(n, 2): what the VADs of each call say of its frame. near: (n, 160).

    The class `webrtcvad.Vad` around these functions would cost half as much again.
    """
    data, size = near.tobytes(), FRAME_BYTES
    frames = [data[at : at + size] for at in range(0, len(data), size) for _ in _MODES]
    vads = [vad for of_call in activity for vad in of_call.vads]
    said = map(_webrtcvad.process, vads, repeat(RATE), frames, repeat(FRAME_SAMPLES))
    return np.array(list(said), np.bool_).reshape(-1, len(_MODES))


def extract(rows: Rows, which: Indices, activity: Sequence[VoiceActivity]) -> Pcm:
    """The features of one frame of the calls `which`, after `cancel`. Returns the line without echo, (n, 160)."""
    windowed = np.empty((len(which), 2, WINDOW), np.float32)
    near = np.empty((len(which), FRAME_SAMPLES), np.int16)
    take_frame(rows, which, windowed, near)
    compute(rows, which, spectra_of(windowed), _voiced(near, activity))
    return near
