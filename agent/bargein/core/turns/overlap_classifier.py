"""Classifies a sound over the agent's speech, with every frame: a word, a backchannel, or another sound.

The classifier looks at the sound alone, from its first frame on: its spectrum against the background and against its
own loudest frame, its pitch, how it rises, and what the detector says of it. It costs nothing without an overlap.

NumPy transforms, compiled loops do the rest: a frame of an overlap would cost three times as much otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, SILENCE, Pcm
from ..detector.compiled import Spectra, compiled, copy
from ..detector.vad_frame import VadFrame

BANDS = 20
WINDOW = 256  # samples: the frame and the 12 ms before it
NEW = WINDOW - FRAME_SAMPLES  # where the frame begins in it
LEAD_FRAMES = 2  # before the estimated onset, where the classifier starts
BACKGROUND_FRAMES = 30  # before those: what the sound has to rise from
PITCH_LAGS = slice(20, 115)  # 400 to 70 Hz
PARTS = 4  # of a frame, 5 ms each: how steeply it rises

Floats = NDArray[np.float32]


def _bands() -> Floats:
    """(bins, BANDS): sums the power spectrum over triangles from 100 to 3800 Hz, even in mel."""
    mel = np.linspace(2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 3800 / 700), BANDS + 2)
    hz = 700 * (10 ** (mel / 2595) - 1)
    at = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rise = (at[:, None] - hz[None, :-2]) / (hz[1:-1] - hz[:-2])
    fall = (hz[None, 2:] - at[:, None]) / (hz[2:] - hz[1:-1])
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


_WINDOW = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
_BANDS = _bands() * np.float32(4.0 / (WINDOW * np.sum(_WINDOW**2)))
# (bins, lags): from a power spectrum to the autocorrelation.
_LAG_MATRIX = np.fft.irfft(np.eye(WINDOW // 2 + 1), axis=1)[:, PITCH_LAGS].astype(np.float32)
_LAGS = PITCH_LAGS.stop - PITCH_LAGS.start
_OWN = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * WINDOW)) ** 2)[PITCH_LAGS] / np.sum(_WINDOW**2)
_UNTAPERED = (1 / np.maximum(_OWN, 0.2)).astype(np.float32)  # undoes the window's own autocorrelation
_UNIT = np.float32(1 / FULL_SCALE)
_SHORTEST = PITCH_LAGS.start


@dataclass(frozen=True, slots=True)
class OverlapClass:
    """Probabilities of what the sound is, given all of it so far. They sum to 1."""

    word: float
    backchannel: float
    other: float  # a cough, a laugh, a keyboard, an echo


class OverlapFeatures:
    """The features of one sound, frame by frame."""

    SIZE = 2 * BANDS + 3 + PARTS + 3 + 2

    def __init__(self, before: Sequence[Pcm]) -> None:
        """`before`: the frames before the sound, oldest first: its background."""
        line = np.concatenate([np.zeros(WINDOW, np.int16), *before[-BACKGROUND_FRAMES:]]) * _UNIT
        self._line = line[-WINDOW:].copy()
        self._floor = np.full(BANDS, -75, np.float32)
        frames = sliding_window_view(line, WINDOW)[2 * FRAME_SAMPLES :: FRAME_SAMPLES]  # but the first
        if len(frames):
            spectra = np.fft.rfft(frames * _WINDOW)
            power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
            self._floor[:] = np.mean(10 * np.log10(power @ _BANDS + 1e-9), axis=0)
        self._memory = np.array([np.max(self._floor) + 6.0, 0.0, 0.0])  # the loudest band, the pitch, frames so far
        self._said = np.empty(3)

    def of(self, frame: Pcm, echo_dbfs: float, speechlike: float, score: float) -> Floats:
        """(SIZE,) features of the next frame; the rest is what the detector says of it, see `VadFrame`."""
        self._line[:NEW] = self._line[FRAME_SAMPLES:]
        np.multiply(frame, _UNIT, out=self._line[NEW:])
        self._said[:] = echo_dbfs, speechlike, score
        out = np.empty(OverlapFeatures.SIZE, np.float32)
        _describe(np.fft.rfft(self._line * _WINDOW), self._line, self._floor, self._memory, self._said, out)
        return out


@compiled
def _clipped(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


@compiled
def _describe(
    spectrum: Spectra, line: Floats, floor: Floats, memory: NDArray[np.float64], said: NDArray[np.float64], out: Floats
) -> None:
    """See `OverlapFeatures`."""
    bands, lags = np.zeros(BANDS, np.float32), np.zeros(_LAGS, np.float32)
    total = np.float32(0)  # the autocorrelation at lag 0
    for k in range(len(spectrum)):
        re, im = spectrum[k].real, spectrum[k].imag
        power = re * re + im * im
        total += power if k in (0, len(spectrum) - 1) else 2 * power
        for b in range(BANDS):
            bands[b] += power * _BANDS[k, b]
        for lag in range(_LAGS):
            lags[lag] += power * _LAG_MATRIX[k, lag]
    for b in range(BANDS):
        bands[b] = np.float32(10) * np.log10(bands[b] + np.float32(1e-9))
        memory[0] = max(memory[0], bands[b])
    for b in range(BANDS):
        out[b] = _clipped((bands[b] - floor[b]) * 0.05, -0.5, 2.5)
        out[BANDS + b] = _clipped((bands[b] - memory[0]) * 0.05, -2.5, 0.5)
    best, highest = 0, lags[0] * _UNTAPERED[0]
    for lag in range(1, _LAGS):
        if lags[lag] * _UNTAPERED[lag] > highest:
            best, highest = lag, lags[lag] * _UNTAPERED[lag]
    strength = _clipped(highest / (total / WINDOW + 1e-9), 0.0, 1.0)  # how periodic the frame is
    octaves = math.log2(RATE / (_SHORTEST + best) / 150)  # its pitch, over 150 Hz
    change = 0.0
    if strength > 0.5:
        change, memory[1] = octaves - memory[1], octaves
    memory[2] += 1
    at = 2 * BANDS
    out[at], out[at + 1], out[at + 2] = strength, octaves * strength, _clipped(change * 4, -1.0, 1.0)
    now, size = line[NEW:], FRAME_SAMPLES // PARTS
    level = crossings = 0.0
    for part in range(PARTS):
        energy = np.float32(0)
        for k in range(part * size, (part + 1) * size):
            energy += now[k] * now[k]
            if k and now[k] * now[k - 1] < 0:
                crossings += 1
        level += float(energy)
        rise = 10 * math.log10(energy / size + 1e-9) - memory[0]
        out[at + 3 + part] = _clipped(rise * 0.05, -2.5, 1.5)
    level = 10 * math.log10(level / FRAME_SAMPLES + 1e-9)
    at += 3 + PARTS
    out[at] = crossings / FRAME_SAMPLES * 3
    out[at + 1] = _clipped((level - said[0]) * 0.05, -1.0, 2.0)
    out[at + 2] = min(memory[2], 50.0) * 0.04
    out[at + 3], out[at + 4] = said[1], said[2]


class OverlapNetwork:
    """Dense, GRU (Cho et al. 2014, reset after the product as in cuDNN), softmax over three classes.

    The weights, folded, are for all calls; the state of one overlap comes and goes with each step. D and H may be any:
    in.w (SIZE, D), in.b; gru.wi (D, 3H), gru.wh (H, 3H), gru.bi, gru.bh in the order reset, update, new; out.w (H, 3),
    out.b; mean and scale (SIZE,) of the features.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        def layer(w: Floats, b: NDArray[np.floating]) -> Floats:
            """(inputs + 1, outputs)"""
            return np.concatenate([w, b[None]]).astype(np.float32)

        in_b = weights["in.b"] - (weights["mean"] * weights["scale"]) @ weights["in.w"]
        self._dense = layer(weights["in.w"] * weights["scale"][:, None], in_b)
        self._input = layer(weights["gru.wi"], weights["gru.bi"])
        self._hidden = layer(weights["gru.wh"], weights["gru.bh"])
        self._output = layer(weights["out.w"], weights["out.b"])
        self.size = len(weights["gru.wh"])
        OverlapClassifier(self).begin([SILENCE], 1, VadFrame(0, False, 0, False, 0, 0, 0, 0, SILENCE))  # compile it now

    def step(self, features: Floats, state: Floats) -> tuple[Floats, OverlapClass]:
        """(SIZE,) and the (H,) state so far; the next state and the probabilities."""
        after, scores = np.empty(self.size, np.float32), np.empty(3, np.float32)
        _infer(features, state, self._dense, self._input, self._hidden, self._output, after, scores)
        return after, OverlapClass(*scores.tolist())


@compiled
def _through(values: Floats, layer: Floats, out: Floats) -> None:
    """The sums of a layer: (inputs,) and (inputs + 1, outputs) to (outputs,)."""
    copy(layer[-1], out)
    for k in range(len(values)):
        value = values[k]
        if value != 0:  # a rectified layer gives many zeros
            for j in range(len(out)):
                out[j] += value * layer[k, j]


@compiled
def _infer(
    features: Floats,
    state: Floats,
    dense: Floats,
    given: Floats,
    hidden: Floats,
    output: Floats,
    after: Floats,
    scores: Floats,
) -> None:
    """See `OverlapNetwork`. `after` is the next state, `scores` are the probabilities."""
    n, half = len(state), np.float32(0.5)
    wide = np.empty(dense.shape[1], np.float32)
    from_input, from_state = np.empty(3 * n, np.float32), np.empty(3 * n, np.float32)
    _through(features, dense, wide)
    for k in range(len(wide)):
        wide[k] = max(wide[k], np.float32(0))
    _through(wide, given, from_input)
    _through(state, hidden, from_state)
    for k in range(n):
        reset = half + half * np.tanh(half * (from_input[k] + from_state[k]))
        update = half + half * np.tanh(half * (from_input[n + k] + from_state[n + k]))
        new = np.tanh(from_input[2 * n + k] + reset * from_state[2 * n + k])
        after[k] = new + update * (state[k] - new)
    _through(after, output, scores)
    total = np.float32(0)
    for k in range(len(scores)):
        scores[k] = np.exp(_clipped(scores[k], -20.0, 20.0))
        total += scores[k]
    for k in range(len(scores)):
        scores[k] /= total


class OverlapClassifier:
    """One per call. `begin` at the onset of a sound, then `step` with every frame of it."""

    def __init__(self, network: OverlapNetwork) -> None:
        self._network = network
        self._features = OverlapFeatures(())
        self._state = np.zeros(network.size, np.float32)

    def begin(self, near: Sequence[Pcm], frames_ago: int, now: VadFrame) -> OverlapClass:
        """`near`: the frames of the line so far, the newest last, `now`; the sound began `frames_ago` frames ago."""
        first = first_frame(len(near), frames_ago)
        self._features = OverlapFeatures(near[:first])
        self._state = np.zeros(self._network.size, np.float32)
        seen = OverlapClass(1.0, 0.0, 0.0)
        for frame in near[first:]:
            seen = self._step(frame, now)
        return seen

    def step(self, frame: VadFrame) -> OverlapClass:
        """The next frame of the line."""
        return self._step(frame.near, frame)

    def _step(self, near: Pcm, said: VadFrame) -> OverlapClass:
        features = self._features.of(near, said.echo_dbfs, said.speechlike, said.score)
        self._state, seen = self._network.step(features, self._state)
        return seen


def first_frame(count: int, frames_ago: int) -> int:
    """Which of `count` frames the classifier begins with if the sound began `frames_ago` frames before the last one."""
    return max(0, count - max(1, frames_ago) - LEAD_FRAMES)
