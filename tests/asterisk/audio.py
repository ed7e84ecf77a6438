"""What tests ask of audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .g711 import Pcm

RATE = 8000
BLOCK = 400  # 50 ms


def tone_level(pcm: Pcm, hz: float) -> NDArray[np.float64]:
    """For each block of 50 ms the share of its energy that is at `hz`; 0 where it is silent."""
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(float)
    energy = (blocks**2).sum(axis=1)
    wave = np.exp(-2j * np.pi * hz * np.arange(BLOCK) / RATE)
    at_hz = 2 * np.abs(blocks @ wave) ** 2 / BLOCK
    return np.where(energy > BLOCK * 100.0**2, at_hz / np.maximum(energy, 1), 0)


def hears(pcm: Pcm, hz: float, seconds: float = 0.2) -> bool:
    """Whether it holds a tone of `hz` for at least `seconds`."""
    return bool((tone_level(pcm, hz) > 0.7).sum() * BLOCK / RATE >= seconds)


def begins(pcm: Pcm, hz: float) -> float:
    """Seconds from its start to the first block that holds the tone; infinity if there is none."""
    found = np.flatnonzero(tone_level(pcm, hz) > 0.7)
    return float(found[0] * BLOCK / RATE) if len(found) else float("inf")
