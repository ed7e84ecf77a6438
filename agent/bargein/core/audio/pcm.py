"""8 kHz signed-linear audio ("slin"): constants, levels, fades, re-chunking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .rate import RATE as RATE
from .rate import SAMPLES_PER_MS as SAMPLES_PER_MS
from .rate import ms as ms
from .rate import samples as samples

FRAME_SAMPLES = 160  # 8000 Hz x 20 ms
FRAME_BYTES = 320  # 160 samples x 2 bytes
WIDE = 2  # samples at 16 kHz for one at 8 kHz
WIDE_RATE = WIDE * RATE
WIDE_FRAME_SAMPLES = WIDE * FRAME_SAMPLES
FULL_SCALE = 32768.0
_SLIN = np.dtype("<i2")
_SLIN_IS_OURS = np.dtype(np.int16) == _SLIN  # not on a big-endian machine

Pcm = NDArray[np.int16]  # one-dimensional, 8 kHz mono

SILENCE: Pcm = np.zeros(FRAME_SAMPLES, np.int16)
SILENCE.setflags(write=False)
WIDE_SILENCE: Pcm = np.zeros(WIDE_FRAME_SAMPLES, np.int16)
WIDE_SILENCE.setflags(write=False)


def from_bytes(payload: bytes) -> Pcm:
    """Little-endian 16-bit payload as samples; an odd last byte is dropped."""
    pcm = np.frombuffer(payload, _SLIN, len(payload) // 2)
    return pcm if _SLIN_IS_OURS else pcm.astype(np.int16)


def to_bytes(pcm: Pcm) -> bytes:
    """Samples as little-endian 16-bit bytes."""
    return pcm.tobytes() if _SLIN_IS_OURS else pcm.astype(_SLIN).tobytes()


def whole_frames(pcm: Pcm) -> NDArray[np.int16]:
    """(frames, 160); samples at the end that fill no frame are left out."""
    return pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def dbfs(pcm: Pcm) -> float:
    """RMS level relative to full scale in dB; -120 for silence or nothing."""
    if not len(pcm):
        return -120.0
    x = pcm.astype(np.float64)
    return float(10 * np.log10(np.dot(x, x) / len(x) / FULL_SCALE**2 + 1e-12))


def faded(pcm: Pcm, gain_from: float, gain_to: float) -> Pcm:
    """A copy with a raised-cosine ramp between two gains over its whole length."""
    if not len(pcm):
        return pcm
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(len(pcm)) + 1) / len(pcm))
    return np.asarray(np.round(pcm * (gain_from + (gain_to - gain_from) * ramp)), np.int16)


class Rechunker:
    """Audio of any size in, frames of `size` samples out. The rest waits for the next call."""

    def __init__(self, size: int = FRAME_SAMPLES) -> None:
        self._size = size
        self._rest: Pcm = np.zeros(0, np.int16)

    def feed(self, pcm: Pcm) -> list[Pcm]:
        """All frames that are complete now, in order."""
        size = self._size
        if len(pcm) == size and not len(self._rest):
            return [pcm]
        joined = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        whole = len(joined) // size
        self._rest = joined[whole * size :].copy()
        return [joined[i * size : (i + 1) * size] for i in range(whole)]
