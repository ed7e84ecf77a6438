"""Classifies a sound over the agent's speech, with every frame: a word, a backchannel, or another sound.

The classifier looks at the sound alone, from its first frame on: its spectrum against the background and against its
own loudest frame, its pitch, how it rises, and what the detector says of it. It costs nothing without an overlap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.pcm import FRAME_SAMPLES, FULL_SCALE, RATE, Pcm
from ..detector.vad_frame import VadFrame

BANDS = 20
WINDOW = 256  # samples: the frame and the 12 ms before it
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
_OWN = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * WINDOW)) ** 2)[PITCH_LAGS] / np.sum(_WINDOW**2)
_UNTAPERED = (1 / np.maximum(_OWN, 0.2)).astype(np.float32)  # undoes the window's own autocorrelation
_UNIT = np.float32(1 / FULL_SCALE)


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
        self._tail = np.zeros(WINDOW, np.float32)
        spectra = [self._levels(frame)[0] for frame in before[-BACKGROUND_FRAMES:]]
        self._floor = np.mean(spectra[1:], axis=0) if len(spectra) > 1 else np.full(BANDS, -75, np.float32)
        self._loudest = float(np.max(self._floor)) + 6.0
        self._frames = 0
        self._pitch = 0.0

    def _levels(self, frame: Pcm) -> tuple[Floats, Floats]:
        """Band levels in dB, and the power spectrum."""
        tail = self._tail
        tail[: WINDOW - FRAME_SAMPLES] = tail[FRAME_SAMPLES:]
        np.multiply(frame, _UNIT, out=tail[WINDOW - FRAME_SAMPLES :])
        spectrum = np.fft.rfft(tail * _WINDOW)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return 10 * np.log10(power @ _BANDS + 1e-9), power

    def of(self, frame: Pcm, echo_dbfs: float, speechlike: float, score: float) -> Floats:
        """(SIZE,) features of the next frame; the rest is what the detector says of it, see `VadFrame`."""
        bands, power = self._levels(frame)
        self._loudest = max(self._loudest, float(np.max(bands)))
        out = np.empty(OverlapFeatures.SIZE, np.float32)
        out[:BANDS] = np.clip((bands - self._floor) * 0.05, -0.5, 2.5)
        out[BANDS : 2 * BANDS] = np.clip((bands - self._loudest) * 0.05, -2.5, 0.5)
        strength, octaves = self._pitch_of(power)
        change = octaves - self._pitch if strength > 0.5 else 0.0
        if strength > 0.5:
            self._pitch = octaves
        now = self._tail[WINDOW - FRAME_SAMPLES :]
        parts = 10 * np.log10(np.mean(np.square(now).reshape(PARTS, -1), axis=1) + 1e-9)
        crossings = float(np.count_nonzero(now[1:] * now[:-1] < 0)) / FRAME_SAMPLES
        level = 10 * math.log10(float(now @ now) / FRAME_SAMPLES + 1e-9)
        self._frames += 1
        out[2 * BANDS : 2 * BANDS + 3] = strength, octaves * strength, max(-1.0, min(1.0, change * 4))
        out[2 * BANDS + 3 : 2 * BANDS + 3 + PARTS] = np.clip((parts - self._loudest) * 0.05, -2.5, 1.5)
        rise = max(-1.0, min(2.0, (level - echo_dbfs) * 0.05))
        out[-5:] = crossings * 3, rise, min(self._frames, 50) * 0.04, speechlike, score
        return out

    def _pitch_of(self, power: Floats) -> tuple[float, float]:
        """How periodic the frame is, 0 to 1, and its pitch in octaves over 150 Hz."""
        correlation = np.fft.irfft(power)
        total = float(correlation[0]) + 1e-9
        lags = correlation[PITCH_LAGS] * _UNTAPERED
        best = int(np.argmax(lags))
        return max(0.0, min(1.0, float(lags[best]) / total)), math.log2(RATE / (PITCH_LAGS.start + best) / 150)


class OverlapNetwork:
    """Dense, GRU (Cho et al. 2014, reset after the product as in cuDNN), softmax over three classes.

    The weights, folded, are for all calls; the state of one overlap comes and goes with each step. D and H may be any:
    in.w (SIZE, D), in.b; gru.wi (D, 3H), gru.wh (H, 3H), gru.bi, gru.bh in the order reset, update, new; out.w (H, 3),
    out.b; mean and scale (SIZE,) of the features.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._in_w = weights["in.w"] * weights["scale"][:, None]
        self._in_b = weights["in.b"] - (weights["mean"] * weights["scale"]) @ weights["in.w"]
        self._wi, self._bi = weights["gru.wi"], weights["gru.bi"]
        self._wh, self._bh = weights["gru.wh"], weights["gru.bh"]
        self._out_w, self._out_b = weights["out.w"], weights["out.b"]
        self.size = len(self._wh)

    def step(self, features: Floats, state: Floats) -> tuple[Floats, OverlapClass]:
        """(SIZE,) and the (H,) state so far; the next state and the probabilities."""
        n = self.size
        from_input = np.maximum(features @ self._in_w + self._in_b, 0) @ self._wi + self._bi
        from_state = state @ self._wh + self._bh
        gates = 0.5 + 0.5 * np.tanh(0.5 * (from_input[: 2 * n] + from_state[: 2 * n]))
        new = np.tanh(from_input[2 * n :] + gates[:n] * from_state[2 * n :])
        state = new + gates[n:] * (state - new)
        scores = np.exp(np.clip(state @ self._out_w + self._out_b, -20, 20))
        word, backchannel, other = (scores / np.sum(scores)).tolist()
        return state, OverlapClass(word, backchannel, other)


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
